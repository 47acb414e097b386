//! A client: what it registered, and what it may do.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::policy::ClientPolicy;
use crate::id::{ClientId, ClientSecretId};
use crate::jwt::Algorithm;
use crate::oauth::scope::ScopeSet;
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

impl ClientKind {
    /// Its name in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Public, Self::Confidential].into_iter().find(|kind| kind.as_str() == name)
    }
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

impl AuthMethod {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// Its name in metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// The method of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.as_str() == name)
    }

    /// Whether it needs a secret that both sides know.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// Which clients can use it.
    #[must_use]
    pub const fn kind(self) -> ClientKind {
        match self {
            Self::None => ClientKind::Public,
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::PrivateKeyJwt => ClientKind::Confidential,
        }
    }
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

impl GrantType {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::DeviceCode];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }

    /// The grant type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|grant| grant.as_str() == name)
    }
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
    /// When it last proved itself, to the day; written down for clients that registered themselves alone.
    pub last_used_at: Timestamp,
}

/// A client as an operator describes it.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its `client_id`: 1 to 128 letters, digits and `-._~`. One is minted for it otherwise.
    pub id: Option<ClientId>,
    /// What people know it by.
    pub name: String,
    /// How it proves itself, which also says whether it can keep a secret.
    pub auth_method: AuthMethod,
    /// What it says of itself.
    pub metadata: ClientMetadata,
    /// What it may do.
    pub policy: ClientPolicy,
}

/// What is to be changed about a client; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    /// What people know it by.
    pub name: Option<String>,
    /// How it proves itself.
    pub auth_method: Option<AuthMethod>,
    /// What it says of itself.
    pub metadata: Option<ClientMetadata>,
    /// What it may do.
    pub policy: Option<ClientPolicy>,
}

/// A secret of a client, of which only the digest is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, once another has replaced it.
    pub ends_at: Option<Timestamp>,
}

impl Client {
    pub(super) fn change(&mut self, change: ClientChange) {
        if let Some(name) = change.name {
            self.name = name;
        }
        if let Some(method) = change.auth_method {
            self.auth_method = method;
            self.kind = method.kind();
        }
        if let Some(metadata) = change.metadata {
            self.metadata = metadata;
        }
        if let Some(policy) = change.policy {
            self.policy = policy;
        }
    }

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
