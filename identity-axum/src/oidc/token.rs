//! The token endpoint (RFC 6749, section 3.2).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::error::OAuthFailure;
use super::form::Form;
use super::{Endpoints, Reply};

pub(super) async fn token(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Reply {
    let identity = &endpoints.identity;
    match identity.oauth().token(form.presented(), &form.info).await {
        Ok(answer) => Ok(Json(answer)),
        Err(error) => Err(OAuthFailure::counted(identity, &form.info, error).await),
    }
}
