//! What every engine promises of filters: which points one lets through, and what is told of those.

use docent_core::index::{End, Facet, Filter, Moment};

use super::backend::{EAST, groups, id, on_each, point};

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
