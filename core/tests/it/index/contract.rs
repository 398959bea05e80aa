//! What every engine promises of collections and points.

use chrono::{DateTime, Utc};
use docent_core::document::Status;
use docent_core::index::{
    CollectionSpec, End, Facet, Filter, IndexError, Moment, SparseVector, lexical,
};
use uuid::Uuid;

use super::backend::{
    DIMENSIONS, by_direction, by_words, groups, id, numbers, on_each, payload, point, spec,
};

const EAST: [f32; DIMENSIONS] = [1.0, 0.0, 0.0, 0.0];
const NORTH: [f32; DIMENSIONS] = [0.0, 1.0, 0.0, 0.0];

#[tokio::test]
async fn creating_a_collection_again_keeps_its_points() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        index
            .upsert(&name, vec![point(1, "trips", EAST)])
            .await
            .unwrap();
        index.create(&spec(&name)).await.unwrap();
        assert_eq!(index.count(&name, &Filter::default()).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_collection_with_vectors_of_another_length_is_rejected() {
    on_each(async |backend| {
        let name = backend.collection().await;
        let other = CollectionSpec {
            name,
            dimensions: DIMENSIONS + 1,
        };
        let error = backend.index.create(&other).await.unwrap_err();
        assert!(matches!(&error, IndexError::Rejected { .. }), "{error}");
        assert!(
            error.to_string().contains("have 4 dimensions, not 5"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_collection_that_is_not_there_is_rejected() {
    on_each(async |backend| {
        let name = backend.name("nowhere");
        let error = backend
            .index
            .count(&name, &Filter::default())
            .await
            .unwrap_err();
        assert!(matches!(error, IndexError::Rejected { .. }), "{error}");
        backend.index.remove(&name).await.unwrap();
    })
    .await;
}

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
async fn each_condition_of_a_filter_holds() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let mut points = vec![
            point(1, "one", EAST),
            point(2, "two", EAST),
            point(3, "three", EAST),
            point(4, "four", EAST),
        ];
        points[1].payload.source = "wiki".to_owned();
        points[2].payload.document_id = id(2);
        points[3].payload.asset = Some("fct_trips".to_owned());
        let hashes = [&points[0], &points[3]].map(|point| point.payload.text_hash.clone());
        index.upsert(&name, points).await.unwrap();

        let none = Filter::default;
        for (filter, expected) in [
            (none(), vec![1, 2, 3, 4]),
            (
                Filter {
                    source: Some("wiki".to_owned()),
                    ..none()
                },
                vec![2],
            ),
            (
                Filter {
                    sources: Some(vec!["wiki".to_owned(), "none".to_owned()]),
                    ..none()
                },
                vec![2],
            ),
            (
                Filter {
                    document_id: Some(id(2)),
                    ..none()
                },
                vec![3],
            ),
            (
                Filter {
                    documents: Some(vec![id(2), id(9)]),
                    ..none()
                },
                vec![3],
            ),
            (
                Filter {
                    documents: Some(Vec::new()),
                    ..none()
                },
                vec![],
            ),
            (
                Filter {
                    asset: Some("fct_trips".to_owned()),
                    ..none()
                },
                vec![4],
            ),
            (
                Filter {
                    text_hash: Some(hashes.to_vec()),
                    ..none()
                },
                vec![1, 4],
            ),
            (
                Filter {
                    text_hash: Some(Vec::new()),
                    ..none()
                },
                vec![],
            ),
            (
                Filter {
                    not_ids: vec![id(1), id(3), id(9)],
                    ..none()
                },
                vec![2, 4],
            ),
            (
                Filter {
                    source: Some("docs".to_owned()),
                    not_ids: vec![id(1)],
                    ..none()
                },
                vec![3, 4],
            ),
            (groups(&["everyone", "finance"]), vec![1, 2, 3, 4]),
            (groups(&["finance"]), vec![]),
        ] {
            let found = index.points(&name, &filter, false).await.unwrap();
            let found: Vec<u128> = found.iter().map(|point| point.id.as_u128()).collect();
            assert_eq!(found, expected, "{filter:?}");
            let count = index.count(&name, &filter).await.unwrap();
            assert_eq!(count, expected.len() as u64, "{filter:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn assets_are_those_of_points_that_the_groups_may_read_and_each_once() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let mut points: Vec<_> = (1..=6).map(|number| point(number, "text", EAST)).collect();
        for (at, asset) in [
            (0, "orders"),
            (1, "fct_trips"),
            (2, "fct_trips"),
            (3, "payroll"),
        ] {
            points[at].payload.asset = Some(asset.to_owned());
        }
        points[4].payload.asset = Some("orders".to_owned());
        points[3].payload.groups = vec!["finance".to_owned()];
        points[4].payload.groups = vec!["finance".to_owned(), "everyone".to_owned()];
        index.upsert(&name, points).await.unwrap();

        let of =
            async |named: &[&str], limit| index.assets(&name, &groups(named), limit).await.unwrap();
        assert_eq!(of(&["everyone"], 10).await, ["fct_trips", "orders"]);
        assert_eq!(of(&["finance"], 10).await, ["orders", "payroll"]);
        assert_eq!(
            of(&["finance", "everyone"], 10).await,
            ["fct_trips", "orders", "payroll"]
        );
        assert_eq!(
            of(&["finance", "everyone"], 2).await,
            ["fct_trips", "orders"]
        );
        assert!(of(&["marketing"], 10).await.is_empty());
        assert!(of(&[], 10).await.is_empty());

        index.delete(&name, &[id(2), id(3)]).await.unwrap();
        assert_eq!(of(&["everyone"], 10).await, ["orders"]);
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

/// Five documents in two sources; the third has two chunks, the fourth is for finance alone.
async fn documents(index: &docent_core::index::VectorIndex, name: &str) {
    let mut points = Vec::new();
    for (number, document, source, owner) in [
        (1, 1, "docs", Some("Ana")),
        (2, 2, "docs", Some("Ana")),
        (3, 3, "docs", None),
        (4, 3, "docs", None),
        (5, 4, "docs", Some("Vera")),
        (6, 5, "wiki", Some("Ben")),
    ] {
        let mut point = point(number, &format!("text {number}"), EAST);
        point.payload.document_id = id(document);
        point.payload.source = source.to_owned();
        point.payload.owner = owner.map(str::to_owned);
        point.payload.ordinal = u32::from(number == 4);
        point.payload.updated_at = format!("2026-11-0{number}T00:00:00.5Z").parse().ok();
        points.push(point);
    }
    points[4].payload.groups = vec!["finance".to_owned()];
    points[2].payload.updated_at = None;
    points[1].payload.fresh_at = "2026-11-20T05:20:00Z".parse().ok();
    index.upsert(name, points).await.unwrap();
}

#[tokio::test]
async fn values_are_counted_once_a_document_and_only_of_what_the_filter_lets_through() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        documents(index, &name).await;
        let of = |groups: &[&str], source: Option<&str>| Filter {
            source: source.map(str::to_owned),
            first: true,
            ..self::groups(groups)
        };
        let counted = async |facet, filter: &Filter, limit| {
            let counted = index.facet(&name, facet, filter, limit).await.unwrap();
            let counted = counted.into_iter();
            counted
                .map(|(value, count)| format!("{value}: {count}"))
                .collect::<Vec<_>>()
        };
        let everyone = of(&["everyone"], None);
        assert_eq!(
            counted(Facet::Source, &everyone, 10).await,
            ["docs: 3", "wiki: 1"]
        );
        assert_eq!(counted(Facet::Source, &everyone, 1).await, ["docs: 3"]);
        assert_eq!(
            counted(Facet::Owner, &of(&["everyone"], Some("docs")), 10).await,
            ["Ana: 2"]
        );
        assert_eq!(
            counted(Facet::Owner, &of(&["finance"], None), 10).await,
            ["Vera: 1"]
        );
        assert!(counted(Facet::Asset, &everyone, 10).await.is_empty());
        assert!(counted(Facet::Source, &of(&[], None), 10).await.is_empty());
        assert_eq!(index.count(&name, &everyone).await.unwrap(), 4);
    })
    .await;
}

#[tokio::test]
async fn the_oldest_and_the_newest_are_those_that_the_filter_lets_through() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        documents(index, &name).await;
        let docs = Filter {
            source: Some("docs".to_owned()),
            first: true,
            ..groups(&["everyone"])
        };
        let at = async |moment, end, filter: &Filter| {
            let found = index.moment(&name, moment, end, filter).await.unwrap();
            found.map(|at| at.format("%m-%d %H:%M").to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(
            at(Moment::Updated, End::Oldest, &docs).await,
            is("11-01 00:00")
        );
        assert_eq!(
            at(Moment::Updated, End::Newest, &docs).await,
            is("11-02 00:00")
        );
        assert_eq!(
            at(Moment::Fresh, End::Newest, &docs).await,
            is("11-20 05:20")
        );
        let wiki = Filter {
            source: Some("wiki".to_owned()),
            ..docs.clone()
        };
        assert_eq!(at(Moment::Fresh, End::Oldest, &wiki).await, None);
        assert_eq!(at(Moment::Updated, End::Newest, &groups(&[])).await, None);
    })
    .await;
}

#[tokio::test]
async fn pages_of_a_filter_hold_what_it_lets_through() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        documents(index, &name).await;
        let first = Filter {
            first: true,
            ..groups(&["everyone"])
        };
        let (mut found, mut offset) = (Vec::<Vec<u128>>::new(), None);
        loop {
            let page = index.page(&name, &first, offset, 3).await.unwrap();
            found.push(page.points.iter().map(|point| point.id.as_u128()).collect());
            offset = page.next;
            if offset.is_none() {
                break;
            }
        }
        assert_eq!(found, [vec![1, 2, 3], vec![6]]);
    })
    .await;
}

#[tokio::test]
async fn the_live_collection_is_switched_in_one_step() {
    on_each(async |backend| {
        let index = &backend.index;
        assert_eq!(index.live().await.unwrap(), None);
        let [old, new] = ["old", "new"].map(|embedding| backend.name(embedding));
        for name in [&old, &new] {
            index.create(&spec(name)).await.unwrap();
        }
        index.switch(&old).await.unwrap();
        assert_eq!(index.live().await.unwrap().as_ref(), Some(&old));
        index.switch(&new).await.unwrap();
        assert_eq!(index.live().await.unwrap().as_ref(), Some(&new));
        assert!(index.switch(&backend.name("nowhere")).await.is_err());
        index.ready().await.unwrap();

        let mut both = vec![old.clone(), new.clone()];
        both.sort();
        assert_eq!(index.collections().await.unwrap(), both);
        index.remove(&old).await.unwrap();
        assert_eq!(
            index.collections().await.unwrap(),
            std::slice::from_ref(&new)
        );
        assert_eq!(index.live().await.unwrap(), Some(new.clone()));
        index.remove(&new).await.unwrap();
        assert_eq!(index.live().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn collections_of_another_prefix_are_left_alone() {
    on_each(async |backend| {
        let other = format!("{}-b-000000000000-111111111111", backend.prefix);
        backend.index.create(&spec(&other)).await.unwrap();
        assert_eq!(
            backend.index.collections().await.unwrap(),
            Vec::<String>::new()
        );
        backend.index.remove(&other).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_generation_is_kept_until_the_next() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        assert_eq!(index.generation(&name).await.unwrap(), None);
        for generation in [Uuid::now_v7(), Uuid::now_v7()] {
            index.set_generation(&name, generation).await.unwrap();
            assert_eq!(index.generation(&name).await.unwrap(), Some(generation));
        }
    })
    .await;
}

fn assert_close(left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() < 1e-6, "{left} is not {right}");
    }
}
