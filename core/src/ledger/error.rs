//! Why a ledger call failed, by what the caller can do about it.

/// Never holds a password or a text that a person wrote.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Postgres does not answer, or not now: try again later.
    #[error("the ledger at {place} cannot be reached: {reason}")]
    Unavailable { place: String, reason: String },
    /// The tables are older than this docent, and `migrate = "check"` is set.
    #[error(
        "the ledger at {place} is at migration {have}, this docent needs {need}: run `docent migrate`"
    )]
    Outdated { place: String, have: i64, need: i64 },
    /// Postgres refused it: a defect here, or a database made by something else.
    #[error("the ledger at {place} refused it: {reason}")]
    Rejected { place: String, reason: String },
    /// A backup cannot be written, read, or restored here.
    #[error("the ledger's backup: {reason}")]
    Backup { reason: String },
}

/// Whether the record itself is at fault, so that trying again cannot help: data exceptions,
/// violated constraints, exceeded limits (SQLSTATE classes 22, 23, 54).
pub(super) fn is_records_fault(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        _ => class(error).is_some_and(|class| matches!(class.as_str(), "22" | "23" | "54")),
    }
}

/// Whether the call may succeed later. Of the SQLSTATE classes (appendix A of Postgres's manual):
/// connection, authorization, missing database, read-only or aborted transaction, deadlock,
/// resources, locks, shutdown, system and internal errors.
pub(super) fn is_away(error: &sqlx::Error) -> bool {
    if let Some(class) = class(error) {
        return matches!(
            class.as_str(),
            "08" | "25" | "28" | "3D" | "40" | "53" | "55" | "57" | "58" | "XX"
        );
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

/// What may be logged of an error: Postgres's message can quote a value, its code and the names
/// of table, column and constraint cannot.
pub(super) fn without_values(error: &sqlx::Error) -> String {
    let Some(database) = error.as_database_error() else {
        return error.to_string();
    };
    let code = database.code().unwrap_or_default();
    match (database.table(), database.constraint()) {
        (Some(table), Some(constraint)) => format!("SQLSTATE {code}, {table}, {constraint}"),
        (Some(table), None) => format!("SQLSTATE {code}, {table}"),
        _ => format!("SQLSTATE {code}"),
    }
}

fn class(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    code.get(..2).map(str::to_owned)
}
