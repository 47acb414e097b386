//! The UserInfo endpoint (OpenID Connect Core, section 5.3).

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, header};
use identity_core::oauth::{ErrorCode, OAuthError, UserInfo};

use super::Endpoints;
use super::error::{OAuthFailure, challenged, count};
use super::form;
use crate::credentials::{Presentation, bearer_text};

pub(super) async fn get(State(endpoints): State<Arc<Endpoints>>, request: Request) -> Result<Response, OAuthFailure> {
    let (parts, _) = request.into_parts();
    let token = of_header(&parts)?;
    answer(&endpoints, &parts, token).await
}

pub(super) async fn post(State(endpoints): State<Arc<Endpoints>>, request: Request) -> Result<Response, OAuthFailure> {
    let (parts, body) = request.into_parts();
    let token = match (of_header(&parts)?, of_body(&parts, body).await?) {
        (Some(_), Some(_)) => {
            let text = "The access token is there twice.";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, text).into());
        }
        (in_header, in_body) => in_header.or(in_body),
    };
    answer(&endpoints, &parts, token).await
}

async fn answer(endpoints: &Endpoints, parts: &Parts, token: Option<String>) -> Result<Response, OAuthFailure> {
    let identity = &endpoints.identity;
    let info = endpoints.info(parts)?;
    let told = match &token {
        Some(token) => identity.oauth().userinfo(token).await,
        None => Err(OAuthError::new(ErrorCode::InvalidToken, "There is no access token.")),
    };
    match told {
        Ok(UserInfo::Plain(claims)) => Ok(Json(claims).into_response()),
        Ok(UserInfo::Signed(jwt)) => {
            let kind = HeaderValue::from_static("application/jwt");
            Ok(([(header::CONTENT_TYPE, kind)], jwt).into_response())
        }
        Err(error) => {
            let error = count(identity, &info, error).await;
            Err(OAuthFailure::of(challenged(&error, token.is_some(), Some(&endpoints.userinfo))))
        }
    }
}

/// The token of a header such as `Authorization: Bearer …` (RFC 6750, section 2.1).
fn of_header(parts: &Parts) -> Result<Option<String>, OAuthError> {
    let something = form::authorization(&parts.headers)?.is_some();
    match bearer_text(&parts.headers) {
        Presentation::Presented(token) => Ok(Some(token.to_owned())),
        Presentation::NotPresented if !something => Ok(None),
        Presentation::NotPresented | Presentation::Malformed => {
            let text = "The Authorization header is no Bearer credential.";
            Err(OAuthError::new(ErrorCode::InvalidRequest, text))
        }
    }
}

/// The token of a form (RFC 6750, section 2.2). One in the query is not looked at: queries are written down everywhere.
async fn of_body(parts: &Parts, body: Body) -> Result<Option<String>, OAuthFailure> {
    if !form::is_form(&parts.headers) {
        return Ok(None);
    }
    let params = form::read(body).await?;
    Ok(params.one("access_token")?.map(str::to_owned))
}
