//! Who may answer for others: admins, and callers in a group of `answers.groups`.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::{Admin, Arriving, caller};
use crate::chat::Caller;
use crate::server::AppState;
use crate::server::problem::Problem;

/// A caller who may write curated answers.
#[derive(Debug)]
pub(crate) struct Editor {
    pub(crate) caller: Caller,
    /// Whether they may say who reads an answer that rests on nothing.
    pub(crate) is_admin: bool,
}

impl FromRequestParts<AppState> for Editor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &AppState) -> Result<Self, Problem> {
        let refused = match Admin::from_request_parts(parts, service).await {
            Ok(Admin(caller)) => {
                return Ok(Self {
                    caller,
                    is_admin: true,
                });
            }
            Err(refused) => refused,
        };
        // Who is nobody is told how to become somebody, not what this wants. An answer has an author:
        // somebody who shares a name with others is none.
        let Ok(caller) = caller(service, &Arriving::of(parts)).await else {
            return Err(refused);
        };
        if caller.is_shared() {
            return Err(refused);
        }
        let groups = &service.app.config.answers.groups;
        if caller.groups.iter().any(|group| groups.contains(group)) {
            return Ok(Self {
                caller,
                is_admin: false,
            });
        }
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "editor_required",
            "curated answers are written by admins and by callers in a group of answers.groups",
        ))
    }
}
