//! What every engine promises of points: stored, changed, deleted and read again.

use chrono::{DateTime, Utc};
use docent_core::document::Status;
use docent_core::index::{Filter, IndexError, SparseVector, lexical};

use super::backend::{
    EAST, NORTH, by_direction, by_words, groups, id, numbers, on_each, payload, point,
};

#[tokio::test]
async fn a_point_comes_back_as_it_was_stored() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let mut stored = point(7, "대여 기록 \"quoted\"\n| a | b |", [3.0, 1.0, -2.0, 0.5]);
        stored.payload.status = Some(Status::Certified);
        stored.payload.updated_at = "2026-11-02T03:04:05.123456Z".parse::<DateTime<Utc>>().ok();
        stored.payload.ordinal = 12;
        index.upsert(&name, vec![stored.clone()]).await.unwrap();

        let found = index.points(&name, &Filter::default(), true).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, stored.id);
        assert_eq!(found[0].payload, stored.payload);
        assert_close(found[0].dense.as_ref().unwrap(), &stored.dense);
        let without = index
            .points(&name, &Filter::default(), false)
            .await
            .unwrap();
        assert_eq!(without[0].dense, None);
        let hits = index.search(&name, by_direction(EAST)).await.unwrap();
        assert_eq!(hits[0].payload, stored.payload);
        assert_close(&hits[0].dense, &stored.dense);
    })
    .await;
}

#[tokio::test]
async fn deleting_by_filter_spares_the_ids_it_names() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let mut points: Vec<_> = (1..=4).map(|number| point(number, "text", EAST)).collect();
        points[3].payload.document_id = id(2);
        index.upsert(&name, points).await.unwrap();

        let old_chunks = Filter {
            document_id: Some(id(1)),
            not_ids: vec![id(2)],
            ..Filter::default()
        };
        index.delete_matching(&name, &old_chunks).await.unwrap();
        let left = index
            .points(&name, &Filter::default(), false)
            .await
            .unwrap();
        assert_eq!(
            left.iter().map(|point| point.id).collect::<Vec<_>>(),
            [id(2), id(4)]
        );

        // A filter that nothing can match must not become one without conditions.
        index.delete_matching(&name, &groups(&[])).await.unwrap();
        index.delete(&name, &[id(4), id(99)]).await.unwrap();
        assert_eq!(index.count(&name, &Filter::default()).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn new_metadata_leaves_the_dense_vector_as_it_is() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let stored = point(1, "rentals by station", [0.3, -0.2, 0.9, 0.1]);
        index
            .upsert(&name, vec![stored.clone(), point(2, "other", NORTH)])
            .await
            .unwrap();
        let before = index.points(&name, &Filter::default(), true).await.unwrap();

        let mut changed = stored.payload.clone();
        changed.owner = Some("mobility team".to_owned());
        changed.groups = vec!["finance".to_owned()];
        changed.language = None;
        let sparse = lexical::passage_vector(&changed.lexical_text(), 8.0);
        let change = vec![(id(1), changed.clone(), sparse)];
        index.set_metadata(&name, change).await.unwrap();

        let after = index.points(&name, &Filter::default(), true).await.unwrap();
        assert_eq!(after[0].payload, changed);
        assert_eq!(after[0].dense, before[0].dense);
        assert_eq!(after[1], before[1]);
        let hits = index.search(&name, by_words("mobility")).await.unwrap();
        assert_eq!(numbers(&hits), [1]);
        let everyone = Filter {
            not_ids: vec![],
            ..groups(&["everyone"])
        };
        assert_eq!(index.count(&name, &everyone).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_new_sparse_vector_changes_nothing_else() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        index
            .upsert(&name, vec![point(1, "rentals", EAST), point(2, "x", NORTH)])
            .await
            .unwrap();
        let before = index.points(&name, &Filter::default(), true).await.unwrap();
        let sparse = lexical::passage_vector("stations", 8.0);
        index
            .set_sparse(&name, vec![(id(1), sparse)])
            .await
            .unwrap();
        assert_eq!(
            index.points(&name, &Filter::default(), true).await.unwrap(),
            before
        );
        assert!(
            index
                .search(&name, by_words("rentals"))
                .await
                .unwrap()
                .is_empty()
        );
        let hits = index.search(&name, by_words("stations")).await.unwrap();
        assert_eq!(numbers(&hits), [1]);
    })
    .await;
}

#[tokio::test]
async fn metadata_for_a_point_that_is_not_there_is_rejected() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let change = vec![(id(5), payload("gone"), SparseVector::default())];
        let error = index.set_metadata(&name, change).await.unwrap_err();
        assert!(matches!(error, IndexError::Rejected { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn vectors_are_found_by_the_hash_of_their_text() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let points = vec![point(1, "one", EAST), point(2, "two", NORTH)];
        let hash = points[1].payload.text_hash.clone();
        index.upsert(&name, points).await.unwrap();
        let wanted = [hash.clone(), "0".repeat(32)];
        let found = index.vectors_by_text_hash(&name, &wanted).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_close(&found[&hash], &NORTH);
        assert!(
            index
                .vectors_by_text_hash(&name, &[])
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_point_once_in_the_order_of_ids() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let points = (1..=1_100).rev().map(|number| point(number, "text", EAST));
        index.upsert(&name, points.collect()).await.unwrap();
        let (mut found, mut offset) = (Vec::new(), None);
        loop {
            let page = index.scroll(&name, offset, 300, false).await.unwrap();
            found.push(page.points.len());
            offset = page.next;
            if offset.is_none() {
                break;
            }
        }
        assert_eq!(found, [300, 300, 300, 200]);
        let all = index
            .points(&name, &Filter::default(), false)
            .await
            .unwrap();
        let ids: Vec<u128> = all.iter().map(|point| point.id.as_u128()).collect();
        assert_eq!(ids, (1..=1_100).collect::<Vec<_>>());
    })
    .await;
}

fn assert_close(left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-6, "{left} is not {right}");
    }
}
