//! What a collection of the embedded engine is made of.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::{fs, io};

use qdrant_edge::{
    Condition, CountRequest, CreateIndex, DatetimeIndexParams, Distance, EdgeConfig,
    EdgeOptimizersConfig, EdgeShard, EdgeSparseVectorParams, EdgeVectorParams,
    FieldIndexOperations, Filter, HnswIndexConfig, IntegerIndexParams, JsonPath,
    KeywordIndexParams, Modifier, OperationResult, PayloadFieldSchema, PayloadSchemaParams,
    PointId, QuantizationConfig, ScalarQuantizationConfig, ScalarType, UpdateOperation,
    UuidIndexParams, WalOptions,
};
use serde_json::Value;
use uuid::Uuid;

use super::files;
use crate::config::Quantization;
use crate::index::collection::{DENSE, FieldKind, INDEXED, QUANTILE, SPARSE};

/// Bytes of a part of the write-ahead log. Nothing ever reads it again; small parts are deleted
/// sooner.
const LOG_PART: usize = 8 << 20;

/// Kilobytes of dense vectors above which a segment gets its graph (Qdrant's default). Below it a
/// search compares with every vector: 2 ms for 5,000 of 384 dimensions on a busy two-core machine.
const INDEXING_THRESHOLD_KB: usize = 10_000;

/// Kilobytes of a segment at most. A search walks the segments one after the other, so that few
/// large ones are best.
const MAX_SEGMENT_KB: usize = 4_000_000;

/// Points of a segment that is being filled, about: with fewer the files of more segments cost more than
/// the shorter lists of a term's points save.
const FILLED_WITH: usize = 750;

/// Segments that a collection which is being built is spread over at the most.
const BUILDING_SEGMENTS: usize = 64;

/// Points that a collection which is being built is filled with before they are settled: about 6 KB of memory
/// for each until then, with what settling takes.
const SETTLED_WITH: usize = 12_500;

/// Segments of a collection with a graph: one with it, one for what comes later.
const SEGMENTS_WITH_GRAPH: usize = 2;

/// The folder of a collection's segments.
pub(super) const SEGMENTS: &str = "segments";

/// The folder of a segment without points, beside the others: copies of it are filled.
const EMPTY: &str = "empty-segment";

/// The folder of a segment's payload indexes, and in it the file that lists them.
const PAYLOAD_INDEXES: &str = "payload_index";
const INDEX_LIST: &str = "config.json";

/// The configuration of a new collection.
pub(super) fn config(dimensions: usize, quantization: Quantization) -> EdgeConfig {
    EdgeConfig {
        on_disk_payload: true,
        vectors: HashMap::from([(
            DENSE.into(),
            EdgeVectorParams {
                size: dimensions,
                distance: Distance::Cosine,
                on_disk: Some(true),
                multivector_config: None,
                datatype: None,
                quantization_config: None,
                hnsw_config: None,
            },
        )]),
        sparse_vectors: HashMap::from([(
            SPARSE.into(),
            EdgeSparseVectorParams {
                modifier: Some(Modifier::Idf),
                on_disk: Some(true),
                ..EdgeSparseVectorParams::default()
            },
        )]),
        hnsw_config: HnswIndexConfig::default(),
        quantization_config: quantized(quantization),
        optimizers: EdgeOptimizersConfig {
            default_segment_number: Some(SEGMENTS_WITH_GRAPH),
            max_segment_size: Some(MAX_SEGMENT_KB),
            indexing_threshold: Some(INDEXING_THRESHOLD_KB),
            ..EdgeOptimizersConfig::default()
        },
        wal_options: Some(WalOptions {
            segment_capacity: LOG_PART,
            segment_queue_len: 0,
            retain_closed: NonZeroUsize::MIN,
        }),
    }
}

fn quantized(quantization: Quantization) -> Option<QuantizationConfig> {
    match quantization {
        Quantization::None => None,
        Quantization::Int8 => Some(QuantizationConfig::from(ScalarQuantizationConfig {
            r#type: ScalarType::Int8,
            quantile: Some(QUANTILE),
            always_ram: Some(true),
        })),
    }
}

