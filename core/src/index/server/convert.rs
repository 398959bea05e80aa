//! Between docent's types and the ones of Qdrant's protocol.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    BatchResult, Condition, CountPoints, DenseVector, Direction, FacetCounts, FacetResponse,
    Filter as QdrantFilter, ListValue, NamedVectors, OrderBy, PointId, PointStruct, PointVectors,
    PointsIdsList, PointsSelector, Query, QueryBatchPoints, QueryPoints, RetrievedPoint,
    ScrollPoints, ScrollResponse, SparseVector as QdrantSparse, Struct, Value, Vector, VectorInput,
    Vectors, VectorsOutput, VectorsSelector, WithPayloadSelector, WithVectorsSelector, facet_value,
    point_id::PointIdOptions, points_selector::PointsSelectorOneOf, query, value::Kind, vector,
    vector_input, vector_output, vectors, with_payload_selector, with_vectors_selector,
};
use serde_json::{Map, Number, Value as Json};
use uuid::Uuid;

use crate::index::SparseVector;
use crate::index::collection::{DENSE, SPARSE};
use crate::index::fusion::Scored;
use crate::index::point::{
    End, Facet, Filter, Moment, Page, Payload, Point, SearchRequest, StoredPoint,
};

/// A point to store.
pub(super) fn point(point: Point) -> PointStruct {
    let dense = Vector {
        vector: Some(vector::Vector::Dense(DenseVector { data: point.dense })),
        ..Vector::default()
    };
    PointStruct {
        id: Some(id(point.id)),
        payload: to_payload(&point.payload),
        vectors: Some(named([
            (DENSE, dense),
            (SPARSE, sparse_vector(point.sparse)),
        ])),
    }
}

/// A point's new sparse vector.
pub(super) fn sparse_of(point: Uuid, sparse: SparseVector) -> PointVectors {
    PointVectors {
        id: Some(id(point)),
        vectors: Some(named([(SPARSE, sparse_vector(sparse))])),
    }
}

/// Exactly these points.
pub(super) fn by_ids(ids: &[Uuid]) -> PointsSelector {
    PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList {
            ids: ids.iter().copied().map(id).collect(),
        })),
    }
}

/// Without conditions it matches everything.
pub(super) fn filter(filter: &Filter) -> QdrantFilter {
    let mut must = Vec::new();
    if let Some(groups) = &filter.groups {
        must.push(Condition::matches("groups", groups.clone()));
    }
    if let Some(hashes) = &filter.text_hash {
        must.push(Condition::matches("text_hash", hashes.clone()));
    }
    if let Some(sources) = &filter.sources {
        must.push(Condition::matches("source", sources.clone()));
    }
    if let Some(documents) = &filter.documents {
        let ids: Vec<String> = documents.iter().map(ToString::to_string).collect();
        must.push(Condition::matches("document_id", ids));
    }
    let document_id = filter.document_id.map(|id| id.to_string());
    for (name, value) in [
        ("source", &filter.source),
        ("asset", &filter.asset),
        ("uri", &filter.uri),
        ("document_id", &document_id),
    ] {
        if let Some(value) = value {
            must.push(Condition::matches(name, value.clone()));
        }
    }
    if filter.first {
        must.push(Condition::matches("ordinal", 0));
    }
    if let Some(ids) = &filter.ids {
        must.push(Condition::has_id(ids.iter().copied().map(id)));
    }
    let mut must_not = Vec::new();
    if !filter.not_ids.is_empty() {
        must_not.push(Condition::has_id(filter.not_ids.iter().copied().map(id)));
    }
    QdrantFilter {
        must,
        must_not,
        ..QdrantFilter::default()
    }
}

/// A page of points by ascending id.
pub(super) fn scroll(
    name: &str,
    conditions: &Filter,
    offset: Option<Uuid>,
    limit: usize,
    with_dense: bool,
) -> ScrollPoints {
    ScrollPoints {
        collection_name: name.to_owned(),
        filter: Some(filter(conditions)),
        offset: offset.map(id),
        limit: Some(limit.try_into().unwrap_or(u32::MAX)),
        with_payload: Some(all_of_payload()),
        with_vectors: with_dense.then(dense_only),
        ..ScrollPoints::default()
    }
}

/// The values of a field.
pub(super) fn facet(name: &str, facet: Facet, conditions: &Filter, limit: usize) -> FacetCounts {
    FacetCounts {
        collection_name: name.to_owned(),
        key: facet.field().to_owned(),
        filter: Some(filter(conditions)),
        limit: Some(limit as u64),
        exact: Some(true),
        ..FacetCounts::default()
    }
}

/// Values and counts as the server gives them.
pub(super) fn counted(response: FacetResponse) -> Vec<(String, u64)> {
    let hits = response.hits.into_iter();
    hits.filter_map(|hit| match hit.value?.variant? {
        facet_value::Variant::StringValue(value) => Some((value, hit.count)),
        facet_value::Variant::IntegerValue(_) | facet_value::Variant::BoolValue(_) => None,
    })
    .collect()
}

/// The one point with the oldest or the newest moment.
pub(super) fn at_end(name: &str, moment: Moment, end: End, conditions: &Filter) -> ScrollPoints {
    let direction = match end {
        End::Oldest => Direction::Asc,
        End::Newest => Direction::Desc,
    };
    ScrollPoints {
        order_by: Some(OrderBy {
            key: moment.field().to_owned(),
            direction: Some(direction.into()),
            start_from: None,
        }),
        ..scroll(name, conditions, None, 1, false)
    }
}

/// The exact number of points.
pub(super) fn count(name: &str, conditions: &Filter) -> CountPoints {
    CountPoints {
        collection_name: name.to_owned(),
        filter: Some(filter(conditions)),
        exact: Some(true),
        ..CountPoints::default()
    }
}

