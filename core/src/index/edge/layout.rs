//! What a collection of the embedded engine is made of.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use qdrant_edge::{
    Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig,
    EdgeSparseVectorParams, EdgeVectorParams, FieldIndexOperations, Filter, HnswIndexConfig,
    JsonPath, KeywordIndexParams, Modifier, PayloadFieldSchema, PayloadSchemaParams, PointId,
    UpdateOperation, UuidIndexParams, WalOptions,
};

use crate::index::collection::{DENSE, INDEXED, SPARSE};

/// Bytes of a part of the write-ahead log. Nothing ever reads it again; small parts are deleted
/// sooner.
const LOG_PART: usize = 8 << 20;

/// Kilobytes of dense vectors above which a segment gets its graph (Qdrant's default). Below it a
/// search compares with every vector: 2 ms for 5,000 of 384 dimensions on a busy two-core machine.
const INDEXING_THRESHOLD_KB: usize = 10_000;

/// Kilobytes of a segment at most. A search walks the segments one after the other, so that few
/// large ones are best.
const MAX_SEGMENT_KB: usize = 4_000_000;

/// The configuration of a new collection.
pub(super) fn config(dimensions: usize) -> EdgeConfig {
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
        quantization_config: None,
        optimizers: EdgeOptimizersConfig {
            default_segment_number: Some(2),
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

/// Makes the payload indexes.
pub(super) fn payload_indexes() -> impl Iterator<Item = UpdateOperation> {
    INDEXED.iter().map(|indexed| {
        let enable_hnsw = Some(indexed.searched);
        let schema = if indexed.uuid {
            PayloadSchemaParams::Uuid(UuidIndexParams {
                enable_hnsw,
                ..UuidIndexParams::default()
            })
        } else {
            PayloadSchemaParams::Keyword(KeywordIndexParams {
                enable_hnsw,
                ..KeywordIndexParams::default()
            })
        };
        UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(CreateIndex {
            field_name: path(indexed.field),
            field_schema: Some(PayloadFieldSchema::FieldParams(schema)),
        }))
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
