//! A Qdrant server for tests: the real protocol over Edge shards, for the calls that docent makes
//! and no others. What docent does not send is refused, so that a test notices a new call. Several
//! clients may use it at once, as several processes of docent use one server.

mod protocol;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use qdrant_client::qdrant::collections_server::{Collections, CollectionsServer};
use qdrant_client::qdrant::points_server::{Points, PointsServer};
use qdrant_client::qdrant::{self, alias_operations, points_update_operation, vectors_config};
use qdrant_edge::{EdgeShard, PointOperations, UpdateOperation, VectorOperations};
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A running server, without its transport's security. It stops when it is dropped.
pub struct ScriptedQdrant {
    url: String,
    task: AbortHandle,
}

impl ScriptedQdrant {
    /// Listens on a free port of the loopback interface; its collections are in a folder of its own.
    ///
    /// # Panics
    /// Where no port or no folder can be had.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("its own address");
        let endpoint = Endpoint {
            state: Arc::default(),
            folder: Arc::new(TempDir::new().expect("a folder for the collections")),
        };
        let points = PointsServer::new(endpoint.clone()).max_decoding_message_size(usize::MAX);
        let serving = tonic::transport::Server::builder()
            .add_service(points)
            .add_service(CollectionsServer::new(endpoint))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let task = tokio::spawn(serving).abort_handle();
        Self {
            url: format!("http://{address}"),
            task,
        }
    }

    /// `http://127.0.0.1:PORT`, as `QDRANT_URL` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ScriptedQdrant {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Endpoint {
    state: Arc<Mutex<State>>,
    /// Dropped after the shards in it, which write when they are.
    folder: Arc<TempDir>,
}

#[derive(Default)]
struct State {
    collections: HashMap<String, Collection>,
    aliases: HashMap<String, String>,
}

struct Collection {
    shard: Arc<EdgeShard>,
    config: qdrant::CollectionConfig,
}

type Answer<T> = Result<Response<T>, Status>;

impl Endpoint {
    fn shard(&self, name: &str) -> Result<Arc<EdgeShard>, Status> {
        let state = self.state.lock();
        let name = state.aliases.get(name).map_or(name, String::as_str);
        let collection = state.collections.get(name);
        collection
            .map(|collection| Arc::clone(&collection.shard))
            .ok_or_else(|| missing(name))
    }

    fn write(
        &self,
        name: &str,
        wait: Option<bool>,
        operation: UpdateOperation,
    ) -> Result<qdrant::UpdateResult, Status> {
        if wait != Some(true) {
            return Err(Status::invalid_argument("docent waits for its writes"));
        }
        self.shard(name)?.update(operation).map_err(refused)?;
        Ok(qdrant::UpdateResult {
            status: qdrant::UpdateStatus::Completed.into(),
            ..Default::default()
        })
    }
}

fn missing(name: &str) -> Status {
    Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
}