/// The arms that are searched, one query each: ids and scores. Payloads are fetched for the hits
/// alone, after fusion.
pub(super) fn arms(name: &str, request: &SearchRequest) -> QueryBatchPoints {
    let dense = request.dense.as_ref().map(|vector| {
        let data = vector.clone();
        (DENSE, vector_input::Variant::Dense(DenseVector { data }))
    });
    let by_words = request.sparse.iter().chain(&request.parts).map(|vector| {
        let sparse = QdrantSparse {
            values: vector.values.clone(),
            indices: vector.indices.clone(),
        };
        (SPARSE, vector_input::Variant::Sparse(sparse))
    });
    let query_points = dense
        .into_iter()
        .chain(by_words)
        .map(|(using, variant)| QueryPoints {
            collection_name: name.to_owned(),
            query: Some(nearest(variant)),
            using: Some(using.to_owned()),
            filter: Some(filter(&request.filter)),
            limit: Some(request.candidates as u64),
            ..QueryPoints::default()
        })
        .collect();
    QueryBatchPoints {
        collection_name: name.to_owned(),
        query_points,
        ..QueryBatchPoints::default()
    }
}

/// A page as the server gives it.
pub(super) fn page(response: ScrollResponse) -> Result<Page, String> {
    let points = response
        .result
        .into_iter()
        .map(stored_point)
        .collect::<Result<_, _>>()?;
    let next = response
        .next_page_offset
        .map(|offset| from_id(Some(offset)))
        .transpose()?;
    Ok(Page { points, next })
}

/// An arm's points as the server gives them.
pub(super) fn scored(result: BatchResult) -> Result<Vec<Scored>, String> {
    let points = result.result.into_iter();
    points
        .map(|point| {
            Ok(Scored {
                id: from_id(point.id)?,
                score: point.score,
            })
        })
        .collect()
}

/// A payload as stored: fields that say nothing are left out.
pub(super) fn to_payload(payload: &Payload) -> HashMap<String, Value> {
    let Ok(Json::Object(fields)) = serde_json::to_value(payload) else {
        // A struct with named fields always becomes an object.
        return HashMap::new();
    };
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name, to_value(value)))
        .collect()
}

fn stored_point(point: RetrievedPoint) -> Result<StoredPoint, String> {
    Ok(StoredPoint {
        id: from_id(point.id)?,
        dense: from_dense(point.vectors),
        payload: from_payload(point.payload)?,
    })
}

fn from_payload(fields: HashMap<String, Value>) -> Result<Payload, String> {
    let fields: Map<String, Json> = fields
        .into_iter()
        .map(|(name, value)| (name, from_value(value)))
        .collect();
    serde_json::from_value(Json::Object(fields))
        .map_err(|error| format!("a payload that docent did not write: {error}"))
}

fn id(id: Uuid) -> PointId {
    PointId {
        point_id_options: Some(PointIdOptions::Uuid(id.to_string())),
    }
}

fn from_id(id: Option<PointId>) -> Result<Uuid, String> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Uuid(text)) => text
            .parse()
            .map_err(|error| format!("a point's id {text} is no UUID: {error}")),
        other => Err(format!("a point that docent did not write: {other:?}")),
    }
}

fn from_dense(vectors: Option<VectorsOutput>) -> Option<Vec<f32>> {
    match vectors?.get_vector_by_name(DENSE)? {
        vector_output::Vector::Dense(dense) => Some(dense.data),
        vector_output::Vector::Sparse(_) | vector_output::Vector::MultiDense(_) => None,
    }
}

fn named<const N: usize>(parts: [(&str, Vector); N]) -> Vectors {
    let parts = parts.map(|(name, vector)| (name.to_owned(), vector));
    Vectors {
        vectors_options: Some(vectors::VectorsOptions::Vectors(NamedVectors {
            vectors: HashMap::from(parts),
        })),
    }
}

fn sparse_vector(sparse: SparseVector) -> Vector {
    Vector {
        vector: Some(vector::Vector::Sparse(QdrantSparse {
            values: sparse.values,
            indices: sparse.indices,
        })),
        ..Vector::default()
    }
}

fn nearest(variant: vector_input::Variant) -> Query {
    Query {
        variant: Some(query::Variant::Nearest(VectorInput {
            variant: Some(variant),
        })),
    }
}

fn all_of_payload() -> WithPayloadSelector {
    WithPayloadSelector {
        selector_options: Some(with_payload_selector::SelectorOptions::Enable(true)),
    }
}

fn dense_only() -> WithVectorsSelector {
    WithVectorsSelector {
        selector_options: Some(with_vectors_selector::SelectorOptions::Include(
            VectorsSelector {
                names: vec![DENSE.to_owned()],
            },
        )),
    }
}

fn to_value(value: Json) -> Value {
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(value) => Kind::BoolValue(value),
        Json::Number(number) => number.as_i64().map_or_else(
            || Kind::DoubleValue(number.as_f64().unwrap_or_default()),
            Kind::IntegerValue,
        ),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => Kind::ListValue(ListValue {
            values: values.into_iter().map(to_value).collect(),
        }),
        Json::Object(fields) => Kind::StructValue(Struct {
            fields: fields
                .into_iter()
                .map(|(name, value)| (name, to_value(value)))
                .collect(),
        }),
    };
    Value { kind: Some(kind) }
}

fn from_value(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::IntegerValue(number)) => Json::Number(number.into()),
        Some(Kind::DoubleValue(number)) => {
            Number::from_f64(number).map_or(Json::Null, Json::Number)
        }
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(from_value).collect(),
        Some(Kind::StructValue(object)) => object
            .fields
            .into_iter()
            .map(|(name, value)| (name, from_value(value)))
            .collect(),
    }
}
