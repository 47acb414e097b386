//! The authorization server: OAuth 2.1 and OpenID Connect.

pub mod authorize;
pub mod client;
pub mod error;
pub mod params;

use serde_json::{Map, Value};

pub use crate::scope::{self, ScopeSet};
pub use authorize::{Authorization, ClientAnswer, Interaction, ResponseMode, Step};
pub use client::{Client, ClientKind, ClientMetadata, ClientPolicy, GrantType};
pub use error::{ErrorCode, OAuthError};
pub use params::Params;

use crate::auth::Resolved;
use crate::error::Result;
use crate::id::GrantId;
use crate::request::RequestInfo;
use crate::shared::Shared;

/// What a client presents beside the parameters: the `Authorization` header, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The whole value of the header.
    pub authorization: Option<&'a str>,
    /// The parameters of the form.
    pub params: &'a Params,
}

/// The authorization server.
#[derive(Debug)]
pub struct OAuth<'s> {
    pub(crate) shared: &'s Shared,
}

impl OAuth<'_> {
    /// Begins an authorization, with the session of the browser if it has one.
    ///
    /// # Errors
    /// Trouble of our own only; what is wrong with the request is an [`Authorization`].
    pub async fn authorize(
        &self,
        _params: &Params,
        _browser: Option<&Resolved>,
        _info: &RequestInfo,
    ) -> Result<Authorization> {
        todo!()
    }

    /// Looks again at an authorization that waited for somebody.
    ///
    /// # Errors
    /// Trouble of our own only; one that is unknown or over is `Refused`.
    pub async fn resume(
        &self,
        _grant: &GrantId,
        _browser: Option<&Resolved>,
        _info: &RequestInfo,
    ) -> Result<Authorization> {
        todo!()
    }

    /// Goes on with the account that is signed in, after `Step::SelectAccount`.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn keep_account(
        &self,
        _grant: &GrantId,
        _browser: &Resolved,
        _info: &RequestInfo,
    ) -> Result<Authorization> {
        todo!()
    }

    /// Answers `Step::Consent`.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn consent(
        &self,
        _grant: &GrantId,
        _browser: &Resolved,
        _allow: bool,
        _info: &RequestInfo,
    ) -> Result<Authorization> {
        todo!()
    }

    /// Gives an authorization up: the client hears `access_denied`.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn cancel(&self, _grant: &GrantId, _info: &RequestInfo) -> Result<Authorization> {
        todo!()
    }

    /// The token endpoint. Returns the JSON object of the answer.
    ///
    /// # Errors
    /// As RFC 6749, section 5.2, and the specifications of each grant type say.
    pub async fn token(
        &self,
        _presented: Presented<'_>,
        _info: &RequestInfo,
    ) -> Result<Map<String, Value>, OAuthError> {
        todo!()
    }
}