fn refused(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

fn done(result: qdrant::UpdateResult) -> Response<qdrant::PointsOperationResponse> {
    Response::new(qdrant::PointsOperationResponse {
        result: Some(result),
        ..Default::default()
    })
}

/// Writes an implementation, and a refusal of each call that docent does not make.
macro_rules! serve {
    ($service:ident: { $($made:item)* } refused: $($name:ident($request:ident) -> $answer:ident,)*) => {
        #[tonic::async_trait]
        impl $service for Endpoint {
            $($made)*
            $(async fn $name(&self, _: Request<qdrant::$request>) -> Answer<qdrant::$answer> {
                Err(Status::unimplemented(stringify!($name)))
            })*
        }
    };
}

serve! {
    Points: {
        async fn upsert(
            &self,
            request: Request<qdrant::UpsertPoints>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            let request = request.into_inner();
            let operation = protocol::upsert(request.points)?;
            self.write(&request.collection_name, request.wait, operation).map(done)
        }

        async fn delete(
            &self,
            request: Request<qdrant::DeletePoints>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            let request = request.into_inner();
            let operation = match protocol::selection(request.points)? {
                protocol::Selection::Ids(ids) => PointOperations::DeletePoints { ids },
                protocol::Selection::Filter(filter) => PointOperations::DeletePointsByFilter(filter),
            };
            let operation = UpdateOperation::PointOperation(operation);
            self.write(&request.collection_name, request.wait, operation).map(done)
        }

        async fn update_vectors(
            &self,
            request: Request<qdrant::UpdatePointVectors>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            let request = request.into_inner();
            let vectors = protocol::update_vectors(request.points)?;
            let operation = UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(vectors));
            self.write(&request.collection_name, request.wait, operation).map(done)
        }

        async fn update_batch(
            &self,
            request: Request<qdrant::UpdateBatchPoints>,
        ) -> Answer<qdrant::UpdateBatchResponse> {
            use points_update_operation::Operation;
            let request = request.into_inner();
            let mut result = Vec::new();
            for operation in request.operations {
                let operation = match operation.operation {
                    Some(Operation::OverwritePayload(overwrite)) => {
                        protocol::overwrite(overwrite.payload, overwrite.points_selector)?
                    }
                    Some(Operation::UpdateVectors(update)) => {
                        let vectors = protocol::update_vectors(update.points)?;
                        UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(vectors))
                    }
                    _ => return Err(Status::unimplemented("another operation in a batch")),
                };
                result.push(self.write(&request.collection_name, request.wait, operation)?);
            }
            Ok(Response::new(qdrant::UpdateBatchResponse { result, ..Default::default() }))
        }

        async fn create_field_index(
            &self,
            request: Request<qdrant::CreateFieldIndexCollection>,
        ) -> Answer<qdrant::PointsOperationResponse> {
            let request = request.into_inner();
            let operation = protocol::field_index(&request)?;
            self.write(&request.collection_name, request.wait, operation).map(done)
        }

        async fn scroll(
            &self,
            request: Request<qdrant::ScrollPoints>,
        ) -> Answer<qdrant::ScrollResponse> {
            let request = request.into_inner();
            let shard = self.shard(&request.collection_name)?;
            let (records, next) = shard.scroll(protocol::scroll(request)?).map_err(refused)?;
            Ok(Response::new(qdrant::ScrollResponse {
                result: records.into_iter().map(protocol::record).collect(),
                next_page_offset: next.map(protocol::to_id),
                ..Default::default()
            }))
        }

        async fn count(
            &self,
            request: Request<qdrant::CountPoints>,
        ) -> Answer<qdrant::CountResponse> {
            let request = request.into_inner();
            let shard = self.shard(&request.collection_name)?;
            let count = shard.count(qdrant_edge::CountRequest {
                filter: request.filter.map(protocol::filter).transpose()?,
                exact: request.exact.unwrap_or(true),
            });
            Ok(Response::new(qdrant::CountResponse {
                result: Some(qdrant::CountResult { count: count.map_err(refused)? as u64 }),
                ..Default::default()
            }))
        }

        async fn facet(
            &self,
            request: Request<qdrant::FacetCounts>,
        ) -> Answer<qdrant::FacetResponse> {
            let request = request.into_inner();
            let shard = self.shard(&request.collection_name)?;
            let found = shard.facet(protocol::facet(request)?).map_err(refused)?;
            Ok(Response::new(qdrant::FacetResponse {
                hits: found.hits.into_iter().map(protocol::facet_hit).collect(),
                ..Default::default()
            }))
        }

        async fn query_batch(
            &self,
            request: Request<qdrant::QueryBatchPoints>,
        ) -> Answer<qdrant::QueryBatchResponse> {
            let request = request.into_inner();
            let shard = self.shard(&request.collection_name)?;
            let results = request.query_points.into_iter().map(|query| {
                let points = shard.query(protocol::query(query)?).map_err(refused)?;
                Ok(qdrant::BatchResult {
                    result: points.into_iter().map(protocol::scored).collect(),
                })
            });
            Ok(Response::new(qdrant::QueryBatchResponse {
                result: results.collect::<Result<_, Status>>()?,
                ..Default::default()
            }))
        }
    }
    refused:
    get(GetPoints) -> GetResponse,
    delete_vectors(DeletePointVectors) -> PointsOperationResponse,
    set_payload(SetPayloadPoints) -> PointsOperationResponse,
    overwrite_payload(SetPayloadPoints) -> PointsOperationResponse,
    delete_payload(DeletePayloadPoints) -> PointsOperationResponse,
    clear_payload(ClearPayloadPoints) -> PointsOperationResponse,
    delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse,
    create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse,
    delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse,
    search(SearchPoints) -> SearchResponse,
    search_batch(SearchBatchPoints) -> SearchBatchResponse,
    search_groups(SearchPointGroups) -> SearchGroupsResponse,
    recommend(RecommendPoints) -> RecommendResponse,
    recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse,
    recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse,
    discover(DiscoverPoints) -> DiscoverResponse,
    discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse,
    query(QueryPoints) -> QueryResponse,
    query_groups(QueryPointGroups) -> QueryGroupsResponse,
    search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse,
    search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "what every method of the protocol returns"
)]
fn yes() -> Answer<qdrant::CollectionOperationResponse> {
    Ok(Response::new(qdrant::CollectionOperationResponse {
        result: true,
        ..Default::default()
    }))
}