/// Takes the indexes of missing values out of the segments of a new collection, which is closed. Edge adds one
/// to the index of every field, for conditions that docent never asks for, and reads 2 MB of each when it
/// loads a segment, however few points there are: of a small run's CPU that was a fifth. A list that
/// reads otherwise than that of Edge 0.7.2 is left alone.
pub(super) fn drop_null_indexes(collection: &Path) -> io::Result<()> {
    for segment in fs::read_dir(collection.join(SEGMENTS))? {
        let indexes = segment?.path().join(PAYLOAD_INDEXES);
        let Some(list) = files::read(&indexes.join(INDEX_LIST))? else {
            continue;
        };
        let Some(list) = without_null_indexes(&list) else {
            continue;
        };
        files::write(&indexes, INDEX_LIST, &list)?;
        for index in fs::read_dir(&indexes)? {
            let index = index?;
            if index.file_name().to_string_lossy().ends_with("-null") {
                fs::remove_dir_all(index.path())?;
            }
        }
    }
    Ok(())
}

/// A segment's list of payload indexes; `None`: it reads otherwise than expected.
fn without_null_indexes(list: &str) -> Option<String> {
    let mut list: Value = serde_json::from_str(list).ok()?;
    for types in list.get_mut("indexed_types")?.as_object_mut()?.values_mut() {
        let types = types.as_array_mut()?;
        types.retain(|index| index["index_type"] != "null_index");
        if types.is_empty() {
            // Edge would take the field for one whose indexes are still to be made.
            return None;
        }
    }
    Some(list.to_string())
}

/// Keeps the one segment of a new collection, which has no points yet, for [`copy_segments`].
pub(super) fn keep_empty(collection: &Path) -> io::Result<()> {
    forget_empty(collection)?;
    let entries: Vec<_> = fs::read_dir(collection.join(SEGMENTS))?.collect::<io::Result<_>>()?;
    match entries.as_slice() {
        [empty] => files::copy_folder(&empty.path(), &collection.join(EMPTY)),
        _ => Ok(()),
    }
}

