//! A client: what it registered, and what it may do.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::ClientId;
use crate::jwt::Algorithm;
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// Whether a client can keep a secret (RFC 6749, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// It runs where its users can look into it: a browser, a phone.
    Public,
    /// It runs on a server.
    Confidential,
}

/// How a client proves itself at the token endpoint (OpenID Connect Core, section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Not at all: a public client.
    None,
    /// With its secret in the `Authorization` header.
    ClientSecretBasic,
    /// With its secret in the body.
    ClientSecretPost,
    /// With an assertion that it signs with a key of its own (RFC 7523).
    PrivateKeyJwt,
}

/// What a client asks the token endpoint with (RFC 6749, section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GrantType {
    /// A code that came back from the authorization endpoint.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// A refresh token.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// Nothing but its own credential.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// The code of a device (RFC 8628).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
}

/// How a user is named to a client (OpenID Connect Core, section 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// By the same id as to every other.
    #[default]
    Public,
    /// By an id that no client of another sector sees.
    Pairwise,
}

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

/// What a client said of itself (RFC 7591, section 2; OpenID Connect Dynamic Client Registration, section 2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    /// Where codes may be sent, compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go on to after a logout.
    pub post_logout_redirect_uris: Vec<String>,
    /// How it may ask for tokens.
    pub grant_types: Vec<GrantType>,
    /// What it may ask the authorization endpoint for: `code`.
    pub response_types: Vec<String>,
    /// Whether it is a `native` or a `web` application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// The scopes that it may ask for; all that are offered when it has said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its picture. Fetched, checked and served by us, never by reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Addresses of its people.
    pub contacts: Vec<String>,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where its sign-in can be started from elsewhere (OpenID Connect Core, section 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Where it is told of logouts (OpenID Connect Back-Channel Logout, section 2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs the `sid` there.
    pub backchannel_logout_session_required: bool,
    /// How users are named to it.
    pub subject_type: SubjectType,
    /// What lists the redirect URIs of all clients that see the same pairwise ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// With what its ID tokens are signed; `RS256` when it has said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// With what answers of UserInfo are signed; they are plain JSON when it has said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// With what its assertions must be signed; any that is offered when it has said nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<Algorithm>,
    /// The `max_age` of requests without one, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u64>,
    /// Whether its ID tokens always say when the user signed in.
    pub require_auth_time: bool,
    /// The `acr_values` of requests without any.
    pub default_acr_values: Vec<String>,
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

/// An application that asks for tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people know it by.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: ClientKind,
    /// How it proves itself.
    pub auth_method: AuthMethod,
    /// What it said of itself.
    pub metadata: ClientMetadata,
    /// What it may do.
    pub policy: ClientPolicy,
    /// Whether it registered itself (RFC 7591).
    pub registered: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// Whether it may ask for tokens in this way.
    #[must_use]
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant)
    }

    /// With what its ID tokens are signed.
    #[must_use]
    pub fn id_token_alg(&self) -> Algorithm {
        self.metadata.id_token_signed_response_alg.unwrap_or(Algorithm::Rs256)
    }

    /// A lifetime of its policy, or the default.
    #[must_use]
    pub fn lifetime(own: Option<u64>, default: Duration) -> Duration {
        own.map_or(default, Duration::from_secs)
    }
}
