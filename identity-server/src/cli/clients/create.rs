//! `clients create`.

use std::fs;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use identity_core::Identity;
use identity_core::id::ClientId;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod, NewClient, RefreshPolicy};
use identity_core::oauth::{ClientMetadata, ClientPolicy, GrantType, ScopeSet};
use serde_json::Value;

use super::{document, show};
use crate::cli::Failure;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("kind").required(true).args(["public", "confidential"])))]
pub(in crate::cli) struct Create {
    /// The `client_id`: 1 to 128 letters, digits and `-._~`. Without it one is made up.
    #[arg(long)]
    id: Option<String>,
    /// What people know it by.
    #[arg(long)]
    name: String,
    /// It runs where its users can look into it: a browser, a phone.
    #[arg(long)]
    public: bool,
    /// It runs on a server and can keep a secret.
    #[arg(long)]
    confidential: bool,
    /// How it proves itself: `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`. Default `none` for public clients
    /// and `client_secret_basic` for confidential ones.
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    auth_method: Option<AuthMethod>,
    /// Where codes may be sent, character by character. Give it again for more.
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where a browser may go on to after a logout. Give it again for more.
    #[arg(long, value_name = "URI")]
    post_logout_uri: Vec<String>,
    /// How it may ask for tokens: `authorization_code`, `refresh_token`, `client_credentials` or `device_code`. Give it again for more.
    /// Default `authorization_code`.
    #[arg(long, value_name = "GRANT", value_parser = grant)]
    grant: Vec<GrantType>,
    /// The scopes it may ask for, separated by spaces. Without it all that are offered.
    #[arg(long, value_parser = scopes)]
    scope: Option<ScopeSet>,
    /// It is ours, so nobody is asked for consent.
    #[arg(long)]
    first_party: bool,
    /// A file with its public keys, a JWK Set.
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks: Option<PathBuf>,
    /// Where its public keys are.
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// Where its sign-in can be started from elsewhere.
    #[arg(long, value_name = "URL")]
    initiate_login_uri: Option<String>,
    /// Where it is told of logouts.
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// The algorithm that its ID tokens are signed with. Default `RS256`.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    id_token_alg: Option<Algorithm>,
    /// Let it go without PKCE. Only for confidential clients that cannot be changed.
    #[arg(long)]
    no_pkce: bool,
    /// Put the claims of its scopes into its ID tokens as well.
    #[arg(long)]
    claims_in_id_token: bool,
    /// Give it opaque access tokens instead of JWTs.
    #[arg(long)]
    opaque_access_tokens: bool,
    /// Let its refresh tokens stay instead of being replaced. For clients that cannot store a successor.
    #[arg(long)]
    static_refresh_tokens: bool,
    /// A resource that it may ask for (RFC 8707). Give it again for more.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// How long its codes are good.
    #[arg(long, value_name = "SECONDS")]
    code_lifetime: Option<u64>,
    /// How long its access tokens are good.
    #[arg(long, value_name = "SECONDS")]
    access_token_lifetime: Option<u64>,
    /// How long its ID tokens are good.
    #[arg(long, value_name = "SECONDS")]
    id_token_lifetime: Option<u64>,
    /// How long its refresh tokens are good without being used.
    #[arg(long, value_name = "SECONDS")]
    refresh_token_idle: Option<u64>,
    /// Print a JSON object with everything about it.
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) async fn run(self, identity: &Identity) -> Result<(), Failure> {
        let json = self.json;
        let created = identity.clients().create(self.into_client()?).await?;
        show(document(&created.client)?, created.secret.as_ref(), json)
    }

    fn into_client(self) -> Result<NewClient, Failure> {
        let default = if self.confidential { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        let auth_method = self.auth_method.unwrap_or(default);
        if auth_method.kind() != default.kind() {
            return Err(Failure::new("public clients prove themselves by none, and confidential ones do not"));
        }
        let grant_types = if self.grant.is_empty() { vec![GrantType::AuthorizationCode] } else { self.grant };
        let has_code = grant_types.contains(&GrantType::AuthorizationCode);
        let metadata = ClientMetadata {
            redirect_uris: self.redirect_uri,
            post_logout_redirect_uris: self.post_logout_uri,
            grant_types,
            response_types: if has_code { vec!["code".to_owned()] } else { Vec::new() },
            scope: self.scope,
            jwks: self.jwks.map(|file| keys(&file)).transpose()?,
            jwks_uri: self.jwks_uri,
            initiate_login_uri: self.initiate_login_uri,
            backchannel_logout_session_required: self.backchannel_logout_uri.is_some(),
            backchannel_logout_uri: self.backchannel_logout_uri,
            id_token_signed_response_alg: self.id_token_alg,
            ..ClientMetadata::default()
        };
        let default = ClientPolicy::default();
        let policy = ClientPolicy {
            require_pkce: !self.no_pkce,
            first_party: self.first_party,
            claims_in_id_token: self.claims_in_id_token,
            access_token_format: if self.opaque_access_tokens {
                AccessTokenFormat::Opaque
            } else {
                default.access_token_format
            },
            refresh: if self.static_refresh_tokens { RefreshPolicy::Static } else { default.refresh },
            resources: self.resource,
            code_lifetime: self.code_lifetime,
            access_token_lifetime: self.access_token_lifetime,
            id_token_lifetime: self.id_token_lifetime,
            refresh_token_idle: self.refresh_token_idle,
            ..default
        };
        Ok(NewClient { id: self.id.map(ClientId::from_text), name: self.name, auth_method, metadata, policy })
    }
}

fn keys(file: &std::path::Path) -> Result<Value, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let text = fs::read(file).map_err(|error| failure(&error))?;
    serde_json::from_slice(&text).map_err(|error| failure(&error))
}

fn auth_method(name: &str) -> Result<AuthMethod, String> {
    AuthMethod::parse(name).ok_or_else(|| {
        let names: Vec<_> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn grant(name: &str) -> Result<GrantType, String> {
    let grant = if name == "device_code" { Some(GrantType::DeviceCode) } else { GrantType::parse(name) };
    grant.ok_or_else(|| "it is one of authorization_code, refresh_token, client_credentials, device_code".to_owned())
}

fn scopes(text: &str) -> Result<ScopeSet, String> {
    ScopeSet::parse(text).map_err(|error| error.to_string())
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::parse(name).ok_or_else(|| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
        format!("it is one of {}", names.join(", "))
    })
}
