//! What the index tells of the points of a collection: points by a filter, pages of them, values, numbers.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::point::{End, Facet, Filter, Moment, Page, Payload, StoredPoint};
use super::{Engine, IndexError, VectorIndex, engine};

/// Points fetched at once where all matches are asked for.
const PAGE: usize = 512;

impl VectorIndex {
    /// All matching points, by ascending id.
    pub async fn points(
        &self,
        name: &str,
        filter: &Filter,
        with_dense: bool,
    ) -> Result<Vec<StoredPoint>, IndexError> {
        let mut found = Vec::new();
        if filter.matches_nothing() {
            return Ok(found);
        }
        let mut offset = None;
        loop {
            let page = engine!(self.page(name, filter, offset, PAGE, with_dense))?;
            found.extend(page.points);
            offset = page.next;
            if offset.is_none() {
                return Ok(found);
            }
        }
    }

    /// A page of all points, by ascending id, from `offset` on; `limit` is at least one.
    pub async fn scroll(
        &self,
        name: &str,
        offset: Option<Uuid>,
        limit: usize,
        with_dense: bool,
    ) -> Result<Page, IndexError> {
        engine!(self.page(name, &Filter::default(), offset, limit.max(1), with_dense))
    }

    /// A page of the matching points, by ascending id, from `offset` on; `limit` is at least one.
    pub async fn page(
        &self,
        name: &str,
        filter: &Filter,
        offset: Option<Uuid>,
        limit: usize,
    ) -> Result<Page, IndexError> {
        if filter.matches_nothing() {
            return Ok(Page::default());
        }
        engine!(self.page(name, filter, offset, limit.max(1), false))
    }

    /// The values of a field with the exact number of matching points that have each, the most
    /// frequent first, `limit` of them at the most. Points without a value are not counted.
    pub async fn facet(
        &self,
        name: &str,
        facet: Facet,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, IndexError> {
        if filter.matches_nothing() || limit == 0 {
            return Ok(Vec::new());
        }
        engine!(self.facet(name, facet, filter, limit))
    }

    /// The oldest or newest of the matching points' moments; `None` where none has any. A collection
    /// that was made before there was an index of moments, and not run since, is rejected.
    pub async fn moment(
        &self,
        name: &str,
        moment: Moment,
        end: End,
        filter: &Filter,
    ) -> Result<Option<chrono::DateTime<chrono::Utc>>, IndexError> {
        if filter.matches_nothing() {
            return Ok(None);
        }
        let found = engine!(self.at_end(name, moment, end, filter))?;
        Ok(found
            .points
            .first()
            .and_then(|point| moment.of(&point.payload)))
    }

    /// The dense vectors of texts that are in the collection, by [`Payload::text_hash`]; what is
    /// not there is missing from the map.
    pub async fn vectors_by_text_hash(
        &self,
        name: &str,
        hashes: &[String],
    ) -> Result<HashMap<String, Vec<f32>>, IndexError> {
        let mut vectors = HashMap::with_capacity(hashes.len());
        for hashes in hashes.chunks(PAGE) {
            let filter = Filter {
                text_hash: Some(hashes.to_vec()),
                ..Filter::default()
            };
            for point in self.points(name, &filter, true).await? {
                if let Some(dense) = point.dense {
                    vectors.insert(point.payload.text_hash, dense);
                }
            }
        }
        Ok(vectors)
    }

    /// The texts that are in the collection, of those that are asked for by [`Payload::text_hash`].
    pub async fn known_text_hashes(
        &self,
        name: &str,
        hashes: &[String],
    ) -> Result<HashSet<String>, IndexError> {
        let mut known = HashSet::new();
        for hashes in hashes.chunks(PAGE) {
            let filter = Filter {
                text_hash: Some(hashes.to_vec()),
                ..Filter::default()
            };
            let points = self.points(name, &filter, false).await?;
            known.extend(points.into_iter().map(|point| point.payload.text_hash));
        }
        Ok(known)
    }

    /// Those of some documents that one of these groups may read now.
    pub async fn readable(
        &self,
        name: &str,
        documents: &[Uuid],
        groups: &[String],
    ) -> Result<HashSet<Uuid>, IndexError> {
        let mut readable = HashSet::new();
        for document in documents.iter().collect::<HashSet<_>>() {
            let filter = Filter {
                groups: Some(groups.to_vec()),
                document_id: Some(*document),
                ..Filter::default()
            };
            if self.count(name, &filter).await? > 0 {
                readable.insert(*document);
            }
        }
        Ok(readable)
    }

    /// The assets that the matching points are about, each once, in alphabetical order; `limit` at the
    /// most, those with the most points first.
    pub async fn assets(
        &self,
        name: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<String>, IndexError> {
        if filter.matches_nothing() {
            return Ok(Vec::new());
        }
        let counted = self.facet(name, Facet::Asset, filter, limit.max(1)).await?;
        let mut assets: Vec<String> = counted.into_iter().map(|(asset, _)| asset).collect();
        assets.sort_unstable();
        Ok(assets)
    }

    /// What the index holds of a document beside its text: the payload of one of its chunks. `None`: it is
    /// not there.
    pub async fn document(&self, name: &str, id: Uuid) -> Result<Option<Payload>, IndexError> {
        let filter = Filter {
            document_id: Some(id),
            ..Filter::default()
        };
        self.first(name, &filter).await
    }

    /// The same of a document that describes a data product.
    pub async fn describing(&self, name: &str, asset: &str) -> Result<Option<Payload>, IndexError> {
        let filter = Filter {
            asset: Some(asset.to_owned()),
            ..Filter::default()
        };
        self.first(name, &filter).await
    }

    async fn first(&self, name: &str, filter: &Filter) -> Result<Option<Payload>, IndexError> {
        let page = engine!(self.page(name, filter, None, 1, false))?;
        Ok(page.points.into_iter().next().map(|point| point.payload))
    }

    /// The exact number of matching points.
    pub async fn count(&self, name: &str, filter: &Filter) -> Result<u64, IndexError> {
        if filter.matches_nothing() {
            return Ok(0);
        }
        engine!(self.count(name, filter))
    }
}
