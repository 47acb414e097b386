//! The signed-in user of a request.

use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use identity_core::Code;
use identity_core::principal::{Principal, Profile, SessionSummary};

use crate::auth::Authn;
use crate::problem::{Api, Failure};

/// The signed-in user who is calling; refuses everybody else with 401.
///
/// `Option<RequireUser>` lets everybody through and is `None` without a live session. Either way a bad bearer credential
/// is 401 and an unreachable trust anchor is 503.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireUser(pub Principal);

impl RequireUser {
    /// Who is calling.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0.user
    }

    /// The session that proves it.
    #[must_use]
    pub fn session(&self) -> &SessionSummary {
        &self.0.session
    }
}

impl Deref for RequireUser {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S> FromRequestParts<S> for RequireUser
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let principal = Authn::from_ref(state).authenticate(parts).await?;
        principal.map(Self).ok_or_else(|| Code::Unauthorized.into())
    }
}

impl<S> OptionalFromRequestParts<S> for RequireUser
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let principal = Authn::from_ref(state).authenticate(parts).await?;
        Ok(principal.map(Self))
    }
}
