//! The device authorization endpoint (RFC 8628, section 3.1).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use identity_core::limits::Action;
use identity_core::oauth::OAuthError;

use super::error::OAuthFailure;
use super::form::Form;
use super::{Endpoints, Reply};

/// Each call leaves a row behind, so each counts.
pub(super) async fn authorize(State(endpoints): State<Arc<Endpoints>>, form: Form) -> Reply {
    let identity = &endpoints.identity;
    if let Some(ip) = form.info.ip {
        identity.count(Action::Other, ip).await.map_err(OAuthError::from)?;
    }
    let answer = identity.oauth().authorize_device(form.presented()).await;
    answer.map(Json).map_err(OAuthFailure::from)
}
