//! Between docent's types and Edge's.

use std::collections::HashMap;

use qdrant_edge::{
    Condition, CountRequest, Direction, FacetRequest, FacetResponse, FacetValue, FieldCondition,
    Filter as EdgeFilter, Match, NamedQuery, OperationError, OperationResult, OrderBy,
    OrderByInterface, Payload as EdgePayload, PayloadOps, PointId, PointInsertOperations,
    PointOperations, PointStructPersisted, PointVectorsPersisted, QueryEnum, QueryRequest, Record,
    ScoredPoint, ScoringQuery, ScrollRequest, SearchParams, SetPayloadOp,
    SparseVector as EdgeSparse, UpdateOperation, UpdateVectorsOp, ValueVariants, VectorInternal,
    VectorOperations, VectorPersisted, VectorStructInternal, VectorStructPersisted,
    WithPayloadInterface, WithVector,
};
use serde_json::Value;
use uuid::Uuid;

use super::layout;
use crate::index::SparseVector;
use crate::index::collection::{DENSE, SPARSE};
use crate::index::fusion::Scored;
use crate::index::point::{
    End, Facet, Filter, Moment, Page, Payload, Point, SearchRequest, StoredPoint,
};

/// Narrowest beam of a search in the graph of the dense vectors.
const LEAST_BEAM: usize = 64;

/// Stores points, replacing those with the same id.
pub(super) fn upsert(points: Vec<Point>) -> UpdateOperation {
    let points = points
        .into_iter()
        .map(|point| PointStructPersisted {
            id: PointId::Uuid(point.id),
            vector: VectorStructPersisted::Named(HashMap::from([
                (DENSE.into(), VectorPersisted::Dense(point.dense)),
                (SPARSE.into(), sparse_persisted(point.sparse)),
            ])),
            payload: Some(to_payload(&point.payload)),
        })
        .collect();
    UpdateOperation::PointOperation(PointOperations::UpsertPoints(
        PointInsertOperations::PointsList(points),
    ))
}

/// Deletes points in all segments.
pub(super) fn delete(ids: Vec<PointId>) -> UpdateOperation {
    UpdateOperation::PointOperation(PointOperations::DeletePoints { ids })
}

/// Stores records as they were read.
pub(super) fn upsert_records(records: Vec<Record>) -> UpdateOperation {
    let points = records
        .into_iter()
        .filter_map(|record| {
            Some(PointStructPersisted {
                id: record.id,
                vector: record.vector?.into(),
                payload: record.payload,
            })
        })
        .collect();
    UpdateOperation::PointOperation(PointOperations::UpsertPoints(
        PointInsertOperations::PointsList(points),
    ))
}

/// Overwrites payloads, one operation each, and then all the sparse vectors at once.
pub(super) fn set_metadata(changes: Vec<(Uuid, Payload, SparseVector)>) -> Vec<UpdateOperation> {
    let mut operations = Vec::with_capacity(changes.len() + 1);
    let mut sparse = Vec::with_capacity(changes.len());
    for (id, payload, vector) in changes {
        operations.push(UpdateOperation::PayloadOperation(
            PayloadOps::OverwritePayload(SetPayloadOp {
                payload: to_payload(&payload),
                points: Some(vec![PointId::Uuid(id)]),
                filter: None,
                key: None,
            }),
        ));
        sparse.push((id, vector));
    }
    operations.push(set_sparse(sparse));
    operations
}

/// Replaces sparse vectors.
pub(super) fn set_sparse(changes: Vec<(Uuid, SparseVector)>) -> UpdateOperation {
    let points = changes
        .into_iter()
        .map(|(id, vector)| PointVectorsPersisted {
            id: PointId::Uuid(id),
            vector: VectorStructPersisted::Named(HashMap::from([(
                SPARSE.into(),
                sparse_persisted(vector),
            )])),
        })
        .collect();
    UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(UpdateVectorsOp {
        points,
        update_filter: None,
    }))
}

