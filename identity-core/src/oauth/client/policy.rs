//! What an operator allows a client.

use serde::{Deserialize, Serialize};

use crate::jwt::Algorithm;

/// What the access tokens for a client look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A signed token that an API verifies by itself (RFC 9068).
    #[default]
    Jwt,
    /// A random text that an API asks us about (RFC 7662).
    Opaque,
}

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshPolicy {
    /// A successor replaces it.
    #[default]
    Rotate,
    /// It stays. Public clients that cannot store a successor have 7 days without use at most.
    Static,
}

/// What an operator allows a client beyond, or short of, the default. Every field that differs is a deviation with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientPolicy {
    /// Whether every request needs a PKCE challenge. Only confidential clients may go without.
    pub require_pkce: bool,
    /// Whether it is ours, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether the claims of its scopes also stand in its ID tokens.
    pub claims_in_id_token: bool,
    /// What its access tokens look like where a resource does not say.
    pub access_token_format: AccessTokenFormat,
    /// With what its access tokens are signed.
    pub access_token_alg: Algorithm,
    /// What becomes of its refresh tokens.
    pub refresh: RefreshPolicy,
    /// Resources (RFC 8707) that it may ask for; none but our own UserInfo when empty.
    pub resources: Vec<String>,
    /// How long its codes are good, in seconds.
    pub code_lifetime: Option<u64>,
    /// How long its access tokens are good, in seconds.
    pub access_token_lifetime: Option<u64>,
    /// How long its ID tokens are good, in seconds.
    pub id_token_lifetime: Option<u64>,
    /// How long its refresh tokens are good without being used, in seconds.
    pub refresh_token_idle: Option<u64>,
}

impl Default for ClientPolicy {
    fn default() -> Self {
        Self {
            require_pkce: true,
            first_party: false,
            claims_in_id_token: false,
            access_token_format: AccessTokenFormat::Jwt,
            access_token_alg: Algorithm::Rs256,
            refresh: RefreshPolicy::Rotate,
            resources: Vec::new(),
            code_lifetime: None,
            access_token_lifetime: None,
            id_token_lifetime: None,
            refresh_token_idle: None,
        }
    }
}

/// Names every field, so that none can be added without a name.
macro_rules! deviations {
    ($policy:expr, $($name:literal: $field:ident),+ $(,)?) => {{
        let (ClientPolicy { $($field),+ }, default) = ($policy, ClientPolicy::default());
        let differs = [$(($name, *$field != default.$field)),+];
        differs.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }};
}

impl ClientPolicy {
    /// The names of everything in which it differs from the default, for the operator and the record.
    #[must_use]
    pub fn deviations(&self) -> Vec<&'static str> {
        deviations!(
            self,
            "no_pkce": require_pkce,
            "first_party": first_party,
            "claims_in_id_token": claims_in_id_token,
            "access_token_format": access_token_format,
            "access_token_alg": access_token_alg,
            "static_refresh_tokens": refresh,
            "resources": resources,
            "code_lifetime": code_lifetime,
            "access_token_lifetime": access_token_lifetime,
            "id_token_lifetime": id_token_lifetime,
            "refresh_token_idle": refresh_token_idle,
        )
    }
}
