//! The authorization server, as its clients see it.

mod authorize;
mod consent;
mod device;
mod introspect;
mod metadata;
mod races;
mod refresh;
mod revoke;
mod token;
mod userinfo;

use identity_core::oauth::ClientAnswer;
use identity_tests::TestApp;

/// A parameter of an answer.
fn param<'a>(answer: &'a ClientAnswer, name: &str) -> Option<&'a str> {
    answer.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// How often something is in the record.
async fn events(app: &TestApp, kind: &str) -> i64 {
    app.database().number(&format!("SELECT COUNT(*) FROM identity_events WHERE kind = '{kind}'")).await
}
