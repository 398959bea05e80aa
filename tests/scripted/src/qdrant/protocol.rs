//! From Qdrant's protocol to Edge's types and back, for the test server: written apart from the
//! client's conversions, so that a mistake there is not repeated here.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    self, condition, r#match, point_id, points_selector, query, value, vector, vector_input,
    vector_output, vectors, vectors_output, with_vectors_selector,
};
use qdrant_edge::external::uuid::Uuid;
use qdrant_edge::{
    Condition, CreateIndex, Direction, Distance, EdgeConfig, EdgeSparseVectorParams,
    EdgeVectorParams, FacetRequest, FacetValue, FacetValueHit, FieldCondition,
    FieldIndexOperations, Filter, JsonPath, Match, Modifier, NamedQuery, OrderBy, OrderByInterface,
    Payload, PayloadFieldSchema, PayloadOps, PayloadSchemaType, PointId, PointInsertOperations,
    PointOperations, PointStructPersisted, PointVectorsPersisted, QueryEnum, QueryRequest, Record,
    ScoredPoint, ScoringQuery, ScrollRequest, SetPayloadOp, SparseVector, UpdateOperation,
    UpdateVectorsOp, ValueVariants, VectorInternal, VectorPersisted, VectorStructInternal,
    VectorStructPersisted, WithPayloadInterface, WithVector,
};
use serde_json::Value as Json;
use tonic::Status;

use super::{refused, vectors as vectors_of};

pub(super) enum Selection {
    Ids(Vec<PointId>),
    Filter(Filter),
}

fn unknown(what: impl std::fmt::Debug) -> Status {
    Status::unimplemented(format!("docent does not send {what:?}"))
}

pub(super) fn collection(request: &qdrant::CreateCollection) -> Result<EdgeConfig, Status> {
    let mut config = EdgeConfig::default();
    for (name, dense) in vectors_of(request.vectors_config.as_ref())? {
        if dense.distance() != qdrant::Distance::Cosine {
            return Err(unknown(dense.distance()));
        }
        let params = EdgeVectorParams::builder(dense.size as usize, Distance::Cosine).build();
        config.vectors.insert(name.clone(), params);
    }
    let sparse = request.sparse_vectors_config.as_ref();
    for (name, sparse) in sparse.iter().flat_map(|config| &config.map) {
        if sparse.modifier() != qdrant::Modifier::Idf {
            return Err(unknown(sparse.modifier()));
        }
        let params = EdgeSparseVectorParams {
            modifier: Some(Modifier::Idf),
            ..Default::default()
        };
        config.sparse_vectors.insert(name.clone(), params);
    }
    Ok(config)
}

pub(super) fn field_index(
    request: &qdrant::CreateFieldIndexCollection,
) -> Result<UpdateOperation, Status> {
    let schema = match request.field_type() {
        qdrant::FieldType::Keyword => PayloadSchemaType::Keyword,
        qdrant::FieldType::Uuid => PayloadSchemaType::Uuid,
        qdrant::FieldType::Integer => PayloadSchemaType::Integer,
        qdrant::FieldType::Datetime => PayloadSchemaType::Datetime,
        other => return Err(unknown(other)),
    };
    Ok(UpdateOperation::FieldIndexOperation(
        FieldIndexOperations::CreateIndex(CreateIndex {
            field_name: path(&request.field_name),
            field_schema: Some(PayloadFieldSchema::FieldType(schema)),
        }),
    ))
}

pub(super) fn upsert(points: Vec<qdrant::PointStruct>) -> Result<UpdateOperation, Status> {
    let points = points
        .into_iter()
        .map(|point| {
            Ok(PointStructPersisted {
                id: from_id(point.id)?,
                vector: persisted(point.vectors)?,
                payload: Some(payload(point.payload)?),
            })
        })
        .collect::<Result<_, Status>>()?;
    Ok(UpdateOperation::PointOperation(
        PointOperations::UpsertPoints(PointInsertOperations::PointsList(points)),
    ))
}

pub(super) fn update_vectors(points: Vec<qdrant::PointVectors>) -> Result<UpdateVectorsOp, Status> {
    let points = points
        .into_iter()
        .map(|point| {
            Ok(PointVectorsPersisted {
                id: from_id(point.id)?,
                vector: persisted(point.vectors)?,
            })
        })
        .collect::<Result<_, Status>>()?;
    Ok(UpdateVectorsOp {
        points,
        update_filter: None,
    })
}

pub(super) fn overwrite(
    fields: HashMap<String, qdrant::Value>,
    points: Option<qdrant::PointsSelector>,
) -> Result<UpdateOperation, Status> {
    let Selection::Ids(ids) = selection(points)? else {
        return Err(unknown("an overwrite by filter"));
    };
    Ok(UpdateOperation::PayloadOperation(
        PayloadOps::OverwritePayload(SetPayloadOp {
            payload: payload(fields)?,
            points: Some(ids),
            filter: None,
            key: None,
        }),
    ))
}

