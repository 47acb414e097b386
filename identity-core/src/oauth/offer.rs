//! What there is to ask for: the scopes, the resources, and the levels of authentication.

use super::client::Client;
use crate::config::{Config, OAuthOptions, ResourceSpec};
use crate::principal::{ACR_MAIL, ACR_PASSWORD};
use crate::scope::{OF_CLAIMS, OFFLINE_ACCESS, OPENID, ScopeSet};

/// The levels of authentication that there are (OpenID Connect Core, section 2).
pub(crate) const ACR_VALUES: [&str; 2] = [ACR_PASSWORD, ACR_MAIL];

/// Every scope that is offered.
pub(crate) fn scopes(options: &OAuthOptions) -> ScopeSet {
    let own = [OPENID, OFFLINE_ACCESS].into_iter().chain(OF_CLAIMS).map(str::to_owned);
    let of_resources = options.resources.iter().flat_map(|resource| resource.scopes.iter().cloned());
    own.chain(options.scopes.iter().cloned()).chain(of_resources).collect()
}

/// The scopes that a client may ask for.
pub(crate) fn scopes_for(options: &OAuthOptions, client: &Client) -> ScopeSet {
    let offered = scopes(options);
    client.metadata.scope.as_ref().map_or_else(|| offered.clone(), |own| own.intersection(&offered))
}

/// Those of `scopes` that mean something to the holders of tokens for these resources.
pub(crate) fn scopes_at(options: &OAuthOptions, scopes: &ScopeSet, resources: &[String]) -> ScopeSet {
    let known: Vec<&ResourceSpec> = resources.iter().filter_map(|uri| resource(options, uri)).collect();
    if known.is_empty() || known.iter().any(|resource| resource.scopes.is_empty()) {
        return scopes.clone();
    }
    let meant = |scope: &str| {
        scope == OPENID
            || scope == OFFLINE_ACCESS
            || OF_CLAIMS.contains(&scope)
            || known.iter().any(|resource| resource.scopes.iter().any(|known| known == scope))
    };
    scopes.iter().filter(|scope| meant(scope)).collect()
}

/// The resource with this identifier.
pub(crate) fn resource<'o>(options: &'o OAuthOptions, uri: &str) -> Option<&'o ResourceSpec> {
    options.resources.iter().find(|resource| resource.uri == uri)
}

/// Whether a client may ask for tokens for a resource (RFC 8707). Everybody may for our own UserInfo, whose identifier is the issuer.
pub(crate) fn may_reach(config: &Config, client: &Client, uri: &str) -> bool {
    let allows = |resource: &ResourceSpec| {
        client.registered && resource.registered_clients || client.policy.resources.iter().any(|own| own == uri)
    };
    uri == config.http.base_url || resource(&config.oauth, uri).is_some_and(allows)
}