/// `None` where there is no condition.
pub(super) fn filter(filter: &Filter) -> Option<EdgeFilter> {
    let mut must = Vec::new();
    for (name, values) in [
        ("groups", &filter.groups),
        ("source", &filter.sources),
        ("text_hash", &filter.text_hash),
    ] {
        match values.as_deref() {
            // The one group of most callers: the number of its points is known, not estimated.
            Some([value]) => {
                let keyword = ValueVariants::String(value.clone());
                must.push(field(name, Match::new_value(keyword)));
            }
            Some(values) => must.push(field(name, Match::from(values.to_vec()))),
            None => {}
        }
    }
    if let Some(documents) = &filter.documents {
        let ids: Vec<String> = documents.iter().map(ToString::to_string).collect();
        must.push(field("document_id", Match::from(ids)));
    }
    let document_id = filter.document_id.map(|id| id.to_string());
    for (name, value) in [
        ("source", &filter.source),
        ("asset", &filter.asset),
        ("uri", &filter.uri),
        ("document_id", &document_id),
    ] {
        if let Some(value) = value {
            let keyword = ValueVariants::String(value.clone());
            must.push(field(name, Match::new_value(keyword)));
        }
    }
    if filter.first {
        must.push(field(
            "ordinal",
            Match::new_value(ValueVariants::Integer(0)),
        ));
    }
    if let Some(ids) = &filter.ids {
        must.push(has_id(ids));
    }
    if must.is_empty() && filter.not_ids.is_empty() {
        return None;
    }
    Some(EdgeFilter {
        must: (!must.is_empty()).then_some(must),
        must_not: (!filter.not_ids.is_empty()).then(|| vec![has_id(&filter.not_ids)]),
        ..EdgeFilter::default()
    })
}

/// A page of points by ascending id.
pub(super) fn scroll(
    conditions: &Filter,
    offset: Option<Uuid>,
    limit: usize,
    with_dense: bool,
) -> ScrollRequest {
    ScrollRequest {
        offset: offset.map(PointId::Uuid),
        limit: Some(limit),
        filter: filter(conditions),
        with_payload: Some(WithPayloadInterface::Bool(true)),
        with_vector: if with_dense {
            WithVector::Selector(vec![DENSE.into()])
        } else {
            WithVector::Bool(false)
        },
        order_by: None,
    }
}

/// The values of a field.
pub(super) fn facet(facet: Facet, conditions: &Filter, limit: usize) -> FacetRequest {
    FacetRequest {
        key: layout::path(facet.field()),
        limit,
        filter: filter(conditions),
        exact: true,
    }
}

/// Values and counts as Edge gives them.
pub(super) fn counted(response: FacetResponse) -> Vec<(String, u64)> {
    let hits = response.hits.into_iter();
    hits.filter_map(|hit| match hit.value {
        FacetValue::Keyword(value) => Some((value, hit.count as u64)),
        FacetValue::Int(_) | FacetValue::Uuid(_) | FacetValue::Bool(_) => None,
    })
    .collect()
}

/// The one point with the oldest or the newest moment.
pub(super) fn at_end(moment: Moment, end: End, conditions: &Filter) -> ScrollRequest {
    ScrollRequest {
        order_by: Some(OrderByInterface::Struct(OrderBy {
            key: layout::path(moment.field()),
            direction: Some(match end {
                End::Oldest => Direction::Asc,
                End::Newest => Direction::Desc,
            }),
            start_from: None,
        })),
        ..scroll(conditions, None, 1, false)
    }
}

/// The exact number of points.
pub(super) fn count(conditions: &Filter) -> CountRequest {
    CountRequest {
        filter: filter(conditions),
        exact: true,
    }
}

/// The arm of the dense vectors: ids and cosines.
pub(super) fn dense_arm(request: &SearchRequest) -> Option<QueryRequest> {
    let vector = request.dense.clone()?;
    Some(arm(nearest(DENSE, vector.into()), request))
}

