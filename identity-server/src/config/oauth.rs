//! `[oauth]`: the authorization server.

use std::path::PathBuf;
use std::time::Duration;

use config::{Value, ValueKind};
use identity_core::config::{OAuthOptions, OutboundOptions, Registration, ResourceSpec};
use identity_core::jwt::Algorithm;
use identity_core::secret::Secret;

use super::problem::{Problem, Problems};
use super::table::section;
use super::value::{Kind, SettingType, TextType, text, texts};

section! {
    /// The authorization server: OAuth 2.1 and OpenID Connect. All times are in seconds; clients may have their own.
    OAuth = "oauth" {
        /// Who may register clients over the network: `off` for nobody, `token` for whoever has the token below, `open` for everybody.
        registration: Who = Who::Off;
        /// The initial access token with which clients are registered.
        registration_token: Option<Secret<String>> = None;
        /// A page of an application where people sign in on the way to an authorization, in place of ours: a URL, or a path of
        /// `http.base_url`. It gives the query that it is opened with back as `oauth_query`.
        login_url: Option<String> = None;
        /// A page of an application where people agree to what a client asks for, in place of ours.
        consent_url: Option<String> = None;
        /// Scopes that are offered beside those of OpenID Connect.
        scopes: Vec<String> = Vec::new();
        /// The APIs that tokens can be asked for, one table each:
        /// ```toml
        /// [[oauth.resources]]
        /// uri = "https://api.example.com"    # becomes the audience
        /// scopes = ["orders:read"]           # what means something to it; everything when empty
        /// opaque = false                     # true: it asks about its tokens instead of verifying them
        /// client = "orders-api"              # the client as which it asks
        /// registered_clients = true          # whether clients that registered themselves may ask for it
        /// ```
        resources: Resources = Resources::default();
        /// The algorithms that tokens can be signed with: `RS256`, which is always among them, `PS256`, `ES256` and `EdDSA`. There is a key
        /// for each. A client that was given one which is taken away later gets no tokens until it is given another.
        algorithms: Vec<Algorithm> = OAuthOptions::default().algorithms;
        /// How long an authorization code is good.
        code_lifetime: u64 = OAuthOptions::default().code_lifetime.as_secs();
        /// How long an authorization waits for somebody to sign in and agree.
        request_lifetime: u64 = OAuthOptions::default().request_lifetime.as_secs();
        /// How long an access token is good.
        access_token_lifetime: u64 = OAuthOptions::default().access_token_lifetime.as_secs();
        /// How long an ID token is good.
        id_token_lifetime: u64 = OAuthOptions::default().id_token_lifetime.as_secs();
        /// How long a refresh token is good without being used.
        refresh_token_idle: u64 = OAuthOptions::default().refresh_token_idle.as_secs();
        /// How long a line of refresh tokens is good, however often it is used.
        refresh_token_lifetime: u64 = OAuthOptions::default().refresh_token_lifetime.as_secs();
        /// For how long a refresh token that was just used gets the same successor again.
        refresh_replay_window: u64 = OAuthOptions::default().refresh_replay_window.as_secs();
        /// How long the code of a device is good.
        device_code_lifetime: u64 = OAuthOptions::default().device_code_lifetime.as_secs();
        /// How long a device waits between two questions.
        device_poll_interval: u64 = OAuthOptions::default().device_poll_interval.as_secs();
        /// How often signing keys are replaced.
        key_rotation: u64 = OAuthOptions::default().key_rotation.as_secs();
        /// How long a signing key is published before it signs.
        key_publication: u64 = OAuthOptions::default().key_publication.as_secs();
        /// Whether confidential clients that registered themselves may go without PKCE.
        relaxed_pkce: bool = false;
        /// Whether documents of clients are also fetched from private addresses and over plain http. For tests only.
        fetch_from_private_addresses: bool = false;
        /// A PEM file with further certificates to trust when documents of clients are fetched.
        fetch_ca_file: Option<PathBuf> = None;
    }
}

