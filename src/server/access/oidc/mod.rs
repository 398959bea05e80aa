//! People and programs that an identity provider knows (`OpenID` Connect Core 1.0). [`provider`] is how it
//! is reached, [`claims`] what its tokens say, [`bearer`] who sends one with each request, [`login`] who
//! signed in with a browser.

mod bearer;
mod claims;
mod cookie;
mod exchange;
pub(crate) mod login;
mod page;
mod provider;

use docent_core::ledger::Login;

pub(super) use bearer::{caller, is_token};
pub(super) use cookie::cookie_of;
pub(super) use login::{caller as signed_in, wants_login};
pub(crate) use provider::check;

use super::recent::Recent;

/// What is kept of the identity provider and of those who signed in.
#[derive(Default)]
pub(crate) struct Oidc {
    provider: provider::Provider,
    logins: Recent<Login>,
}
