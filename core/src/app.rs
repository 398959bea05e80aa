//! The parts that both walks use, opened from the configuration.

mod terms;

use std::path::Path;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use crate::config::{Config, ConfigError, Source};
use crate::data_folder::{DataFolder, DataFolderError, Ownership};
use crate::index::{Glossary, IndexError, VectorIndex};
use crate::ledger::{Ledger, LedgerError, LedgerOptions};
use crate::models::{CostBook, Embedder, Generator, ModelError, Reranker};
use crate::postgres::{EmbeddedPostgres, PostgresError};
use crate::redaction::Redactor;
use terms::Terms;

/// Why docent could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Concrete clients, no traits: what an ingest run or an answer needs.
pub struct App {
    /// Behind a pointer, as it is moved through many futures.
    pub config: Box<Config>,
    pub data: DataFolder,
    pub ledger: Ledger,
    pub index: VectorIndex,
    pub embedder: Embedder,
    pub generator: Generator,
    pub reranker: Option<Reranker>,
    /// Other words for what a question asks.
    pub glossary: Glossary,
    /// Prices, and where every call is booked.
    pub book: CostBook,
    /// How rare each term of the live collection is.
    terms: Terms,
    /// Held by whoever writes the collections, in this process: one at a time.
    pub writing: Arc<tokio::sync::Mutex<()>>,
    // Declared after the parts that use them: fields are dropped in this order.
    postgres: Option<EmbeddedPostgres>,
    _ownership: Option<Ownership>,
}

impl App {
    /// Whether this configuration keeps anything in the data folder that only one process may open.
    pub fn needs_ownership(config: &Config) -> bool {
        config.ledger.database_url.is_empty() || config.index.qdrant_url.is_empty()
    }

    /// Opens every part. `ownership` is the data folder's lock, where
    /// [`needs_ownership`](Self::needs_ownership) says so. With `lazy`, a Postgres that is away is
    /// no error: records wait in the spool until it comes.
    pub async fn open(
        config: Config,
        data: DataFolder,
        ownership: Option<Ownership>,
        lazy: bool,
    ) -> Result<Self, OpenError> {
        let glossary = if config.retrieval.glossary.as_os_str().is_empty() {
            Glossary::default()
        } else {
            Glossary::read(&config.retrieval.glossary)?
        };
        let (connect, postgres) = database(&config, &data).await?;
        let options = LedgerOptions {
            connect,
            max_connections: config.ledger.max_connections,
            migrate: config.ledger.migrate,
            spool: data.spool(),
            spool_max_bytes: config.ledger.spool_max_bytes,
        };
        let ledger = if lazy {
            Ledger::open_lazy(options)
        } else {
            Ledger::open(options).await?
        };
        let book = CostBook::new(config.prices.clone(), ledger.writer());
        let index = VectorIndex::open(&config.index, &data.index())?;
        let redactor = Redactor::new(&config.redaction)?;
        let redactor = redactor.as_ref();
        let embedder = Embedder::new(&config.embedding, book.clone())?.redacting(redactor);
        let generator = Generator::new(&config.chat, book.clone())?.redacting(redactor);
        let reranker = Reranker::new(&config.rerank, book.clone())?
            .map(|reranker| reranker.redacting(redactor));
        Ok(Self {
            config: Box::new(config),
            data,
            ledger,
            index,
            embedder,
            generator,
            reranker,
            glossary,
            book,
            terms: Terms::default(),
            writing: Arc::default(),
            postgres,
            _ownership: ownership,
        })
    }

    /// The same parts over collections of their own, in a folder of their own: what is ingested
    /// through it is not searched by anyone else. Models, prices and the ledger are shared. `name`
    /// is of letters, digits, `-`, `_` and `.`.
    pub fn beside(&self, name: &str, sources: Vec<Source>) -> Result<Self, OpenError> {
        let mut config = self.config.clone();
        config.index.collection = format!("{}-{name}", config.index.collection);
        config.sources = sources;
        let folder = self.data.beside(name);
        let index = VectorIndex::open(&config.index, &folder.join("index"))?;
        // Tells when it was last used: old ones are taken away.
        if let Err(error) = std::fs::write(folder.join("used"), name) {
            tracing::debug!(%error, folder = %folder.display(), "nothing can be noted there");
        }
        Ok(Self {
            config,
            data: self.data.clone(),
            ledger: self.ledger.clone(),
            index,
            embedder: self.embedder.clone(),
            generator: self.generator.clone(),
            reranker: self.reranker.clone(),
            glossary: self.glossary.clone(),
            book: self.book.clone(),
            terms: Terms::default(),
            writing: Arc::default(),
            postgres: None,
            _ownership: None,
        })
    }

    /// Writes what is queued (to Postgres or the spool) and stops the private Postgres.
    pub async fn close(mut self) {
        self.ledger.close().await;
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await;
        }
    }
}

async fn database(
    config: &Config,
    data: &DataFolder,
) -> Result<(PgConnectOptions, Option<EmbeddedPostgres>), OpenError> {
    if config.ledger.database_url.is_empty() {
        let bin_dir = Some(config.ledger.pg_bin_dir.as_path())
            .filter(|path: &&Path| !path.as_os_str().is_empty());
        let postgres = EmbeddedPostgres::start(&data.postgres(), bin_dir).await?;
        return Ok((postgres.connect_options(), Some(postgres)));
    }
    let options = config.ledger.database_url.expose().parse().map_err(|_| {
        ConfigError(
            "ledger.database_url (DATABASE_URL) is not of the form \
                 postgres://user:password@host:port/database"
                .to_owned(),
        )
    })?;
    Ok((options, None))
}