/// An arm of words: ids and BM25 scores.
pub(super) fn sparse_arm(words: &SparseVector, request: &SearchRequest) -> QueryRequest {
    arm(nearest(SPARSE, edge_sparse(words.clone()).into()), request)
}

/// Payloads are fetched for the hits alone, after fusion.
fn arm(query: ScoringQuery, request: &SearchRequest) -> QueryRequest {
    QueryRequest {
        prefetches: Vec::new(),
        query: Some(query),
        filter: filter(&request.filter),
        score_threshold: None,
        limit: request.candidates,
        offset: 0,
        params: Some(SearchParams {
            // Edge would take the 100 that the graph was built with, and half as long for 60 candidates,
            // whose vectors are compared again anyway.
            hnsw_ef: Some(request.candidates.max(LEAST_BEAM)),
            ..SearchParams::default()
        }),
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    }
}

/// A page as Edge gives it.
pub(super) fn page((records, next): (Vec<Record>, Option<PointId>)) -> OperationResult<Page> {
    let points = records
        .into_iter()
        .map(|record| {
            Ok(StoredPoint {
                id: from_id(record.id)?,
                dense: record.vector.and_then(from_dense),
                payload: from_payload(record.payload)?,
            })
        })
        .collect::<OperationResult<_>>()?;
    Ok(Page {
        points,
        next: next.map(from_id).transpose()?,
    })
}

/// An arm's points as Edge gives them.
pub(super) fn scored(points: Vec<ScoredPoint>) -> OperationResult<Vec<Scored>> {
    points
        .into_iter()
        .map(|point| {
            Ok(Scored {
                id: from_id(point.id)?,
                score: point.score,
            })
        })
        .collect()
}

fn nearest(using: &str, vector: VectorInternal) -> ScoringQuery {
    ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery {
        query: vector,
        using: Some(using.into()),
    }))
}

fn has_id(ids: &[Uuid]) -> Condition {
    Condition::HasId(ids.iter().copied().map(PointId::Uuid).collect())
}

fn field(name: &str, condition: Match) -> Condition {
    Condition::Field(FieldCondition::new_match(layout::path(name), condition))
}

fn edge_sparse(vector: SparseVector) -> EdgeSparse {
    EdgeSparse {
        indices: vector.indices,
        values: vector.values,
    }
}

fn sparse_persisted(vector: SparseVector) -> VectorPersisted {
    VectorPersisted::Sparse(edge_sparse(vector))
}

/// A payload as stored: fields that say nothing are left out.
fn to_payload(payload: &Payload) -> EdgePayload {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(payload) else {
        // A struct with named fields always becomes an object.
        return EdgePayload::default();
    };
    fields.retain(|_, value| !value.is_null());
    EdgePayload(fields)
}

fn from_payload(payload: Option<EdgePayload>) -> OperationResult<Payload> {
    let fields = payload.unwrap_or_default().0;
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        OperationError::InconsistentStorage {
            description: format!("a payload that docent did not write: {error}"),
        }
    })
}

fn from_id(id: PointId) -> OperationResult<Uuid> {
    match id {
        PointId::Uuid(id) => Ok(id),
        PointId::NumId(number) => Err(OperationError::InconsistentStorage {
            description: format!("a point that docent did not write: {number}"),
        }),
    }
}

fn from_dense(vectors: VectorStructInternal) -> Option<Vec<f32>> {
    match vectors {
        VectorStructInternal::Named(mut named) => match named.remove(DENSE)? {
            VectorInternal::Dense(vector) => Some(vector),
            VectorInternal::Sparse(_) | VectorInternal::MultiDense(_) => None,
        },
        VectorStructInternal::Single(vector) => Some(vector),
        VectorStructInternal::MultiDense(_) => None,
    }
}
