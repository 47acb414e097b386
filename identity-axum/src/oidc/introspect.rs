//! The introspection endpoint (RFC 7662).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::error::OAuthFailure;
use super::form::Form;
use super::{Endpoints, Reply};

pub(super) async fn introspect(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Reply {
    let identity = &endpoints.identity;
    match identity.oauth().introspect(form.presented()).await {
        Ok(answer) => Ok(Json(answer)),
        Err(error) => Err(OAuthFailure::counted(identity, &form.info, error).await),
    }
}
