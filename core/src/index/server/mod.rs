//! A Qdrant server (1.16 or newer: metadata of collections), through its gRPC client.
//!
//! The live collection is the one that the alias `index.collection` points to. A collection's
//! generation stands in its metadata. Writes return when they are applied (`wait`), and what a
//! server has confirmed is in its own log: `flush` has nothing to do.

mod collections;
mod convert;

use std::time::Duration;

use qdrant_client::qdrant::{
    DeletePoints, PointVectors, PointsUpdateOperation, UpdateBatchPoints, UpdatePointVectors,
    UpsertPoints, points_update_operation as update,
};
use qdrant_client::{Qdrant, QdrantError};
use uuid::Uuid;

use super::fusion::Arms;
use super::point::{Filter, Page, Payload, Point, SearchRequest};
use super::{IndexError, SparseVector};
use crate::config::{self, Quantization};

/// A server's collections under a common prefix.
pub(super) struct ServerIndex {
    client: Qdrant,
    /// The URL without user or password in it.
    place: String,
    /// `user:password@` of the URL, to be cut out of the client's messages.
    credentials: String,
    /// The alias of the live collection, and how collections' names start.
    alias: String,
    quantization: Quantization,
}

impl std::fmt::Debug for ServerIndex {
    // The client's own text would show the key.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServerIndex")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl ServerIndex {
    /// A client of the server; it connects with its first call.
    pub(super) fn open(settings: &config::Index) -> Result<Self, IndexError> {
        let (place, credentials) = without_credentials(&settings.qdrant_url);
        let key = settings.qdrant_api_key.expose();
        let timeout = Duration::from_millis(settings.timeout_ms);
        let mut builder = Qdrant::from_url(&settings.qdrant_url)
            .timeout(timeout)
            .connect_timeout(timeout)
            .skip_compatibility_check();
        if !key.is_empty() {
            builder = builder.api_key(key);
        }
        let client = builder.build().map_err(|error| IndexError::Rejected {
            place: place.clone(),
            reason: format!("index.qdrant_url is not a URL: {error}"),
        })?;
        Ok(Self {
            client,
            place,
            credentials,
            alias: settings.collection.clone(),
            quantization: settings.quantization,
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) async fn upsert(&self, name: &str, points: Vec<Point>) -> Result<(), IndexError> {
        let request = UpsertPoints {
            collection_name: name.to_owned(),
            wait: Some(true),
            points: points.into_iter().map(convert::point).collect(),
            ..UpsertPoints::default()
        };
        self.sent(self.client.upsert_points(request).await)
            .map(drop)
    }

    pub(super) async fn delete(&self, name: &str, ids: &[Uuid]) -> Result<(), IndexError> {
        self.delete_selected(name, convert::by_ids(ids)).await
    }

    pub(super) async fn delete_matching(
        &self,
        name: &str,
        filter: &Filter,
    ) -> Result<(), IndexError> {
        self.delete_selected(name, convert::filter(filter).into())
            .await
    }

    /// One request: an overwrite of each payload, then all the sparse vectors.
    pub(super) async fn set_metadata(
        &self,
        name: &str,
        changes: Vec<(Uuid, Payload, SparseVector)>,
    ) -> Result<(), IndexError> {
        let mut operations = Vec::with_capacity(changes.len() + 1);
        let mut vectors = Vec::with_capacity(changes.len());
        for (id, payload, sparse) in changes {
            operations.push(update::Operation::OverwritePayload(
                update::OverwritePayload {
                    payload: convert::to_payload(&payload),
                    points_selector: Some(convert::by_ids(&[id])),
                    ..update::OverwritePayload::default()
                },
            ));
            vectors.push(convert::sparse_of(id, sparse));
        }
        operations.push(update::Operation::UpdateVectors(update::UpdateVectors {
            points: vectors,
            ..update::UpdateVectors::default()
        }));
        let operations = operations
            .into_iter()
            .map(|operation| PointsUpdateOperation {
                operation: Some(operation),
            });
        let request = UpdateBatchPoints {
            collection_name: name.to_owned(),
            wait: Some(true),
            operations: operations.collect(),
            ..UpdateBatchPoints::default()
        };
        self.sent(self.client.update_points_batch(request).await)
            .map(drop)
    }

    pub(super) async fn set_sparse(
        &self,
        name: &str,
        changes: Vec<(Uuid, SparseVector)>,
    ) -> Result<(), IndexError> {
        let points: Vec<PointVectors> = changes
            .into_iter()
            .map(|(id, sparse)| convert::sparse_of(id, sparse))
            .collect();
        let request = UpdatePointVectors {
            collection_name: name.to_owned(),
            wait: Some(true),
            points,
            ..UpdatePointVectors::default()
        };
        self.sent(self.client.update_vectors(request).await)
            .map(drop)
    }

    pub(super) async fn page(
        &self,
        name: &str,
        filter: &Filter,
        offset: Option<Uuid>,
        limit: usize,
        with_dense: bool,
    ) -> Result<Page, IndexError> {
        let request = convert::scroll(name, filter, offset, limit, with_dense);
        let response = self.sent(self.client.scroll(request).await)?;
        self.understood(convert::page(response))
    }

    pub(super) async fn assets(
        &self,
        name: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, IndexError> {
        let request = convert::assets(name, filter, limit);
        let response = self.sent(self.client.facet(request).await)?;
        Ok(convert::keywords(response))
    }

    pub(super) async fn count(&self, name: &str, filter: &Filter) -> Result<u64, IndexError> {
        let request = convert::count(name, filter);
        let response = self.sent(self.client.count(request).await)?;
        Ok(response.result.map_or(0, |result| result.count))
    }

    /// All arms in one call.
    pub(super) async fn arms(
        &self,
        name: &str,
        request: &SearchRequest,
    ) -> Result<Arms, IndexError> {
        let response = self.client.query_batch(convert::arms(name, request)).await;
        let mut results = self.sent(response)?.result.into_iter();
        let mut next = |searched: bool| {
            let result = searched.then(|| results.next()).flatten();
            self.understood(result.map_or_else(|| Ok(Vec::new()), convert::scored))
        };
        Ok(Arms {
            dense: next(request.dense.is_some())?,
            sparse: next(request.sparse.is_some())?,
            parts: request
                .parts
                .iter()
                .map(|_| next(true))
                .collect::<Result<_, _>>()?,
        })
    }

    async fn delete_selected(
        &self,
        name: &str,
        points: qdrant_client::qdrant::PointsSelector,
    ) -> Result<(), IndexError> {
        let request = DeletePoints {
            collection_name: name.to_owned(),
            wait: Some(true),
            points: Some(points),
            ..DeletePoints::default()
        };
        self.sent(self.client.delete_points(request).await)
            .map(drop)
    }

    /// What a failed call means for the caller. gRPC's own text is kept, its headers are not.
    fn sent<T>(&self, result: Result<T, QdrantError>) -> Result<T, IndexError> {
        let error = match result {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let place = self.place.clone();
        let status = match error {
            QdrantError::ResponseError { status }
            | QdrantError::ResourceExhaustedError { status, .. } => status,
            other => {
                let reason = other.to_string();
                return Err(IndexError::Rejected { place, reason });
            }
        };
        // tonic is no dependency of ours but for tests; the client gives no other name to its codes.
        let mut reason = format!("{} ({:?})", status.message(), status.code());
        if !self.credentials.is_empty() {
            reason = reason.replace(&self.credentials, "");
        }
        Err(match i32::from(status.code()) {
            // Cancelled, unknown, deadline exceeded, resource exhausted, internal, unavailable:
            // the client reports a refused connection as "internal".
            1 | 2 | 4 | 8 | 13 | 14 => IndexError::Unavailable { place, reason },
            _ => IndexError::Rejected { place, reason },
        })
    }

    fn understood<T>(&self, result: Result<T, String>) -> Result<T, IndexError> {
        result.map_err(|reason| IndexError::Rejected {
            place: self.place.clone(),
            reason,
        })
    }
}

/// The URL without `user:password@`, and what was taken out.
fn without_credentials(url: &str) -> (String, String) {
    let start = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[start..]
        .find('/')
        .map_or(url.len(), |path| start + path);
    let host = url[start..end]
        .rfind('@')
        .map_or(start, |at| start + at + 1);
    (
        format!("{}{}", &url[..start], &url[host..]),
        url[start..host].to_owned(),
    )
}
