//! What every engine promises of searches.

use docent_core::index::{
    Filter, Point, SearchRequest, SparseVector, VectorIndex, Weights, lexical,
};
use futures::future::join_all;

use super::backend::{
    backends, by_direction, by_words, groups, hybrid, id, numbers, on_each, point, point_for, spec,
    unit,
};

/// Point 1 is nearest by direction, point 2 has the words, point 3 is second in both.
async fn three_points(index: &VectorIndex, name: &str) {
    let points = vec![
        point(1, "unrelated words", [1.0, 0.0, 0.0, 0.0]),
        point(2, "station capacity station", [0.0, 0.0, 1.0, 0.0]),
        point(
            3,
            "station list of all docks and bikes",
            [0.9, 0.3, 0.0, 0.0],
        ),
    ];
    index.upsert(name, points).await.unwrap();
}

fn both(dense_weight: f32, sparse_weight: f32) -> SearchRequest {
    let dense = unit(&[1.0, 0.0, 0.0, 0.0]);
    let sparse = lexical::question_vector("station capacity");
    SearchRequest {
        weights: Weights {
            dense: dense_weight,
            sparse: sparse_weight,
        },
        ..hybrid(Some(dense), Some(sparse))
    }
}

#[tokio::test]
async fn scores_of_both_arms_are_added_on_one_scale() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        three_points(index, &name).await;
        let hits = index.search(&name, both(1.0, 1.0)).await.unwrap();
        // Point 3 is nearly best in both; the others are best in one and last in the other, and stand
        // by their ids.
        assert_eq!(numbers(&hits), [3, 1, 2]);
        let third = &hits[0];
        let (cosine, words) = (third.cosine.unwrap(), third.sparse_arm.unwrap().score);
        let most = hits[2].sparse_arm.unwrap().score;
        assert!((third.score - (cosine + words / most)).abs() < 1e-5);
        assert!((hits[1].score - 1.0).abs() < 1e-6 && (hits[2].score - 1.0).abs() < 1e-6);
        assert_eq!(hits[1].sparse_arm, None);
    })
    .await;
}

#[tokio::test]
async fn what_a_part_of_a_question_finds_comes_besides() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        three_points(index, &name).await;
        let mut hidden = point_for(4, "unrelated secret", &["finance"]);
        hidden.dense = unit(&[0.0, 0.0, 0.0, 1.0]);
        index.upsert(&name, vec![hidden]).await.unwrap();
        let whole = SearchRequest {
            filter: groups(&["everyone"]),
            limit: 1,
            ..by_words("station capacity")
        };
        let alone = index.search(&name, whole.clone()).await.unwrap();
        assert_eq!(numbers(&alone), [2]);
        let in_parts = SearchRequest {
            parts: vec![
                lexical::question_vector("unrelated"),
                lexical::question_vector("station capacity"),
                SparseVector::default(),
            ],
            ..whole
        };
        let hits = index.search(&name, in_parts).await.unwrap();
        assert_eq!(numbers(&hits), [2, 1]);
        // 1/2 for the whole, and half of it for a part.
        assert!((hits[0].score - 0.75).abs() < 1e-6 && (hits[1].score - 0.25).abs() < 1e-6);
        assert_eq!((hits[1].dense_arm, hits[1].sparse_arm), (None, None));
    })
    .await;
}

#[tokio::test]
async fn words_that_come_after_their_points_weigh_as_if_they_had_come_with_them() {
    // The test endpoint has Edge's own count.
    for backend in backends().await {
        if backend.kind == "endpoint" {
            continue;
        }
        let index = &backend.index;
        let texts = [
            "station capacity",
            "station list of docks",
            "dock repairs",
            "bikes",
        ];
        let points: Vec<Point> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| point(number as u128 + 1, text, [1.0, 0.0, 0.0, 0.0]))
            .collect();
        let at_once = backend.name("at once");
        index.create(&spec(&at_once)).await.unwrap();
        index.upsert(&at_once, points.clone()).await.unwrap();
        index.optimize(&at_once).await.unwrap();

        let later = backend.name("later");
        index.create(&spec(&later)).await.unwrap();
        let words = points.iter().map(|point| (point.id, point.sparse.clone()));
        let words = words.collect();
        let mut bare = points;
        for point in &mut bare {
            point.sparse = SparseVector::default();
        }
        index.upsert(&later, bare).await.unwrap();
        index.set_sparse(&later, words).await.unwrap();
        index.optimize(&later).await.unwrap();

        let found = async |name: &str| -> Vec<(u128, f32)> {
            let hits = index
                .search(name, by_words("station capacity"))
                .await
                .unwrap();
            let scores = hits.iter().map(|hit| hit.sparse_arm.unwrap().score);
            numbers(&hits).into_iter().zip(scores).collect()
        };
        let expected = found(&at_once).await;
        assert!(
            expected.iter().all(|(_, score)| *score > 0.0),
            "{expected:?}"
        );
        assert_eq!(found(&later).await, expected);
    }
}