impl OAuth {
    pub(super) fn check(&self, problems: &mut Problems) {
        let lifetimes = [
            ("oauth.code_lifetime", self.code_lifetime),
            ("oauth.request_lifetime", self.request_lifetime),
            ("oauth.access_token_lifetime", self.access_token_lifetime),
            ("oauth.id_token_lifetime", self.id_token_lifetime),
            ("oauth.refresh_token_idle", self.refresh_token_idle),
            ("oauth.refresh_token_lifetime", self.refresh_token_lifetime),
            ("oauth.device_code_lifetime", self.device_code_lifetime),
            ("oauth.key_rotation", self.key_rotation),
        ];
        for (key, seconds) in lifetimes {
            if seconds == 0 {
                problems.push(Problem::of(key, "must be at least 1 second"));
            }
        }
        if self.code_lifetime > 600 {
            problems.push(Problem::of("oauth.code_lifetime", "must be at most 600 seconds (RFC 6749, section 4.1.2)"));
        }
        let needs_token = self.registration == Who::WithToken;
        if needs_token && self.registration_token.is_none() && problems.spare(&["oauth.registration_token"]) {
            let text = "must be set, because oauth.registration is \"token\"";
            problems.push(Problem::of("oauth.registration_token", text));
        }
        let is_scope = |scope: &&String| identity_core::scope::ScopeSet::parse(scope).is_ok() && !scope.contains(' ');
        let of_resources = self.resources.0.iter().flat_map(|resource| &resource.scopes);
        for scope in self.scopes.iter().chain(of_resources).filter(|scope| !is_scope(scope)) {
            problems.push(Problem::of("oauth.scopes", format!("{scope:?} is not a scope (RFC 6749, section 3.3)")));
        }
        for resource in &self.resources.0 {
            let absolute = url::Url::parse(&resource.uri).is_ok_and(|uri| uri.fragment().is_none());
            if !absolute {
                let text = format!("{:?} must be an absolute URI without a fragment", resource.uri);
                problems.push(Problem::of("oauth.resources", text));
            }
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> OAuthOptions {
        let registration = match (self.registration, &self.registration_token) {
            (Who::WithToken, Some(token)) => Registration::WithToken(token.clone()),
            (Who::Open, _) => Registration::Open,
            (Who::Off | Who::WithToken, _) => Registration::Off,
        };
        OAuthOptions {
            registration,
            login_url: self.login_url.clone(),
            consent_url: self.consent_url.clone(),
            scopes: self.scopes.clone(),
            resources: self.resources.0.clone(),
            algorithms: self.algorithms.clone(),
            code_lifetime: Duration::from_secs(self.code_lifetime),
            request_lifetime: Duration::from_secs(self.request_lifetime),
            access_token_lifetime: Duration::from_secs(self.access_token_lifetime),
            id_token_lifetime: Duration::from_secs(self.id_token_lifetime),
            refresh_token_idle: Duration::from_secs(self.refresh_token_idle),
            refresh_token_lifetime: Duration::from_secs(self.refresh_token_lifetime),
            refresh_replay_window: Duration::from_secs(self.refresh_replay_window),
            device_code_lifetime: Duration::from_secs(self.device_code_lifetime),
            device_poll_interval: Duration::from_secs(self.device_poll_interval),
            key_rotation: Duration::from_secs(self.key_rotation),
            key_publication: Duration::from_secs(self.key_publication),
            relaxed_pkce: self.relaxed_pkce,
            outbound: OutboundOptions {
                allow_private: self.fetch_from_private_addresses,
                ca_file: self.fetch_ca_file.clone(),
            },
        }
    }
}

impl TextType for Algorithm {
    fn from_text(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
            format!("must be of {}", names.join(", "))
        })
    }

    fn to_text(&self) -> String {
        self.as_str().to_owned()
    }
}

/// Who may register clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Nobody.
    Off,
    /// Whoever has the token.
    WithToken,
    /// Everybody.
    Open,
}

impl TextType for Who {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "token" => Ok(Self::WithToken),
            "open" => Ok(Self::Open),
            _ => Err(String::from("must be \"off\", \"token\" or \"open\"")),
        }
    }

    fn to_text(&self) -> String {
        String::from(match self {
            Self::Off => "off",
            Self::WithToken => "token",
            Self::Open => "open",
        })
    }
}

texts!(Who);

/// The APIs that tokens can be asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resources(pub(crate) Vec<ResourceSpec>);

impl SettingType for Resources {
    const KIND: Kind = Kind::Tables;

    fn parse(value: ValueKind) -> Result<Self, String> {
        let ValueKind::Array(tables) = value else { return Err(String::from("must be tables with uri")) };
        tables.into_iter().map(from_table).collect::<Result<_, _>>().map(Self)
    }

    fn to_toml(&self) -> Option<toml::Value> {
        let table = |resource: &ResourceSpec| {
            let mut table = toml::Table::new();
            table.insert("uri".to_owned(), resource.uri.clone().into());
            table.insert("scopes".to_owned(), resource.scopes.clone().into());
            table.insert("opaque".to_owned(), resource.opaque.into());
            table.insert("registered_clients".to_owned(), resource.registered_clients.into());
            if let Some(client) = &resource.client {
                table.insert("client".to_owned(), client.clone().into());
            }
            toml::Value::Table(table)
        };
        Some(toml::Value::Array(self.0.iter().map(table).collect()))
    }
}

fn from_table(value: Value) -> Result<ResourceSpec, String> {
    let ValueKind::Table(mut table) = value.kind else { return Err(String::from("each must be a table with uri")) };
    let uri = table.remove("uri").ok_or_else(|| String::from("one has no uri"))?;
    let uri = text(uri.kind).map_err(|text| format!("uri {text}"))?;
    let wrong = |name: &str, text: String| format!("{uri}: {name} {text}");
    let scopes = table.remove("scopes").map(|value| Vec::<String>::parse(value.kind)).transpose();
    let opaque = table.remove("opaque").map(|value| bool::parse(value.kind)).transpose();
    let client = table.remove("client").map(|value| text(value.kind)).transpose();
    let registered_clients = table.remove("registered_clients").map(|value| bool::parse(value.kind)).transpose();
    if let Some(unknown) = table.keys().min() {
        return Err(wrong(unknown, String::from("is no setting")));
    }
    Ok(ResourceSpec {
        scopes: scopes.map_err(|text| wrong("scopes", text))?.unwrap_or_default(),
        opaque: opaque.map_err(|text| wrong("opaque", text))?.unwrap_or_default(),
        client: client.map_err(|text| wrong("client", text))?,
        registered_clients: registered_clients.map_err(|text| wrong("registered_clients", text))?.unwrap_or(true),
        uri,
    })
}