pub(super) fn selection(points: Option<qdrant::PointsSelector>) -> Result<Selection, Status> {
    match points.and_then(|points| points.points_selector_one_of) {
        Some(points_selector::PointsSelectorOneOf::Points(points)) => {
            let ids = points.ids.into_iter().map(|id| from_id(Some(id)));
            Ok(Selection::Ids(ids.collect::<Result<_, _>>()?))
        }
        Some(points_selector::PointsSelectorOneOf::Filter(conditions)) => {
            Ok(Selection::Filter(filter(conditions)?))
        }
        None => Err(Status::invalid_argument("no points are selected")),
    }
}

pub(super) fn filter(filter: qdrant::Filter) -> Result<Filter, Status> {
    if !filter.should.is_empty() || filter.min_should.is_some() {
        return Err(unknown(filter));
    }
    let conditions = |list: Vec<qdrant::Condition>| {
        let list = list
            .into_iter()
            .map(condition)
            .collect::<Result<Vec<_>, _>>();
        list.map(|list| (!list.is_empty()).then_some(list))
    };
    Ok(Filter {
        must: conditions(filter.must)?,
        must_not: conditions(filter.must_not)?,
        ..Default::default()
    })
}

fn condition(condition: qdrant::Condition) -> Result<Condition, Status> {
    use r#match::MatchValue;
    match condition.condition_one_of {
        Some(condition::ConditionOneOf::HasId(ids)) => {
            let ids = ids.has_id.into_iter().map(|id| from_id(Some(id)));
            Ok(Condition::HasId(ids.collect::<Result<_, _>>()?))
        }
        Some(condition::ConditionOneOf::Field(field)) => {
            let matched = match field.r#match.and_then(|matched| matched.match_value) {
                Some(MatchValue::Keyword(value)) => Match::new_value(ValueVariants::String(value)),
                Some(MatchValue::Integer(value)) => Match::new_value(ValueVariants::Integer(value)),
                Some(MatchValue::Keywords(values)) => Match::from(values.strings),
                other => return Err(unknown(other)),
            };
            let condition = FieldCondition::new_match(path(&field.key), matched);
            Ok(Condition::Field(condition))
        }
        other => Err(unknown(other)),
    }
}

pub(super) fn scroll(request: qdrant::ScrollPoints) -> Result<ScrollRequest, Status> {
    Ok(ScrollRequest {
        offset: request.offset.map(|id| from_id(Some(id))).transpose()?,
        limit: request.limit.map(|limit| limit as usize),
        filter: request.filter.map(filter).transpose()?,
        with_payload: Some(WithPayloadInterface::Bool(request.with_payload.is_some())),
        with_vector: with_vectors(request.with_vectors),
        order_by: request.order_by.map(order_by).transpose()?,
    })
}

fn order_by(order: qdrant::OrderBy) -> Result<OrderByInterface, Status> {
    if order.start_from.is_some() {
        return Err(unknown(order));
    }
    let direction = match order.direction() {
        qdrant::Direction::Asc => Direction::Asc,
        qdrant::Direction::Desc => Direction::Desc,
    };
    Ok(OrderByInterface::Struct(OrderBy {
        key: path(&order.key),
        direction: Some(direction),
        start_from: None,
    }))
}

pub(super) fn facet(request: qdrant::FacetCounts) -> Result<FacetRequest, Status> {
    Ok(FacetRequest {
        key: path(&request.key),
        limit: request.limit.unwrap_or(10) as usize,
        filter: request.filter.map(filter).transpose()?,
        exact: request.exact.unwrap_or(false),
    })
}

pub(super) fn facet_hit(hit: FacetValueHit) -> qdrant::FacetHit {
    let FacetValue::Keyword(value) = hit.value else {
        panic!("docent counts keywords only")
    };
    qdrant::FacetHit {
        value: Some(qdrant::FacetValue {
            variant: Some(qdrant::facet_value::Variant::StringValue(value)),
        }),
        count: hit.count as u64,
    }
}

pub(super) fn query(request: qdrant::QueryPoints) -> Result<QueryRequest, Status> {
    if !request.prefetch.is_empty() {
        return Err(unknown(request.prefetch));
    }
    Ok(QueryRequest {
        prefetches: Vec::new(),
        query: scoring(request.query, request.using)?,
        filter: request.filter.map(filter).transpose()?,
        score_threshold: None,
        limit: request.limit.unwrap_or(10) as usize,
        offset: 0,
        params: None,
        with_vector: with_vectors(request.with_vectors),
        with_payload: WithPayloadInterface::Bool(request.with_payload.is_some()),
    })
}

fn scoring(
    query: Option<qdrant::Query>,
    using: Option<String>,
) -> Result<Option<ScoringQuery>, Status> {
    let Some(query) = query else { return Ok(None) };
    let nearest = |query: VectorInternal| {
        ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery { query, using }))
    };
    match query.variant {
        Some(query::Variant::Nearest(input)) => match input.variant {
            Some(vector_input::Variant::Dense(dense)) => Ok(Some(nearest(dense.data.into()))),
            Some(vector_input::Variant::Sparse(sparse)) => {
                let sparse = SparseVector::new(sparse.indices, sparse.values).map_err(refused)?;
                Ok(Some(nearest(sparse.into())))
            }
            other => Err(unknown(other)),
        },
        other => Err(unknown(other)),
    }
}

