//! Dynamic registration and its management (RFC 7591; RFC 7592).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use identity_core::id::ClientId;
use identity_core::oauth::{ErrorCode, OAuthError};
use identity_core::request::RequestInfo;
use identity_core::token::{Token, kind};
use serde_json::{Map, Value};

use super::error::{OAuthFailure, challenged, count};
use super::{Endpoints, Reply, form};
use crate::credentials::{Presentation, bearer_text};
use crate::extract::body;

type Document = Map<String, Value>;

pub(super) async fn register(
    State(endpoints): State<Arc<Endpoints>>,
    request: Request,
) -> Result<Response, OAuthFailure> {
    let (parts, body) = request.into_parts();
    let info = endpoints.info(&parts)?;
    let authorization = form::authorization(&parts.headers)?;
    let document = document(&parts, body).await?;
    let answer = endpoints.identity.oauth().register(&document, authorization.as_deref(), &info).await;
    match answer {
        Ok(document) => Ok((StatusCode::CREATED, Json(document)).into_response()),
        Err(error) => Err(refuse(&endpoints, &info, error, authorization.is_some()).await),
    }
}

pub(super) async fn read(State(endpoints): State<Arc<Endpoints>>, Path(id): Path<String>, request: Request) -> Reply {
    let (parts, _) = request.into_parts();
    let info = endpoints.info(&parts)?;
    let token = token(&parts)?;
    let answer = endpoints.identity.oauth().registration(&ClientId::from_text(id), &token).await;
    match answer {
        Ok(document) => Ok(Json(document)),
        Err(error) => Err(refuse(&endpoints, &info, error, true).await),
    }
}

pub(super) async fn update(State(endpoints): State<Arc<Endpoints>>, Path(id): Path<String>, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let info = endpoints.info(&parts)?;
    let token = token(&parts)?;
    let document = document(&parts, body).await?;
    let oauth = endpoints.identity.oauth();
    match oauth.update_registration(&ClientId::from_text(id), &token, &document, &info).await {
        Ok(document) => Ok(Json(document)),
        Err(error) => Err(refuse(&endpoints, &info, error, true).await),
    }
}

pub(super) async fn remove(
    State(endpoints): State<Arc<Endpoints>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<StatusCode, OAuthFailure> {
    let (parts, _) = request.into_parts();
    let info = endpoints.info(&parts)?;
    let token = token(&parts)?;
    match endpoints.identity.oauth().delete_registration(&ClientId::from_text(id), &token, &info).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(refuse(&endpoints, &info, error, true).await),
    }
}

async fn refuse(endpoints: &Endpoints, info: &RequestInfo, error: OAuthError, presented: bool) -> OAuthFailure {
    let error = count(&endpoints.identity, info, error).await;
    let mut response = challenged(&error, presented, None);
    if error.code() == ErrorCode::AccessDenied {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    OAuthFailure::of(response)
}

/// The registration access token of the header (RFC 7592, section 2).
fn token(parts: &Parts) -> Result<Token<kind::Registration>, OAuthFailure> {
    let something = form::authorization(&parts.headers)?.is_some();
    match bearer_text(&parts.headers) {
        Presentation::Presented(token) => Ok(Token::presented(token)),
        Presentation::NotPresented | Presentation::Malformed => {
            let missing = OAuthError::new(ErrorCode::InvalidToken, "There is no registration access token.");
            Err(OAuthFailure::of(challenged(&missing, something, None)))
        }
    }
}

/// The JSON object of the body.
async fn document(parts: &Parts, body: Body) -> Result<Document, OAuthFailure> {
    let bytes = form::bytes(body).await?;
    let is_json = body::media_type(&parts.headers) == body::JSON;
    let document = serde_json::from_slice(&bytes).ok().filter(|_| is_json);
    let wrong = || OAuthError::new(ErrorCode::InvalidClientMetadata, "The body must be a JSON object.");
    document.ok_or_else(|| wrong().into())
}
