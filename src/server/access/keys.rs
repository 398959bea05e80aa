//! Keys of programs, as the ledger has them. One that was looked up within the last minutes goes on
//! working while Postgres is away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use docent_core::document::text_hash;
use docent_core::ledger::{ApiKey, Ledger, Role};
use parking_lot::Mutex;
use uuid::Uuid;

use super::unauthorized;
use crate::chat::{Caller, CallerKind};
use crate::server::problem::Problem;

/// What every key begins with.
pub(crate) const KEY_PREFIX: &str = "docent_";
/// Characters of a key that are shown.
const SHOWN: usize = KEY_PREFIX.len() + 6;
/// How long a key is not looked up again: another process may revoke it.
const FRESH: Duration = Duration::from_secs(5);
/// How long it works without Postgres.
const KEPT: Duration = Duration::from_mins(10);
/// Keys remembered; when there are more, those of longest ago are looked up again.
const REMEMBERED: usize = 10_000;

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

/// Keys that were looked up of late, by hash.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<String, (ApiKey, Instant)>>);

impl Keys {
    /// Whose a key is.
    pub(super) async fn caller(&self, ledger: &Ledger, given: &str) -> Result<Caller, Problem> {
        let hash = text_hash(given);
        let known = self.0.lock().get(&hash).cloned();
        if let Some((key, at)) = &known
            && at.elapsed() < FRESH
        {
            return opened(key);
        }
        match ledger.key_by_hash(&hash).await {
            Ok(Some(key)) => {
                self.remember(hash, key.clone());
                opened(&key)
            }
            Ok(None) => {
                self.0.lock().remove(&hash);
                Err(unknown())
            }
            Err(error) => match known {
                Some((key, at)) if at.elapsed() < KEPT => opened(&key),
                _ => Err(Problem::ledger_unavailable(format!(
                    "this key cannot be looked up now: {error}"
                ))),
            },
        }
    }

    fn remember(&self, hash: String, key: ApiKey) {
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, at)| at.elapsed() < FRESH);
        }
        known.insert(hash, (key, Instant::now()));
    }

    /// Looks every key up again: one was revoked.
    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
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
