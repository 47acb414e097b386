//! Device sessions, as devices and the users who come after them see them.

mod api;
mod cleanup;
mod input;
mod lifetime;
mod migration;

use http::{Method, StatusCode};
use identity_tests::{Actor, Reply};
use serde_json::{Value, json};

/// The form of a token, and nobody's.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

async fn call(actor: &Actor, method: Method, path: &str, body: Value) -> Reply {
    actor.send(actor.request_at(method, &format!("/device-sessions{path}")).json(&body)).await
}

async fn creates(actor: &Actor, device_id: &str) -> Reply {
    call(actor, Method::POST, "", json!({ "deviceId": device_id })).await
}

/// Opens a session and answers its token.
async fn open(actor: &Actor, device_id: &str) -> String {
    creates(actor, device_id).await.expect(201).json()["sessionToken"].as_str().unwrap().to_owned()
}

async fn post(actor: &Actor, path: &str, token: &str) -> Reply {
    call(actor, Method::POST, path, json!({ "sessionToken": token })).await
}

async fn beats(actor: &Actor, token: &str) -> Reply {
    call(actor, Method::PUT, "/activity", json!({ "sessionToken": token })).await
}

async fn ends(actor: &Actor, token: &str) -> Reply {
    call(actor, Method::DELETE, "", json!({ "sessionToken": token })).await
}

async fn info(actor: &Actor, token: &str) -> Reply {
    let call = actor.request_at(Method::GET, "/device-sessions/info").header("x-device-session-token", token);
    actor.send(call).await
}

/// Whether a token is good. Asking keeps it alive.
async fn is_valid(actor: &Actor, token: &str) -> bool {
    post(actor, "/validate", token).await.expect(200).json()["valid"].as_bool().unwrap()
}

/// Whether a session can become a user's, without keeping it alive.
async fn eligibility(actor: &Actor, token: &str) -> Value {
    post(actor, "/migration-eligibility", token).await.expect(200).json()
}

#[track_caller]
fn refused(reply: &Reply, status: StatusCode, code: &str) {
    reply.expect_error(status.as_u16(), code);
    assert!(reply.json()["error"]["message"].is_string(), "{}", reply.text());
}
