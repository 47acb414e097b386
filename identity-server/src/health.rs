//! Whether the server lives and whether it can work.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::SecondsFormat;
use http::{HeaderValue, header};
use identity_axum::{Api, Code, Error, Failure};
use identity_core::Identity;
use serde_json::{Value, json};

use crate::drain::Drain;

/// A database that takes longer than this to say something is of no use to a request either.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to ask again whoever could not work.
const RETRY: Duration = Duration::from_secs(1);

/// The routes for people, load balancers and orchestrators. They answer on every host name: probes use addresses.
pub(crate) fn routes(identity: Identity, drain: Drain) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/live", get(async || fresh(&json!({ "status": "ok" }))))
        .route("/health/ready", get(ready))
        .with_state((identity, drain))
}

async fn health(State((identity, _)): State<(Identity, Drain)>) -> Response {
    let timestamp = identity.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    fresh(&json!({ "status": "ok", "service": env!("CARGO_PKG_NAME"), "timestamp": timestamp }))
}

/// Asks at every call, so that it turns by itself when the database goes and comes back.
async fn ready(State((identity, drain)): State<(Identity, Drain)>) -> Result<Response, Failure<Api>> {
    if drain.has_begun() {
        return Err(Error::new(Code::Overloaded).with_detail("the server is stopping").retry_after(RETRY).into());
    }
    let unavailable = |reason: &'static str| Error::new(Code::StoreUnavailable).with_detail(reason).retry_after(RETRY);
    match tokio::time::timeout(PATIENCE, identity.ready()).await {
        Ok(Ok(())) => Ok(fresh(&json!({ "status": "ok", "checks": { "database": "ok" } }))),
        Ok(Err(error)) => Err(unavailable("database: does not answer").caused_by(error).into()),
        Err(_) => Err(unavailable("database: does not answer within 2 s").into()),
    }
}

fn fresh(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
