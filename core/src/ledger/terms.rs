//! How many chunks hold each term, by the groups that may read them.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use foldhash::fast::RandomState;
use futures::TryStreamExt;
use sqlx::{PgConnection, Row};

use super::store::without_nul;
use super::{Ledger, LedgerError};

/// Terms of one statement: each is in memory several times meanwhile.
const TERMS_AT_ONCE: usize = 10_000;

/// Chunks by term: there is one look-up for each distinct word of each chunk of a run.
type Counts = HashMap<String, i64, RandomState>;

/// How many more (or fewer) chunks hold each term.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TermDeltas {
    /// By sorted groups without doubles, then by term.
    by_groups: HashMap<Vec<String>, Counts>,
}

/// The counts of chunks that the same groups may read.
#[derive(Debug)]
pub struct TermCounts<'a>(&'a mut Counts);

impl TermDeltas {
    /// The counts of chunks that these groups may read, whatever their order.
    pub fn of(&mut self, groups: &[String]) -> TermCounts<'_> {
        let mut groups = groups.to_vec();
        groups.sort_unstable();
        groups.dedup();
        TermCounts(self.by_groups.entry(groups).or_default())
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        if self.by_groups.is_empty() {
            *self = other;
            return;
        }
        for (groups, terms) in other.by_groups {
            let counts = self.by_groups.entry(groups).or_default();
            for (term, by) in terms {
                *counts.entry(term).or_default() += by;
            }
        }
    }
}

impl TermCounts<'_> {
    /// `by` chunks more hold the term.
    pub fn add(&mut self, term: &str, by: i64) {
        // Most terms are there already: a key is made for new ones only.
        match self.0.get_mut(term) {
            Some(count) => *count += by,
            None => {
                self.0.insert(term.to_owned(), by);
            }
        }
    }
}

impl Ledger {
    /// Writes a collection's terms anew, as after a rebuild.
    pub async fn replace_terms(
        &self,
        collection: &str,
        terms: &TermDeltas,
    ) -> Result<(), LedgerError> {
        self.transaction(async |connection| {
            sqlx::query("DELETE FROM term WHERE collection = $1")
                .bind(collection)
                .execute(&mut *connection)
                .await?;
            add_terms(connection, collection, terms).await
        })
        .await
    }

    /// Shows how many chunks hold each term, whoever may read them: one after the other, for there may
    /// be many.
    pub async fn each_term(
        &self,
        collection: &str,
        mut show: impl FnMut(&str, i64),
    ) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        let reading = async {
            let mut rows = sqlx::query(
                "SELECT term, sum(frequency)::bigint FROM term WHERE collection = $1 GROUP BY term",
            )
            .bind(collection)
            .fetch(pool);
            while let Some(row) = rows.try_next().await? {
                show(row.try_get(0)?, row.try_get(1)?);
            }
            Ok(())
        };
        reading
            .await
            .map_err(|error: sqlx::Error| self.connection.failed(&error))
    }

    /// The terms that one of `groups` may read, of a length in characters and with one of these first
    /// characters, each with the number of chunks that hold it.
    pub async fn terms_like(
        &self,
        collection: &str,
        groups: &[String],
        first: &[String],
        length: RangeInclusive<i32>,
    ) -> Result<Vec<(String, i64)>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT term, sum(frequency)::bigint FROM term
              WHERE collection = $1 AND groups && $2 AND left(term, 1) = ANY($3)
                AND length(term) BETWEEN $4 AND $5
              GROUP BY term",
        )
        .bind(collection)
        .bind(groups)
        .bind(first)
        .bind(length.start())
        .bind(length.end())
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Chunks in a collection, and terms in all of them: their quotient is the average length.
    pub async fn lexical_totals(&self, collection: &str) -> Result<(i64, i64), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT coalesce(sum(chunks), 0)::bigint, coalesce(sum(lexical_length), 0)::bigint
               FROM document WHERE collection = $1 AND indexed",
        )
        .bind(collection)
        .fetch_one(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }
}

/// Adds to the counts, a statement for each set of groups (there are few) and part of its terms, and removes
/// the terms that no chunk holds any more.
pub(super) async fn add_terms(
    connection: &mut PgConnection,
    collection: &str,
    deltas: &TermDeltas,
) -> Result<(), sqlx::Error> {
    // Sorted, so that two runs lock rows in the same order.
    let by_groups: BTreeMap<_, _> = deltas.by_groups.iter().collect();
    for (groups, counts) in by_groups {
        let mut terms: Vec<(Cow<'_, str>, i64)> = counts
            .iter()
            .map(|(term, delta)| (storable(term), *delta))
            .collect();
        terms.sort_unstable();
        // Two that differ in a NUL only are one.
        terms.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 += later.1;
            }
            same
        });
        terms.retain(|(_, delta)| *delta != 0);
        for part in terms.chunks(TERMS_AT_ONCE) {
            add_counts(connection, collection, groups, part).await?;
        }
    }
    Ok(())
}

async fn add_counts(
    connection: &mut PgConnection,
    collection: &str,
    groups: &[String],
    terms: &[(Cow<'_, str>, i64)],
) -> Result<(), sqlx::Error> {
    let (words, counts): (Vec<&str>, Vec<i64>) = terms
        .iter()
        .map(|(term, delta)| (term.as_ref(), *delta))
        .unzip();
    sqlx::query(
        "INSERT INTO term (collection, groups, term, frequency)
         SELECT $1, $2, delta.* FROM unnest($3::text[], $4::bigint[]) AS delta
         ON CONFLICT (collection, term, groups)
         DO UPDATE SET frequency = term.frequency + excluded.frequency",
    )
    .bind(collection)
    .bind(groups)
    .bind(&words)
    .bind(&counts)
    .execute(&mut *connection)
    .await?;
    let fewer: Vec<&str> = terms
        .iter()
        .filter(|(_, delta)| *delta < 0)
        .map(|(term, _)| term.as_ref())
        .collect();
    if !fewer.is_empty() {
        sqlx::query(
            "DELETE FROM term
              WHERE collection = $1 AND groups = $2 AND term = ANY($3) AND frequency <= 0",
        )
        .bind(collection)
        .bind(groups)
        .bind(&fewer)
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// A term that Postgres can hold.
fn storable(term: &str) -> Cow<'_, str> {
    if term.contains('\0') {
        Cow::Owned(without_nul(term))
    } else {
        Cow::Borrowed(term)
    }
}
