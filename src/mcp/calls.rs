//! Calls under way over HTTP, so that a client's `notifications/cancelled`, which is a request of its own,
//! finds the call that it means. Nothing else is kept between requests: a session's id only tells the
//! numbers that one client gives its requests from those of another.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// Whose call it is: the caller, its session, and the number that the client gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CallId {
    pub(super) caller: String,
    pub(super) session: String,
    pub(super) request: RequestId,
}

/// The calls under way of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<HashMap<CallId, CancellationToken>>>);

/// A call under way; it is one until this is dropped.
pub(super) struct Underway {
    calls: Calls,
    id: CallId,
    pub(super) cancelled: CancellationToken,
}

impl Calls {
    pub(super) fn begin(&self, id: CallId) -> Underway {
        let cancelled = CancellationToken::new();
        self.0.lock().insert(id.clone(), cancelled.clone());
        Underway {
            calls: self.clone(),
            id,
            cancelled,
        }
    }

    /// Stops a call, where this process has it.
    pub(super) fn cancel(&self, id: &CallId) {
        if let Some(call) = self.0.lock().get(id) {
            call.cancel();
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.calls.0.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(caller: &str, session: &str, request: i64) -> CallId {
        CallId {
            caller: caller.to_owned(),
            session: session.to_owned(),
            request: RequestId::Number(request),
        }
    }

    #[test]
    fn a_call_is_stopped_by_its_own_caller_and_session_only() {
        let calls = Calls::default();
        let underway = calls.begin(id("key:a", "s", 1));
        for other in [
            id("key:b", "s", 1),
            id("key:a", "t", 1),
            id("key:a", "s", 2),
        ] {
            calls.cancel(&other);
        }
        assert!(!underway.cancelled.is_cancelled());
        calls.cancel(&id("key:a", "s", 1));
        assert!(underway.cancelled.is_cancelled());
        drop(underway);
        assert!(calls.0.lock().is_empty());
    }
}