#[tokio::test]
async fn weights_decide_which_arm_leads() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        three_points(index, &name).await;
        let by_words = index.search(&name, both(0.2, 1.0)).await.unwrap();
        assert_eq!(by_words[0].id, id(2));
        let by_meaning = index.search(&name, both(1.0, 0.1)).await.unwrap();
        assert_eq!(by_meaning[0].id, id(1));
        // An arm without weight is left out: only the points that have the words are found.
        let words_only = index.search(&name, both(0.0, 1.0)).await.unwrap();
        assert_eq!(numbers(&words_only), [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn an_arm_that_is_missing_is_left_out() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        three_points(index, &name).await;
        let dense = index
            .search(&name, by_direction([1.0, 0.0, 0.0, 0.0]))
            .await
            .unwrap();
        assert_eq!(numbers(&dense), [1, 3, 2]);
        assert!(
            (dense[0].score - 1.0).abs() < 1e-6,
            "the score of one arm is its own"
        );
        let sparse = index.search(&name, by_words("station")).await.unwrap();
        assert_eq!(numbers(&sparse), [2, 3]);
        // A question of stop words has no sparse side.
        let no_words = SearchRequest {
            sparse: Some(lexical::question_vector("what is it")),
            ..by_direction([1.0, 0.0, 0.0, 0.0])
        };
        assert_eq!(index.search(&name, no_words).await.unwrap().len(), 3);
        assert!(
            index
                .search(&name, by_words("what is it"))
                .await
                .unwrap()
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn rare_words_weigh_more_than_common_ones() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let direction = [1.0, 0.0, 0.0, 0.0];
        let mut points: Vec<_> = (10..40)
            .map(|number| point(number, "trips table", direction))
            .collect();
        points.push(point(1, "trips trips trips", direction));
        points.push(point(2, "sample_id", direction));
        index.upsert(&name, points).await.unwrap();
        let hits = index
            .search(&name, by_words("trips sample_id"))
            .await
            .unwrap();
        assert_eq!(numbers(&hits)[..2], [2, 1]);
    })
    .await;
}

#[tokio::test]
async fn nobody_finds_what_their_groups_may_not_read() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        let mut points: Vec<_> = (1..=50)
            .map(|number| point_for(number, "salary table", &["finance", "board"]))
            .collect();
        points.push(point_for(60, "salary bands are published", &["everyone"]));
        points.push(point_for(61, "salary exports", &["finance"]));
        index.upsert(&name, points).await.unwrap();

        let ask = async |filter: Filter| {
            let dense = unit(&[1.0, 0.0, 0.0, 0.0]);
            let request = SearchRequest {
                filter,
                ..hybrid(Some(dense), Some(lexical::question_vector("salary table")))
            };
            let mut found = numbers(&index.search(&name, request).await.unwrap());
            found.sort_unstable();
            found
        };
        // The filter holds inside the arms: the one readable point is found behind fifty better.
        assert_eq!(ask(groups(&["everyone"])).await, [60]);
        assert_eq!(ask(groups(&["nobody"])).await, [0; 0]);
        assert_eq!(ask(groups(&[])).await, [0; 0]);
        assert_eq!(ask(groups(&["board"])).await.len(), 10);
        assert!(ask(groups(&["everyone", "finance"])).await.len() == 10);
    })
    .await;
}

#[tokio::test]
async fn optimizing_keeps_the_points_and_their_order() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        for batch in 0..4 {
            let points = (0..250).map(|number| {
                let number = batch * 250 + number;
                let angle = number as f32 / 1_000.0;
                let text = format!("row {number} of the trips table");
                point(number, &text, [angle.cos(), angle.sin(), 0.0, 0.0])
            });
            index.upsert(&name, points.collect()).await.unwrap();
        }
        let removed: Vec<_> = (500..800).map(id).collect();
        index.delete(&name, &removed).await.unwrap();
        let request = || SearchRequest {
            sparse: Some(lexical::question_vector("420")),
            ..by_direction([0.9, 0.4, 0.0, 0.0])
        };
        // Deleted points count as rarity until then, so the arm's own scores may change.
        let found = async || {
            let hits = index.search(&name, request()).await.unwrap();
            let scores: Vec<_> = hits.iter().map(|hit| (hit.id, hit.score)).collect();
            scores
        };
        let before = found().await;
        index.optimize(&name).await.unwrap();
        assert_eq!(found().await, before);
        assert_eq!(index.count(&name, &Filter::default()).await.unwrap(), 700);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn searches_go_on_while_points_are_written() {
    on_each(async |backend| {
        let (index, name) = (&backend.index, backend.collection().await);
        three_points(index, &name).await;
        let writer = async {
            for round in 0..20_u128 {
                let points = (0..50).map(|number| {
                    let number = 100 + round * 50 + number;
                    point_for(number, "station capacity", &["finance"])
                });
                index.upsert(&name, points.collect()).await.unwrap();
                if round % 5 == 0 {
                    index.flush(&name).await.unwrap();
                }
            }
            index.optimize(&name).await.unwrap();
        };
        let searches = join_all((0..64).map(|_| async {
            for _ in 0..5 {
                let request = SearchRequest {
                    filter: groups(&["everyone"]),
                    ..both(1.0, 1.0)
                };
                let hits = index.search(&name, request).await.unwrap();
                let mut found = numbers(&hits);
                found.sort_unstable();
                assert_eq!(found, [1, 2, 3]);
            }
        }));
        futures::join!(writer, searches);
        assert_eq!(index.count(&name, &Filter::default()).await.unwrap(), 1_003);
    })
    .await;
}
