//! A server's collections: their making, the alias of the live one, their generations.

use std::collections::HashMap;

use qdrant_client::qdrant::{
    CreateAlias, CreateCollection, CreateFieldIndexCollection, DatetimeIndexParams, Distance,
    FieldType, IntegerIndexParams, KeywordIndexParams, Modifier, PayloadIndexParams,
    QuantizationConfig, QuantizationType, ScalarQuantization, SparseVectorConfig,
    SparseVectorParams, UpdateCollection, UuidIndexParams, Value, VectorParams, VectorParamsMap,
    VectorsConfig, payload_index_params::IndexParams, quantization_config::Quantization as Method,
    value::Kind, vectors_config::Config,
};
use uuid::Uuid;

use super::ServerIndex;
use crate::config::Quantization;
use crate::index::collection::{DENSE, FieldKind, INDEXED, Indexed, QUANTILE, SPARSE, belongs_to};
use crate::index::{CollectionSpec, IndexError};

/// The key of the generation in a collection's metadata.
const GENERATION: &str = "docent_generation";

impl ServerIndex {
    pub(in crate::index) async fn create(&self, spec: &CollectionSpec) -> Result<(), IndexError> {
        let exists = self.sent(self.client.collection_exists(spec.name.clone()).await)?;
        if exists {
            self.check_dimensions(spec).await?;
        } else {
            self.sent(
                self.client
                    .create_collection(request(spec, self.quantization))
                    .await,
            )?;
        }
        // An earlier call may have been interrupted between the two; an index that is there
        // already is left as it is.
        for indexed in &INDEXED {
            let request = field_index(&spec.name, indexed);
            self.sent(self.client.create_field_index(request).await)?;
        }
        Ok(())
    }

    pub(in crate::index) async fn live(&self) -> Result<Option<String>, IndexError> {
        let aliases = self.sent(self.client.list_aliases().await)?.aliases;
        Ok(aliases
            .into_iter()
            .find(|alias| alias.alias_name == self.alias)
            .map(|alias| alias.collection_name))
    }

    /// Creating an alias that is there already makes it point to the other collection, in one step.
    pub(in crate::index) async fn switch(&self, name: &str) -> Result<(), IndexError> {
        let request = CreateAlias {
            collection_name: name.to_owned(),
            alias_name: self.alias.clone(),
        };
        self.sent(self.client.create_alias(request).await).map(drop)
    }

