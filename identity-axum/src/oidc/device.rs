//! The device authorization endpoint (RFC 8628, section 3.1).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::error::OAuthFailure;
use super::form::Form;
use super::{Endpoints, Reply};

pub(super) async fn authorize(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Reply {
    let identity = &endpoints.identity;
    match identity.oauth().authorize_device(form.presented(), &form.info).await {
        Ok(answer) => Ok(Json(answer)),
        Err(error) => Err(OAuthFailure::counted(identity, &form.info, error).await),
    }
}
