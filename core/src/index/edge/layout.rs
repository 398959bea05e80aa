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

/// Segments of a collection with a graph: one with it, one for what comes later.
const SEGMENTS: usize = 2;

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
            default_segment_number: Some(SEGMENTS),
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

/// Copies the one empty segment of a new collection, so that there are enough for so many points. A
/// copy that is cut short by a crash stands under a hidden name, which Edge passes over.
pub(super) fn copy_segments(segments: &Path, points: usize) -> io::Result<()> {
    let entries: Vec<_> = fs::read_dir(segments)?.collect::<io::Result<_>>()?;
    let [empty] = entries.as_slice() else {
        return Ok(());
    };
    for _ in 1..(points / FILLED_WITH).min(BUILDING_SEGMENTS) {
        let name = Uuid::new_v4().to_string();
        let passing = segments.join(format!(".{name}"));
        files::copy_folder(&empty.path(), &passing)?;
        fs::rename(passing, segments.join(name))?;
    }
    Ok(())
}

/// Tells what `optimize` should come to. With enough dense vectors for a graph: few segments. Below
/// that nothing is rebuilt: a search compares with every vector anyway (Edge would else build the
/// graph where the sparse vectors alone are large, and then not use it).
pub(super) fn aim(engine: &EdgeShard) -> OperationResult<()> {
    let (bytes, before) = {
        let config = engine.config();
        let dimensions: usize = config.vectors.values().map(|vector| vector.size).sum();
        let bytes = engine.info().points_count * dimensions * size_of::<f32>();
        (bytes, config.optimizers.clone())
    };
    let large = bytes >= INDEXING_THRESHOLD_KB * 1024;
    let after = EdgeOptimizersConfig {
        default_segment_number: Some(if large { SEGMENTS } else { BUILDING_SEGMENTS }),
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
        let schema = match indexed.kind {
            FieldKind::Keyword => PayloadSchemaParams::Keyword(KeywordIndexParams {
                enable_hnsw,
                ..KeywordIndexParams::default()
            }),
            FieldKind::Uuid => PayloadSchemaParams::Uuid(UuidIndexParams {
                enable_hnsw,
                ..UuidIndexParams::default()
            }),
            FieldKind::Integer => PayloadSchemaParams::Integer(IntegerIndexParams {
                lookup: Some(true),
                range: Some(false),
                enable_hnsw,
                ..IntegerIndexParams::default()
            }),
            FieldKind::Datetime => PayloadSchemaParams::Datetime(DatetimeIndexParams {
                enable_hnsw,
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
