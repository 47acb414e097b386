//! The authorization server, as its clients see it.

mod authorize;
mod backchannel;
mod consent;
mod device;
mod endpoint;
mod introspect;
mod logout;
pub(crate) mod metadata;
mod races;
mod refresh;
mod register;
mod resource;
mod revoke;
mod token;
mod userinfo;

use std::time::Duration;

use http::Method;
use identity_core::jwt::{Algorithm, Expected, KeySet};
use identity_core::oauth::ClientAnswer;
use identity_tests::{Call, TestApp};
use serde_json::{Map, Value};

/// A parameter of an answer.
fn param<'a>(answer: &'a ClientAnswer, name: &str) -> Option<&'a str> {
    answer.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// How often something is in the record.
async fn events(app: &TestApp, kind: &str) -> i64 {
    app.database().number(&format!("SELECT COUNT(*) FROM identity_events WHERE kind = '{kind}'")).await
}

/// The claims of a token whose signature one of the published keys has made.
async fn verified(app: &TestApp, token: &str, kind: &str, audience: &str) -> Map<String, Value> {
    let keys = app.actor("api").send(Call::at(Method::GET, "/oauth2/jwks")).await.expect(200).json();
    let keys = KeySet::read(keys).unwrap();
    let expected = Expected {
        issuer: "http://localhost:8888",
        audience: &[audience],
        types: &[kind],
        algorithms: Algorithm::ALL,
        now: app.identity.now(),
        leeway: Duration::ZERO,
        allow_expired: false,
    };
    keys.verify(token, &expected).unwrap()
}
