//! Who is calling an endpoint, as its handler asks.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use identity_core::auth::Refresh;
use identity_core::{Code, Result};

use super::error::BetterAuth;
use crate::facade::Facade;
pub(super) use crate::facade::caller::{Caller, find, presented};
use crate::problem::Failure;

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
