//! The signed-in user of a request.

use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use identity_core::Code;
use identity_core::principal::{Principal, Profile, SessionSummary, Subject, TokenSummary};

use crate::auth::Authn;
use crate::problem::{Api, Failure};

/// The user who is calling: signed in with a session, or through a client that holds an access token of theirs. Refuses everybody
/// else with 401, and a client that calls in its own name with 403.
///
/// `Option<RequireUser>` lets everybody through and is `None` without a user. Either way a bad bearer credential is 401 and an
/// unreachable trust anchor is 503.
///
/// A token passes whatever its scopes are, as long as it was issued for this service: a service without an audience or resource of its
/// own answers every token with 403 here. Where clients of other people may call, [`RequireScope`](crate::RequireScope) asks for the
/// right scope.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireUser(pub Principal);

impl RequireUser {
    /// Who is calling.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0.user
    }

    /// The session that proves it, if it is one.
    #[must_use]
    pub fn session(&self) -> Option<&SessionSummary> {
        self.0.session()
    }

    /// The access token that proves it, if it is one.
    #[must_use]
    pub fn token(&self) -> Option<&TokenSummary> {
        self.0.token()
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
        let authn = Authn::from_ref(state);
        let user = authn.user(parts).await.and_then(|user| user.ok_or_else(|| Code::Unauthorized.into()));
        user.map(Self).map_err(|error| authn.refuse(error))
    }
}

impl<S> OptionalFromRequestParts<S> for RequireUser
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let authn = Authn::from_ref(state);
        let user = authn.caller(parts).await.and_then(|caller| match caller.as_deref().map(|caller| &caller.subject) {
            Some(Subject::Client(_)) | None => Ok(None),
            Some(subject) => authn.admit(subject).map(|principal| Some(Self(principal.clone()))),
        });
        user.map_err(|error| authn.refuse(error))
    }
}