fn with_vectors(selector: Option<qdrant::WithVectorsSelector>) -> WithVector {
    match selector.and_then(|selector| selector.selector_options) {
        Some(with_vectors_selector::SelectorOptions::Include(names)) => {
            WithVector::Selector(names.names)
        }
        Some(with_vectors_selector::SelectorOptions::Enable(all)) => WithVector::Bool(all),
        None => WithVector::Bool(false),
    }
}

pub(super) fn record(record: Record) -> qdrant::RetrievedPoint {
    qdrant::RetrievedPoint {
        id: Some(to_id(record.id)),
        payload: to_fields(record.payload),
        vectors: record.vector.map(to_vectors),
        ..Default::default()
    }
}

pub(super) fn scored(point: ScoredPoint) -> qdrant::ScoredPoint {
    qdrant::ScoredPoint {
        id: Some(to_id(point.id)),
        payload: to_fields(point.payload),
        score: point.score,
        version: point.version,
        vectors: point.vector.map(to_vectors),
        ..Default::default()
    }
}

fn path(field: &str) -> JsonPath {
    JsonPath::try_from(field).expect("docent names its fields itself")
}

fn from_id(id: Option<qdrant::PointId>) -> Result<PointId, Status> {
    match id.and_then(|id| id.point_id_options) {
        Some(point_id::PointIdOptions::Uuid(id)) => {
            Uuid::parse_str(&id).map(PointId::Uuid).map_err(refused)
        }
        other => Err(unknown(other)),
    }
}

pub(super) fn to_id(id: PointId) -> qdrant::PointId {
    qdrant::PointId {
        point_id_options: Some(point_id::PointIdOptions::Uuid(id.to_string())),
    }
}

fn persisted(vectors: Option<qdrant::Vectors>) -> Result<VectorStructPersisted, Status> {
    let Some(vectors::VectorsOptions::Vectors(named)) =
        vectors.and_then(|vectors| vectors.vectors_options)
    else {
        return Err(unknown("a point without named vectors"));
    };
    let named = named.vectors.into_iter().map(|(name, vector)| {
        let vector = match vector.vector {
            Some(vector::Vector::Dense(dense)) => VectorPersisted::Dense(dense.data),
            Some(vector::Vector::Sparse(sparse)) => VectorPersisted::Sparse(
                SparseVector::new(sparse.indices, sparse.values).map_err(refused)?,
            ),
            other => return Err(unknown(other)),
        };
        Ok((name, vector))
    });
    Ok(VectorStructPersisted::Named(
        named.collect::<Result<_, _>>()?,
    ))
}

fn to_vectors(vectors: VectorStructInternal) -> qdrant::VectorsOutput {
    let VectorStructInternal::Named(named) = vectors else {
        panic!("every vector has a name")
    };
    let vectors = named.into_iter().map(|(name, vector)| {
        let VectorInternal::Dense(data) = vector else {
            panic!("docent asks for dense vectors only")
        };
        let vector = vector_output::Vector::Dense(qdrant::DenseVector { data });
        let output = qdrant::VectorOutput {
            vector: Some(vector),
            ..Default::default()
        };
        (name, output)
    });
    qdrant::VectorsOutput {
        vectors_options: Some(vectors_output::VectorsOptions::Vectors(
            qdrant::NamedVectorsOutput {
                vectors: vectors.collect(),
            },
        )),
    }
}

fn payload(fields: HashMap<String, qdrant::Value>) -> Result<Payload, Status> {
    let fields = fields
        .into_iter()
        .map(|(name, value)| Ok((name, from_value(value)?)))
        .collect::<Result<_, Status>>()?;
    Ok(Payload(fields))
}

fn from_value(value: qdrant::Value) -> Result<Json, Status> {
    match value.kind {
        Some(value::Kind::StringValue(text)) => Ok(text.into()),
        Some(value::Kind::IntegerValue(number)) => Ok(number.into()),
        Some(value::Kind::ListValue(list)) => list.values.into_iter().map(from_value).collect(),
        other => Err(unknown(other)),
    }
}

fn to_fields(payload: Option<Payload>) -> HashMap<String, qdrant::Value> {
    let fields = payload.unwrap_or_default().0.into_iter();
    fields
        .map(|(name, value)| (name, to_value(value)))
        .collect()
}

fn to_value(value: Json) -> qdrant::Value {
    match value {
        Json::String(text) => text.into(),
        Json::Number(number) => number.as_i64().expect("docent stores whole numbers").into(),
        Json::Array(values) => qdrant::Value {
            kind: Some(value::Kind::ListValue(qdrant::ListValue {
                values: values.into_iter().map(to_value).collect(),
            })),
        },
        other => panic!("docent stores no {other:?}"),
    }
}
