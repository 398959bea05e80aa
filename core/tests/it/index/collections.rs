//! What every engine promises of collections.

use docent_core::index::{CollectionSpec, Filter, IndexError};
use uuid::Uuid;

use super::backend::{DIMENSIONS, EAST, on_each, point, spec};

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
