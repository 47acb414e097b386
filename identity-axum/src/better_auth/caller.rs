//! Who is calling an endpoint.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use identity_core::auth::{Refresh, Resolved};
use identity_core::token::{Token, kind};
use identity_core::{Code, Result};

use super::Facade;
use super::error::BetterAuth;
use crate::auth::credentials::{Presentation, bearer};
use crate::cookie::Name;
use crate::problem::Failure;

/// A live session and the token that proved it.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) token: Token<kind::Session>,
    pub(super) resolved: Resolved,
}

/// A token that a request presents, in the cookie or, where that is switched on, as a bearer.
pub(super) fn presented(facade: &Facade, headers: &HeaderMap) -> Option<Token<kind::Session>> {
    if facade.identity.config().http.bearer {
        match bearer(headers) {
            Presentation::Presented(token) => return facade.cookies.token_of_bearer(token.expose()),
            Presentation::Malformed => return None,
            Presentation::NotPresented => {}
        }
    }
    facade.cookies.signed(headers, Name::SessionToken).map(Token::presented)
}

/// The caller of a request, or none.
pub(super) async fn find(facade: &Facade, headers: &HeaderMap, refresh: Refresh) -> Result<Option<Caller>> {
    let Some(token) = presented(facade, headers) else { return Ok(None) };
    let resolved = facade.identity.resolve(&token, refresh).await?;
    Ok(resolved.map(|resolved| Caller { token, resolved }))
}

/// An endpoint that needs a session takes one of these.
impl FromRequestParts<Arc<Facade>> for Caller {
    type Rejection = Failure<BetterAuth>;

    async fn from_request_parts(parts: &mut Parts, facade: &Arc<Facade>) -> Result<Self, Self::Rejection> {
        let found = find(facade, &parts.headers, Refresh::Never).await?;
        found.ok_or_else(|| Code::Unauthorized.into())
    }
}

/// An endpoint that works with and without a session takes one of these.
#[derive(Clone, Debug)]
pub(super) struct MaybeCaller(pub(super) Option<Caller>);

impl FromRequestParts<Arc<Facade>> for MaybeCaller {
    type Rejection = Failure<BetterAuth>;

    async fn from_request_parts(parts: &mut Parts, facade: &Arc<Facade>) -> Result<Self, Self::Rejection> {
        Ok(Self(find(facade, &parts.headers, Refresh::Never).await?))
    }
}

/// An endpoint that needs a recent sign-in takes one of these.
#[derive(Clone, Debug)]
pub(super) struct FreshCaller(pub(super) Caller);

impl FromRequestParts<Arc<Facade>> for FreshCaller {
    type Rejection = Failure<BetterAuth>;

    async fn from_request_parts(parts: &mut Parts, facade: &Arc<Facade>) -> Result<Self, Self::Rejection> {
        let caller = Caller::from_request_parts(parts, facade).await?;
        if facade.identity.sessions().is_fresh(&caller.resolved.session) {
            Ok(Self(caller))
        } else {
            Err(Code::SessionNotFresh.into())
        }
    }
}
