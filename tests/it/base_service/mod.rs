//! A service that owns no identity tables, against an anchor that can be told how to behave.

mod anchor;
mod caller;
mod device;
mod guard;
mod issued;
mod jwt;
mod keys;
mod layers;
mod modes;
mod provision;
mod resource;
mod step_up;
mod tokens;

use anchor::FakeAnchor;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRef, Request};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use identity_axum::middleware::trace::Trace;
use identity_axum::{
    Authn, DeviceOrUser, RequireDevice, RequireRole, RequireUser, TrustAnchor, TrustAnchorBuilder, roles,
};
use serde_json::{Value, json};
use tower::ServiceExt;

roles! { Analyst = "analyst" }

const COOKIE: &str = "better-auth.session_token=ann.sig%3D";

/// Handlers that show what the extractors found out.
pub(crate) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Authn: FromRef<S>,
{
    Router::new()
        .route("/me", get(async |user: RequireUser| Json(json!({ "id": user.profile().id, "email": user.user.email }))))
        .route("/feed", get(async |user: Option<RequireUser>| Json(json!(user.map(|user| user.profile().id.clone())))))
        .route("/report", get(async |user: RequireRole<Analyst>| Json(json!({ "id": user.user.id }))))
        .route("/device", get(async |device: RequireDevice| Json(json!({ "id": device.session_id }))))
        .route("/either", get(async |caller: DeviceOrUser| Json(json!({ "authType": caller.auth_type() }))))
        .route("/public", get(async || "hello"))
}

fn service(anchor: &TrustAnchor) -> Router {
    routes().layer(Trace::new()).with_state(anchor.clone())
}

fn trusting(anchor: &FakeAnchor) -> TrustAnchorBuilder {
    TrustAnchor::builder(&anchor.url)
}

/// A response, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, text }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and code of a refusal in our envelope.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no envelope: {self:?}")).to_owned();
        (self.status.as_u16(), code)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) async fn ask(app: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
}

pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
