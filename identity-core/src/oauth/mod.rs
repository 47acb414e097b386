//! The authorization server: OAuth 2.1 and OpenID Connect.

pub mod authorize;
pub(crate) mod claims;
pub mod client;
pub mod consent;
mod decide;
pub mod error;
mod grant;
mod offer;
pub mod params;
mod request;
mod subject;

use serde_json::{Map, Value};

pub use crate::scope::{self, ScopeSet};
pub use authorize::{Authorization, ClientAnswer, Interaction, ResponseMode, Step};
pub use client::{Client, ClientKind, ClientMetadata, ClientPolicy, GrantType};
pub use consent::Consent;
pub use error::{ErrorCode, OAuthError};
pub use params::Params;

use crate::error::Result;
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
