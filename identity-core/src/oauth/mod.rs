//! The authorization server: OAuth 2.1 and OpenID Connect.

mod access;
pub mod authorize;
pub(crate) mod claims;
pub mod client;
mod code;
pub mod consent;
mod decide;
pub mod device;
pub mod error;
mod grant;
mod id_token;
mod issue;
mod offer;
pub mod params;
mod refresh;
mod request;
mod subject;
mod token;

pub use crate::scope::{self, ScopeSet};
pub use authorize::{Authorization, ClientAnswer, Interaction, ResponseMode, Step};
pub use client::{Client, ClientKind, ClientMetadata, ClientPolicy, GrantType};
pub use consent::Consent;
pub use device::DeviceRequest;
pub use error::{ErrorCode, OAuthError};
pub use params::Params;

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
