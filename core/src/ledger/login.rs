//! Browsers that are signed in. A cookie is stored as its hash alone.

use chrono::{DateTime, Utc};

use super::{Ledger, LedgerError};

/// Somebody who has signed in.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Login {
    /// The caller's name, as interactions have it.
    pub name: String,
    /// The identity provider that knows them.
    pub issuer: String,
    pub groups: Vec<String>,
    pub expires_at: DateTime<Utc>,
}

impl Ledger {
    /// Writes a sign-in down.
    pub async fn sign_in(&self, hash: &str, login: &Login) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query(
            "INSERT INTO login (hash, name, issuer, groups, expires_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(hash)
        .bind(&login.name)
        .bind(&login.issuer)
        .bind(&login.groups)
        .bind(login.expires_at)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }

    /// Who signed in with a cookie of this hash, expired or not.
    pub async fn login(&self, hash: &str) -> Result<Option<Login>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as("SELECT name, issuer, groups, expires_at FROM login WHERE hash = $1")
            .bind(hash)
            .fetch_optional(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }

    /// Forgets a sign-in.
    pub async fn sign_out(&self, hash: &str) -> Result<(), LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("DELETE FROM login WHERE hash = $1")
            .bind(hash)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        Ok(())
    }
}
