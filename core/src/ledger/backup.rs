//! The whole ledger as one stream of bytes, and back.
//!
//! The format is text and bytes, a section a table:
//!
//! ```text
//! docent-ledger 1            the format's version
//! migration 2                of the database that was read
//! table model_call id,at,…   the columns that follow
//! 65536                      length of a block in bytes, then the block, as COPY's text format
//! …
//! 0                          end of the table
//! end                        without it, the backup was cut short
//! ```

use std::io::{BufRead, BufReader, Read, Write};

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::connection::{MIGRATION_TABLE, newest_migration};
use super::{Ledger, LedgerError, PASSING, TABLES};

const FORMAT: &str = "docent-ledger 1";
/// Postgres sends a row a message; a longer block comes from no docent.
const BLOCK_BYTES: usize = 1 << 30;

impl Ledger {
    /// Writes every table as it stood at one moment. Records that are still queued or spooled are
    /// not in it: [`Ledger::flush`] first.
    pub async fn export(&self, mut writer: impl Write) -> Result<(), LedgerError> {
        let migration = self.connection.version().await?;
        let mut connection = self.connection.connect().await?;
        let failed = |error: sqlx::Error| self.connection.failed(&error);
        let mut snapshot = connection
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(failed)?;
        write!(writer, "{FORMAT}\nmigration {migration}\n").map_err(io_failed)?;
        for table in TABLES {
            let columns = columns(&mut snapshot, table).await.map_err(failed)?;
            if columns.is_empty() {
                continue;
            }
            let columns = columns.join(",");
            writeln!(writer, "table {table} {columns}").map_err(io_failed)?;
            let copy = format!("COPY {table} ({columns}) TO STDOUT");
            let mut rows = snapshot.copy_out_raw(&copy).await.map_err(failed)?;
            let mut block = Vec::new();
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                block.extend_from_slice(&row);
                if block.len() >= 1 << 16 {
                    write_block(&mut writer, &block)?;
                    block.clear();
                }
            }
            if !block.is_empty() {
                write_block(&mut writer, &block)?;
            }
            writeln!(writer, "0").map_err(io_failed)?;
        }
        writeln!(writer, "end").map_err(io_failed)?;
        writer.flush().map_err(io_failed)
    }

    /// Restores a backup into a database without rows: brings the tables to the backup's
    /// migration, copies everything in one transaction, and runs the later migrations.
    pub async fn import(&self, reader: impl Read) -> Result<(), LedgerError> {
        let mut reader = BufReader::new(reader);
        if line(&mut reader)? != FORMAT {
            return Err(backup(
                "this is not a ledger's backup, or one of a newer docent",
            ));
        }
        let migration: i64 = line(&mut reader)?
            .strip_prefix("migration ")
            .and_then(|version| version.parse().ok())
            .ok_or_else(damaged)?;
        if migration > newest_migration() {
            return Err(backup(format!(
                "it was made at migration {migration}, this docent knows {}: restore it with a newer docent",
                newest_migration()
            )));
        }
        let mut connection = self.connection.connect().await?;
        self.clear_empty_tables(&mut connection).await?;
        self.connection.migrate_to(Some(migration)).await?;
        self.import_tables(&mut connection, &mut reader).await?;
        self.connection.migrate().await
    }

    /// Drops the tables, so that they can be built as they were at an earlier migration; refuses
    /// where one of them holds a row.
    async fn clear_empty_tables(&self, connection: &mut PgConnection) -> Result<(), LedgerError> {
        let failed = |error: sqlx::Error| self.connection.failed(&error);
        let mut transaction = connection.begin().await.map_err(failed)?;
        for table in TABLES {
            if columns(&mut transaction, table)
                .await
                .map_err(failed)?
                .is_empty()
            {
                continue;
            }
            let lock = format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
            sqlx::raw_sql(AssertSqlSafe(lock))
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            let occupied = format!("SELECT EXISTS (SELECT FROM {table})");
            let occupied: bool = sqlx::query_scalar(AssertSqlSafe(occupied))
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed)?;
            if occupied {
                return Err(backup(format!(
                    "the ledger at {} is not empty (table {table}): restore into a new database or data folder",
                    self.connection.place
                )));
            }
        }
        // The views go with them; the migrations make them again.
        let tables = [TABLES.as_slice(), &PASSING].concat().join(", ");
        let drop = format!("DROP TABLE IF EXISTS {tables}, {MIGRATION_TABLE} CASCADE");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    async fn import_tables(
        &self,
        connection: &mut PgConnection,
        reader: &mut impl BufRead,
    ) -> Result<(), LedgerError> {
        let failed = |error: sqlx::Error| self.connection.failed(&error);
        let mut transaction = connection.begin().await.map_err(failed)?;
        // Sums of days come with the backup: its rows do not open them again.
        sqlx::query("SET LOCAL docent.restoring = 'on'")
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        loop {
            let header = line(reader)?;
            if header == "end" {
                return transaction.commit().await.map_err(failed);
            }
            let (table, names) = header
                .strip_prefix("table ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(damaged)?;
            // The names become SQL: only those that the database itself knows.
            let known = columns(&mut transaction, table).await.map_err(failed)?;
            if !TABLES.contains(&table)
                || names
                    .split(',')
                    .any(|name| !known.iter().any(|column| column == name))
            {
                return Err(damaged());
            }
            let copy = format!("COPY {table} ({names}) FROM STDIN");
            let mut rows = transaction.copy_in_raw(&copy).await.map_err(failed)?;
            loop {
                match read_block(reader) {
                    Ok(block) if block.is_empty() => break,
                    Ok(block) => rows.send(block).await.map_err(failed)?,
                    Err(error) => {
                        let _ = rows.abort("the backup is damaged").await;
                        return Err(error);
                    }
                };
            }
            rows.finish().await.map_err(failed)?;
        }
    }
}

/// A table's columns that are stored (not generated); none where there is no such table.
async fn columns(connection: &mut PgConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT quote_ident(attname::text) FROM pg_attribute
          WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
          ORDER BY attnum",
    )
    .bind(table)
    .fetch_all(connection)
    .await
}

fn write_block(writer: &mut impl Write, block: &[u8]) -> Result<(), LedgerError> {
    writeln!(writer, "{}", block.len())
        .and_then(|()| writer.write_all(block))
        .map_err(io_failed)
}

/// The next block; an empty one ends the table.
fn read_block(reader: &mut impl BufRead) -> Result<Vec<u8>, LedgerError> {
    let length: usize = line(reader)?.parse().map_err(|_| damaged())?;
    if length > BLOCK_BYTES {
        return Err(damaged());
    }
    let mut block = Vec::new();
    let read = reader
        .take(length as u64)
        .read_to_end(&mut block)
        .map_err(io_failed)?;
    if read < length {
        return Err(damaged());
    }
    Ok(block)
}

fn line(reader: &mut impl BufRead) -> Result<String, LedgerError> {
    let mut bytes = Vec::new();
    reader
        .take(1 << 16)
        .read_until(b'\n', &mut bytes)
        .map_err(io_failed)?;
    if bytes.pop() != Some(b'\n') {
        return Err(damaged());
    }
    String::from_utf8(bytes).map_err(|_| damaged())
}

fn damaged() -> LedgerError {
    backup("it is damaged or was cut short; nothing was restored")
}

fn backup(reason: impl Into<String>) -> LedgerError {
    LedgerError::Backup {
        reason: reason.into(),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn io_failed(error: std::io::Error) -> LedgerError {
    backup(error.to_string())
}