/// The collection is built.
pub(super) fn forget_empty(collection: &Path) -> io::Result<()> {
    match fs::remove_dir_all(collection.join(EMPTY)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Adds segments without points, so that there are enough for so many points, or for those that come before
/// they are settled. A copy that is cut short by a crash stands under a hidden name, which Edge passes over.
pub(super) fn copy_segments(collection: &Path, points: usize, dimensions: usize) -> io::Result<()> {
    let (segments, empty) = (collection.join(SEGMENTS), collection.join(EMPTY));
    if !empty.is_dir() {
        return Ok(());
    }
    let points = if is_large(points, dimensions) {
        points.min(SETTLED_WITH)
    } else {
        points
    };
    for _ in 1..(points / FILLED_WITH).min(BUILDING_SEGMENTS) {
        let name = Uuid::new_v4().to_string();
        let passing = segments.join(format!(".{name}"));
        files::copy_folder(&empty, &passing)?;
        fs::rename(passing, segments.join(name))?;
    }
    Ok(())
}

/// Whether a collection of `expected` points that is being built was filled with as many as are kept in
/// memory. Only where [`aim`] will build a graph: otherwise nothing is ever merged.
pub(super) fn is_full(filled: usize, expected: usize, dimensions: usize) -> bool {
    filled >= SETTLED_WITH && is_large(expected.max(filled), dimensions)
}

/// Whether so many dense vectors get a graph.
fn is_large(points: usize, dimensions: usize) -> bool {
    points * dimensions * size_of::<f32>() >= INDEXING_THRESHOLD_KB * 1024
}

/// Tells `optimize` to merge what is being filled into one segment that is read from the disk, without a
/// graph; then there are `settled` of them, and an empty one.
pub(super) fn aim_at_settled(engine: &EdgeShard, settled: usize) -> OperationResult<()> {
    let optimizers = EdgeOptimizersConfig {
        default_segment_number: Some(settled + 1),
        // Whatever is larger than nothing.
        indexing_threshold: Some(1),
        ..engine.config().optimizers.clone()
    };
    engine.set_optimizers_config(optimizers)?;
    engine.set_hnsw_config(HnswIndexConfig {
        m: 0,
        ..HnswIndexConfig::default()
    })
}

/// Tells what `optimize` should come to. With enough dense vectors for a graph: few segments. Below
/// that nothing is rebuilt: a search compares with every vector anyway (Edge would else build the
/// graph where the sparse vectors alone are large, and then not use it).
pub(super) fn aim(engine: &EdgeShard) -> OperationResult<()> {
    let (dimensions, before, graph) = {
        let config = engine.config();
        let dimensions = config.vectors.values().map(|vector| vector.size).sum();
        (dimensions, config.optimizers.clone(), config.hnsw_config)
    };
    if graph != HnswIndexConfig::default() {
        engine.set_hnsw_config(HnswIndexConfig::default())?;
    }
    let large = is_large(engine.info().points_count, dimensions);
    let after = EdgeOptimizersConfig {
        default_segment_number: Some(if large {
            SEGMENTS_WITH_GRAPH
        } else {
            BUILDING_SEGMENTS
        }),
        // 0: never.
        indexing_threshold: Some(if large { INDEXING_THRESHOLD_KB } else { 0 }),
        ..before.clone()
    };
    if after == before {
        return Ok(());
    }
    engine.set_optimizers_config(after)
}

/// The payload fields with an index, and what makes it.
pub(super) fn payload_indexes() -> impl Iterator<Item = (&'static str, UpdateOperation)> {
    INDEXED.iter().map(|indexed| {
        let enable_hnsw = Some(indexed.searched);
        // What no search filters by need not be in memory; of a segment that is settled it is on disk.
        let on_disk = Some(!indexed.searched);
        let schema = match indexed.kind {
            FieldKind::Keyword => PayloadSchemaParams::Keyword(KeywordIndexParams {
                enable_hnsw,
                on_disk,
                ..KeywordIndexParams::default()
            }),
            FieldKind::Uuid => PayloadSchemaParams::Uuid(UuidIndexParams {
                enable_hnsw,
                on_disk,
                ..UuidIndexParams::default()
            }),
            FieldKind::Integer => PayloadSchemaParams::Integer(IntegerIndexParams {
                lookup: Some(true),
                range: Some(false),
                enable_hnsw,
                on_disk,
                ..IntegerIndexParams::default()
            }),
            FieldKind::Datetime => PayloadSchemaParams::Datetime(DatetimeIndexParams {
                enable_hnsw,
                on_disk,
                ..DatetimeIndexParams::default()
            }),
        };
        let operation =
            UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(CreateIndex {
                field_name: path(indexed.field),
                field_schema: Some(PayloadFieldSchema::FieldParams(schema)),
            }));
        (indexed.field, operation)
    })
}

/// Counts the copies of points: a point that stands in two segments counts twice.
pub(super) fn count_of(ids: &[PointId]) -> CountRequest {
    CountRequest {
        filter: Some(Filter::new_must(Condition::HasId(
            ids.iter().copied().collect(),
        ))),
        exact: true,
    }
}

/// The path of a top-level payload field.
pub(super) fn path(field: &str) -> JsonPath {
    JsonPath {
        first_key: field.to_owned(),
        rest: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_indexes_loses_those_of_missing_values_and_nothing_else() {
        let list = r#"{"indexed_fields":{"groups":{"type":"keyword"}},"indexed_types":{"groups":[{"index_type":"keyword_index","storage_type":"gridstore"},{"index_type":"null_index"}]}}"#;
        let lean: Value = serde_json::from_str(&without_null_indexes(list).unwrap()).unwrap();
        let mut expected: Value = serde_json::from_str(list).unwrap();
        expected["indexed_types"]["groups"]
            .as_array_mut()
            .unwrap()
            .pop();
        assert_eq!(lean, expected);
    }

    #[test]
    fn a_list_that_reads_otherwise_is_left_alone() {
        for list in [
            "",
            "[]",
            "{}",
            r#"{"indexed_types":[]}"#,
            r#"{"indexed_types":{"groups":{}}}"#,
            r#"{"indexed_types":{"groups":[{"index_type":"null_index"}]}}"#,
        ] {
            assert_eq!(without_null_indexes(list), None, "{list}");
        }
    }
}
