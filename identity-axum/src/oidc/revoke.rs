//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::Endpoints;
use super::error::Refusal;
use super::form::Form;

pub(super) async fn revoke(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Result<StatusCode, Refusal> {
    let identity = &endpoints.identity;
    match identity.oauth().revoke(form.presented(), &form.info).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) => Err(Refusal::counted(identity, &form.info, error).await),
    }
}
