//! What happens between several requests, among many at once, or later.

mod at_rest;
mod audit;
mod bans;
mod clients;
mod embedding;
mod imported_hashes;
mod keys;
mod limits;
mod migrations;
mod outbox;
mod races;
mod session_lifetime;
mod what_ends_sessions;

use identity_core::text::Email;
use identity_core::user::User;
use identity_tests::{Actor, TestApp};

/// The row behind an actor.
pub(crate) async fn row(app: &TestApp, actor: &Actor) -> User {
    let email = Email::parse(&actor.email).unwrap();
    app.identity.users().find_by_email(&email).await.unwrap().unwrap()
}

/// How many sessions there are, live or not.
async fn sessions(app: &TestApp) -> i64 {
    app.database().number("SELECT COUNT(*) FROM identity_sessions").await
}

/// Gives every user who has a password this hash instead, as an import does.
async fn import_hash(app: &TestApp, hash: &str) {
    let sql = format!("UPDATE identity_accounts SET password_hash = '{hash}' WHERE provider_id = 'credential'");
    assert!(app.database().change(&sql).await > 0);
}
