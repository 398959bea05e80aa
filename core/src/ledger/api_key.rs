//! Keys of programs, and the key that sessions are signed with. A program's key is stored as its
//! hash alone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ledger, LedgerError};

/// What a key may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// Asks.
    #[default]
    User,
    /// Starts runs as well.
    Admin,
}

/// A key as it is shown: without itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// The first characters of the key.
    pub prefix: String,
    pub groups: Vec<String>,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether it opens anything at this moment.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Ledger {
    /// Writes a key down; `false`: another one that is not revoked has its name.
    pub async fn create_key(&self, key: &ApiKey, hash: &str) -> Result<bool, LedgerError> {
        let pool = self.connection.pool().await?;
        let created = sqlx::query(
            "INSERT INTO api_key (id, name, prefix, hash, groups, role, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        )
        .bind(key.id)
        .bind(&key.name)
        .bind(&key.prefix)
        .bind(hash)
        .bind(&key.groups)
        .bind(key.role)
        .bind(key.created_at)
        .bind(key.expires_at)
        .execute(pool)
        .await
        .map_err(|error| self.connection.failed(&error))?;
        Ok(created.rows_affected() == 1)
    }

    /// Every key, the newest first.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT id, name, prefix, groups, role, created_at, expires_at, revoked_at
               FROM api_key ORDER BY created_at DESC, id DESC",
        )
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// The key with a hash, revoked or expired ones too.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<ApiKey>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "SELECT id, name, prefix, groups, role, created_at, expires_at, revoked_at
               FROM api_key WHERE hash = $1",
        )
        .bind(hash)
        .fetch_optional(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// Revokes a key by its name or prefix, where it is not revoked; answers what was revoked.
    pub async fn revoke_key(&self, named: &str) -> Result<Vec<ApiKey>, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query_as(
            "UPDATE api_key SET revoked_at = now()
              WHERE revoked_at IS NULL AND (name = $1 OR prefix = $1)
             RETURNING id, name, prefix, groups, role, created_at, expires_at, revoked_at",
        )
        .bind(named)
        .fetch_all(pool)
        .await
        .map_err(|error| self.connection.failed(&error))
    }

    /// The key that sessions are signed with: the first process that asks makes it, all others get
    /// the same.
    pub async fn signing_key(&self, proposed: &str) -> Result<String, LedgerError> {
        let pool = self.connection.pool().await?;
        sqlx::query("INSERT INTO signing_key (key) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(proposed)
            .execute(pool)
            .await
            .map_err(|error| self.connection.failed(&error))?;
        sqlx::query_scalar("SELECT key FROM signing_key")
            .fetch_one(pool)
            .await
            .map_err(|error| self.connection.failed(&error))
    }
}