serve! {
    Collections: {
        async fn create(
            &self,
            request: Request<qdrant::CreateCollection>,
        ) -> Answer<qdrant::CollectionOperationResponse> {
            let request = request.into_inner();
            let name = request.collection_name.clone();
            let mut state = self.state.lock();
            if state.collections.contains_key(&name) {
                return Err(Status::already_exists(name));
            }
            let folder = self.folder.path().join(&name);
            std::fs::create_dir_all(&folder)?;
            let edge = protocol::collection(&request)?;
            let shard = EdgeShard::new(&folder, edge).map_err(refused)?;
            let config = qdrant::CollectionConfig {
                params: Some(qdrant::CollectionParams {
                    vectors_config: request.vectors_config,
                    sparse_vectors_config: request.sparse_vectors_config,
                    ..Default::default()
                }),
                metadata: request.metadata,
                ..Default::default()
            };
            state.collections.insert(name, Collection { shard: Arc::new(shard), config });
            yes()
        }

        async fn get(
            &self,
            request: Request<qdrant::GetCollectionInfoRequest>,
        ) -> Answer<qdrant::GetCollectionInfoResponse> {
            let name = request.into_inner().collection_name;
            let state = self.state.lock();
            let collection = state.collections.get(&name).ok_or_else(|| missing(&name))?;
            Ok(Response::new(qdrant::GetCollectionInfoResponse {
                result: Some(qdrant::CollectionInfo {
                    config: Some(collection.config.clone()),
                    ..Default::default()
                }),
                ..Default::default()
            }))
        }

        async fn list(
            &self,
            _: Request<qdrant::ListCollectionsRequest>,
        ) -> Answer<qdrant::ListCollectionsResponse> {
            let state = self.state.lock();
            let names = state.collections.keys().cloned();
            Ok(Response::new(qdrant::ListCollectionsResponse {
                collections: names.map(|name| qdrant::CollectionDescription { name }).collect(),
                ..Default::default()
            }))
        }

        /// Metadata is merged into what is there, as the protocol says.
        async fn update(
            &self,
            request: Request<qdrant::UpdateCollection>,
        ) -> Answer<qdrant::CollectionOperationResponse> {
            let request = request.into_inner();
            let name = request.collection_name;
            let mut state = self.state.lock();
            let collection = state.collections.get_mut(&name).ok_or_else(|| missing(&name))?;
            collection.config.metadata.extend(request.metadata);
            yes()
        }

        async fn delete(
            &self,
            request: Request<qdrant::DeleteCollection>,
        ) -> Answer<qdrant::CollectionOperationResponse> {
            let name = request.into_inner().collection_name;
            let mut state = self.state.lock();
            state.collections.remove(&name);
            state.aliases.retain(|_, collection| *collection != name);
            yes()
        }

        async fn collection_exists(
            &self,
            request: Request<qdrant::CollectionExistsRequest>,
        ) -> Answer<qdrant::CollectionExistsResponse> {
            let name = request.into_inner().collection_name;
            let exists = self.state.lock().collections.contains_key(&name);
            Ok(Response::new(qdrant::CollectionExistsResponse {
                result: Some(qdrant::CollectionExists { exists }),
                ..Default::default()
            }))
        }

        async fn update_aliases(
            &self,
            request: Request<qdrant::ChangeAliases>,
        ) -> Answer<qdrant::CollectionOperationResponse> {
            let mut state = self.state.lock();
            for action in request.into_inner().actions {
                let Some(alias_operations::Action::CreateAlias(alias)) = action.action else {
                    return Err(Status::unimplemented("another alias operation"));
                };
                if !state.collections.contains_key(&alias.collection_name) {
                    return Err(missing(&alias.collection_name));
                }
                state.aliases.insert(alias.alias_name, alias.collection_name);
            }
            yes()
        }

        async fn list_aliases(
            &self,
            _: Request<qdrant::ListAliasesRequest>,
        ) -> Answer<qdrant::ListAliasesResponse> {
            let state = self.state.lock();
            let aliases = state.aliases.iter().map(|(alias, collection)| qdrant::AliasDescription {
                alias_name: alias.clone(),
                collection_name: collection.clone(),
            });
            Ok(Response::new(qdrant::ListAliasesResponse {
                aliases: aliases.collect(),
                ..Default::default()
            }))
        }
    }
    refused:
    list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse,
    collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse,
    update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse,
    create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse,
    delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse,
    list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse,
}

/// The size of the vectors that a collection is made with.
fn vectors(
    config: Option<&qdrant::VectorsConfig>,
) -> Result<&HashMap<String, qdrant::VectorParams>, Status> {
    match config.and_then(|config| config.config.as_ref()) {
        Some(vectors_config::Config::ParamsMap(vectors)) => Ok(&vectors.map),
        _ => Err(Status::invalid_argument("docent names its vectors")),
    }
}
