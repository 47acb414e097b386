//! What an operator says of a client, the same when it is made and when it is changed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod, RefreshPolicy};
use identity_core::oauth::{ClientMetadata, ClientPolicy, GrantType, ScopeSet};
use serde_json::Value;

use crate::cli::Failure;

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// How it proves itself: `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`. Default `none` for public clients
    /// and `client_secret_basic` for confidential ones.
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    pub(super) auth_method: Option<AuthMethod>,
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
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    first_party: Option<bool>,
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
    /// The algorithm that its access tokens are signed with. Default `RS256`.
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    access_token_alg: Option<Algorithm>,
    /// Let it go without PKCE. Only for confidential clients that cannot be changed.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_pkce: Option<bool>,
    /// Put the claims of its scopes into its ID tokens as well.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    claims_in_id_token: Option<bool>,
    /// Give it opaque access tokens instead of JWTs.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    opaque_access_tokens: Option<bool>,
    /// Let its refresh tokens stay instead of being replaced. For clients that cannot store a successor.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    static_refresh_tokens: Option<bool>,
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
}

impl Flags {
    /// Changes what is named in `metadata`; the rest stays.
    pub(super) fn describe(&self, metadata: &mut ClientMetadata) -> Result<(), Failure> {
        list(&mut metadata.redirect_uris, &self.redirect_uri);
        list(&mut metadata.post_logout_redirect_uris, &self.post_logout_uri);
        list(&mut metadata.grant_types, &self.grant);
        let has_code = metadata.grant_types.contains(&GrantType::AuthorizationCode);
        metadata.response_types = if has_code { vec!["code".to_owned()] } else { Vec::new() };
        option(&mut metadata.scope, self.scope.as_ref());
        // A client has its keys in one place.
        if let Some(file) = &self.jwks {
            (metadata.jwks, metadata.jwks_uri) = (Some(keys(file)?), None);
        }
        if let Some(uri) = &self.jwks_uri {
            (metadata.jwks, metadata.jwks_uri) = (None, Some(uri.clone()));
        }
        option(&mut metadata.initiate_login_uri, self.initiate_login_uri.as_ref());
        if self.backchannel_logout_uri.is_some() {
            metadata.backchannel_logout_session_required = true;
        }
        option(&mut metadata.backchannel_logout_uri, self.backchannel_logout_uri.as_ref());
        option(&mut metadata.id_token_signed_response_alg, self.id_token_alg.as_ref());
        Ok(())
    }

    /// Changes what is named in `policy`; the rest stays.
    pub(super) fn allow(&self, policy: &mut ClientPolicy) {
        if let Some(without) = self.no_pkce {
            policy.require_pkce = !without;
        }
        if let Some(ours) = self.first_party {
            policy.first_party = ours;
        }
        if let Some(there) = self.claims_in_id_token {
            policy.claims_in_id_token = there;
        }
        if let Some(opaque) = self.opaque_access_tokens {
            policy.access_token_format = if opaque { AccessTokenFormat::Opaque } else { AccessTokenFormat::Jwt };
        }
        if let Some(algorithm) = self.access_token_alg {
            policy.access_token_alg = algorithm;
        }
        if let Some(stay) = self.static_refresh_tokens {
            policy.refresh = if stay { RefreshPolicy::Static } else { RefreshPolicy::Rotate };
        }
        list(&mut policy.resources, &self.resource);
        option(&mut policy.code_lifetime, self.code_lifetime.as_ref());
        option(&mut policy.access_token_lifetime, self.access_token_lifetime.as_ref());
        option(&mut policy.id_token_lifetime, self.id_token_lifetime.as_ref());
        option(&mut policy.refresh_token_idle, self.refresh_token_idle.as_ref());
    }
}

/// Replaces a list by one that is given.
fn list<T: Clone>(old: &mut Vec<T>, given: &[T]) {
    if !given.is_empty() {
        *old = given.to_vec();
    }
}

/// Replaces a value by one that is given.
fn option<T: Clone>(old: &mut Option<T>, given: Option<&T>) {
    if given.is_some() {
        *old = given.cloned();
    }
}

fn keys(file: &Path) -> Result<Value, Failure> {
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
