//! Keys of programs, as the ledger has them.

use chrono::Utc;
use docent_core::document::text_hash;
use docent_core::ledger::{ApiKey, Ledger, Role};
use uuid::Uuid;

use super::recent::Recent;
use super::unauthorized;
use crate::chat::{Caller, CallerKind};
use crate::server::problem::Problem;

/// What every key begins with.
pub(crate) const KEY_PREFIX: &str = "docent_";
/// Characters of a key that are shown.
const SHOWN: usize = KEY_PREFIX.len() + 6;

/// A new key, which is in no place but the hands of whoever made it, and its hash.
pub(crate) struct NewKey {
    pub(crate) key: String,
    pub(crate) prefix: String,
    pub(crate) hash: String,
}

impl NewKey {
    pub(crate) fn make() -> Self {
        // 244 random bits.
        let key = format!(
            "{KEY_PREFIX}{}{}",
            Uuid::new_v4().simple(),
            Uuid::new_v4().simple()
        );
        Self {
            prefix: key[..SHOWN].to_owned(),
            hash: text_hash(&key),
            key,
        }
    }
}

/// Keys that were looked up of late.
#[derive(Default)]
pub(crate) struct Keys(Recent<ApiKey>);

impl Keys {
    /// Whose a key is.
    pub(super) async fn caller(&self, ledger: &Ledger, given: &str) -> Result<Caller, Problem> {
        let hash = text_hash(given);
        match self.0.find(&hash, ledger.key_by_hash(&hash)).await {
            Ok(Some(key)) => opened(&key),
            Ok(None) => Err(unknown()),
            Err(error) => Err(Problem::ledger_unavailable(format!(
                "this key cannot be looked up now: {error}"
            ))),
        }
    }

    /// Looks every key up again: one was revoked.
    pub(crate) fn forget_all(&self) {
        self.0.forget_all();
    }
}

fn opened(key: &ApiKey) -> Result<Caller, Problem> {
    if key.revoked_at.is_some() {
        return Err(unknown());
    }
    if !key.is_valid(Utc::now()) {
        return Err(unauthorized(
            "key_expired",
            "this key has expired; `docent key create` makes another one",
        ));
    }
    let name = format!("key:{}", key.name);
    let mut caller = Caller::named(name, CallerKind::Key, key.groups.clone());
    caller.is_admin = key.role == Role::Admin;
    Ok(caller)
}

fn unknown() -> Problem {
    unauthorized(
        "key_unknown",
        "this is no key of docent, or it was revoked; `docent key list` shows those that there are",
    )
}