    pub(in crate::index) async fn collections(&self) -> Result<Vec<String>, IndexError> {
        let response = self.sent(self.client.list_collections().await)?;
        let mut names: Vec<String> = response
            .collections
            .into_iter()
            .map(|collection| collection.name)
            .filter(|name| belongs_to(&self.alias, name))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    pub(in crate::index) async fn remove(&self, name: &str) -> Result<(), IndexError> {
        self.sent(self.client.delete_collection(name).await)
            .map(drop)
    }

    pub(in crate::index) async fn generation(
        &self,
        name: &str,
    ) -> Result<Option<Uuid>, IndexError> {
        let info = self.sent(self.client.collection_info(name).await)?;
        let generation = info
            .result
            .and_then(|info| info.config)
            .and_then(|mut config| config.metadata.remove(GENERATION))
            .and_then(|value| value.kind);
        Ok(match generation {
            Some(Kind::StringValue(text)) => text.parse().ok(),
            _ => None,
        })
    }

    pub(in crate::index) async fn set_generation(
        &self,
        name: &str,
        generation: Uuid,
    ) -> Result<(), IndexError> {
        let value = Value {
            kind: Some(Kind::StringValue(generation.to_string())),
        };
        let request = UpdateCollection {
            collection_name: name.to_owned(),
            metadata: HashMap::from([(GENERATION.to_owned(), value)]),
            ..UpdateCollection::default()
        };
        self.sent(self.client.update_collection(request).await)
            .map(drop)
    }

    /// A server flushes what it has confirmed.
    #[expect(clippy::unused_async, reason = "the embedded engine awaits here")]
    pub(in crate::index) async fn flush(&self, _name: &str) -> Result<(), IndexError> {
        Ok(())
    }

    /// A server optimizes by itself.
    #[expect(clippy::unused_async, reason = "the embedded engine awaits here")]
    pub(in crate::index) async fn optimize(&self, _name: &str) -> Result<(), IndexError> {
        Ok(())
    }

    async fn check_dimensions(&self, spec: &CollectionSpec) -> Result<(), IndexError> {
        let info = self.sent(self.client.collection_info(spec.name.as_str()).await)?;
        let vectors = info
            .result
            .and_then(|info| info.config)
            .and_then(|config| config.params)
            .and_then(|params| params.vectors_config)
            .and_then(|vectors| vectors.config);
        let size = match vectors {
            Some(Config::ParamsMap(mut vectors)) => vectors.map.remove(DENSE).map(|it| it.size),
            Some(Config::Params(_)) | None => None,
        };
        if size == Some(spec.dimensions as u64) {
            return Ok(());
        }
        let reason = match size {
            Some(size) => format!(
                "the vectors of {} have {size} dimensions, not {}",
                spec.name, spec.dimensions
            ),
            None => format!("{} was not made by docent", spec.name),
        };
        self.understood(Err(reason))
    }
}

fn request(spec: &CollectionSpec, quantization: Quantization) -> CreateCollection {
    let dense = VectorParams {
        size: spec.dimensions as u64,
        distance: Distance::Cosine.into(),
        ..VectorParams::default()
    };
    let sparse = SparseVectorParams {
        modifier: Some(Modifier::Idf.into()),
        ..SparseVectorParams::default()
    };
    CreateCollection {
        collection_name: spec.name.clone(),
        vectors_config: Some(VectorsConfig {
            config: Some(Config::ParamsMap(VectorParamsMap {
                map: HashMap::from([(DENSE.to_owned(), dense)]),
            })),
        }),
        sparse_vectors_config: Some(SparseVectorConfig {
            map: HashMap::from([(SPARSE.to_owned(), sparse)]),
        }),
        quantization_config: match quantization {
            Quantization::None => None,
            Quantization::Int8 => Some(QuantizationConfig {
                quantization: Some(Method::Scalar(ScalarQuantization {
                    r#type: QuantizationType::Int8.into(),
                    quantile: Some(QUANTILE),
                    ..ScalarQuantization::default()
                })),
            }),
        },
        ..CreateCollection::default()
    }
}

fn field_index(name: &str, indexed: &Indexed) -> CreateFieldIndexCollection {
    let enable_hnsw = Some(indexed.searched);
    let (kind, parameters) = match indexed.kind {
        FieldKind::Keyword => {
            let parameters = KeywordIndexParams {
                enable_hnsw,
                ..KeywordIndexParams::default()
            };
            (
                FieldType::Keyword,
                IndexParams::KeywordIndexParams(parameters),
            )
        }
        FieldKind::Uuid => {
            let parameters = UuidIndexParams {
                enable_hnsw,
                ..UuidIndexParams::default()
            };
            (FieldType::Uuid, IndexParams::UuidIndexParams(parameters))
        }
        FieldKind::Integer => {
            let parameters = IntegerIndexParams {
                lookup: Some(true),
                range: Some(false),
                enable_hnsw,
                ..IntegerIndexParams::default()
            };
            (
                FieldType::Integer,
                IndexParams::IntegerIndexParams(parameters),
            )
        }
        FieldKind::Datetime => {
            let parameters = DatetimeIndexParams {
                enable_hnsw,
                ..DatetimeIndexParams::default()
            };
            (
                FieldType::Datetime,
                IndexParams::DatetimeIndexParams(parameters),
            )
        }
    };
    CreateFieldIndexCollection {
        collection_name: name.to_owned(),
        wait: Some(true),
        field_name: indexed.field.to_owned(),
        field_type: Some(kind.into()),
        field_index_params: Some(PayloadIndexParams {
            index_params: Some(parameters),
        }),
        ..CreateFieldIndexCollection::default()
    }
}
