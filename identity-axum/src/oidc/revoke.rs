//! The revocation endpoint (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::Endpoints;
use super::error::OAuthFailure;
use super::form::Form;

pub(super) async fn revoke(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Result<StatusCode, OAuthFailure> {
    let identity = &endpoints.identity;
    match identity.oauth().revoke(form.presented(), &form.info).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) => Err(OAuthFailure::counted(identity, &form.info, error).await),
    }
}
