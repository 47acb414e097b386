//! What can be chosen about the authorization server.

use std::path::PathBuf;
use std::time::Duration;

use super::DAY;
use crate::jwt::Algorithm;
use crate::secret::Secret;

/// The authorization server.
#[derive(Clone, Debug)]
pub struct OAuthOptions {
    /// Who may register clients over the network. Default nobody.
    pub registration: Registration,
    /// The page of an application where people sign in on the way to an authorization: a URL, or a path of the base URL. Ours when
    /// there is none.
    pub login_url: Option<String>,
    /// The page of an application where they agree to what a client asks for.
    pub consent_url: Option<String>,
    /// Scopes that are offered beside those of OpenID Connect.
    pub scopes: Vec<String>,
    /// The APIs that tokens can be asked for (RFC 8707).
    pub resources: Vec<ResourceSpec>,
    /// The algorithms for which there are keys. Default all; `RS256` is always among them.
    pub algorithms: Vec<Algorithm>,
    /// How long an authorization code is good. Default 60 seconds.
    pub code_lifetime: Duration,
    /// How long an authorization waits for somebody to sign in and agree. Default 1 hour.
    pub request_lifetime: Duration,
    /// How long an access token is good. Default 10 minutes.
    pub access_token_lifetime: Duration,
    /// How long an ID token is good. Default 1 hour.
    pub id_token_lifetime: Duration,
    /// How long a refresh token is good without being used. Default 30 days.
    pub refresh_token_idle: Duration,
    /// How long a line of refresh tokens is good, however often it is used. Default 180 days.
    pub refresh_token_lifetime: Duration,
    /// For how long the token that was just used gets the same successor again. Default 30 seconds.
    pub refresh_replay_window: Duration,
    /// How long the code of a device is good. Default 10 minutes.
    pub device_code_lifetime: Duration,
    /// How long a device waits between two questions. Default 5 seconds.
    pub device_poll_interval: Duration,
    /// How often signing keys are replaced. Default 90 days.
    pub key_rotation: Duration,
    /// How long a signing key is published before it signs. Default 24 hours.
    pub key_publication: Duration,
    /// Whether clients that registered themselves may go without PKCE when they are confidential. Default no.
    pub relaxed_pkce: bool,
    /// Whether documents of clients are fetched from private addresses too, and with which further certificates. Default neither.
    pub outbound: OutboundOptions,
}

impl OAuthOptions {
    /// The longest lifetime of authorization codes (RFC 6749, section 4.1.2).
    pub const LONGEST_CODE: Duration = Duration::from_mins(10);
    /// The longest lifetime of tokens that a client may be given as its own; signing keys are published for as long after their last use.
    pub const LONGEST_OF_CLIENT: Duration = DAY;
}

/// Who may register clients over the network (RFC 7591).
#[derive(Clone, Debug, Default)]
pub enum Registration {
    /// Nobody.
    #[default]
    Off,
    /// Whoever has this initial access token, of at least 16 characters.
    WithToken(Secret<String>),
    /// Everybody. What was registered so and is not used for 90 days is removed.
    Open,
}

/// An API that tokens can be asked for (RFC 8707).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSpec {
    /// Its identifier, an absolute URI without a fragment, which becomes the audience.
    pub uri: String,
    /// The scopes that mean something to it; all that are offered when empty.
    pub scopes: Vec<String>,
    /// Whether its tokens are opaque instead of JWTs.
    pub opaque: bool,
    /// The client that asks us about its tokens (RFC 7662), by its `client_id`.
    pub client: Option<String>,
    /// Whether clients that registered themselves (RFC 7591) may ask for it; others may when their policy names it.
    pub registered_clients: bool,
}

impl ResourceSpec {
    /// An API that takes JWTs with any scope, for clients that registered themselves and for those whose policy names it.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), scopes: Vec::new(), opaque: false, client: None, registered_clients: true }
    }
}

/// What requests of our own may reach.
#[derive(Clone, Debug, Default)]
pub struct OutboundOptions {
    /// Whether private and loopback addresses and plain http may be reached. For tests only.
    pub allow_private: bool,
    /// A file with further certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
}

impl Default for OAuthOptions {
    fn default() -> Self {
        Self {
            registration: Registration::Off,
            login_url: None,
            consent_url: None,
            scopes: Vec::new(),
            resources: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            code_lifetime: Duration::from_mins(1),
            request_lifetime: Duration::from_hours(1),
            access_token_lifetime: Duration::from_mins(10),
            id_token_lifetime: Duration::from_hours(1),
            refresh_token_idle: DAY * 30,
            refresh_token_lifetime: DAY * 180,
            refresh_replay_window: Duration::from_secs(30),
            device_code_lifetime: Duration::from_mins(10),
            device_poll_interval: Duration::from_secs(5),
            key_rotation: DAY * 90,
            key_publication: DAY,
            relaxed_pkce: false,
            outbound: OutboundOptions::default(),
        }
    }
}
