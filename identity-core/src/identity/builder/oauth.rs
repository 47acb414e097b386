//! What is wrong with the choices for the authorization server.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::MIN_SERVICE_SECRET;
use crate::config::{HttpOptions, OAuthOptions, Registration};
use crate::jwt::Algorithm;
use crate::scope::ScopeSet;

pub(super) fn check(oauth: &OAuthOptions, http: &HttpOptions, problems: &mut Vec<String>) {
    check_registration(&oauth.registration, problems);
    check_lifetimes(oauth, problems);
    check_keys(oauth, problems);
    check_offer(oauth, http, problems);
    check_pages(oauth, http, problems);
}

fn check_registration(registration: &Registration, problems: &mut Vec<String>) {
    let Registration::WithToken(token) = registration else { return };
    if token.expose().chars().count() < MIN_SERVICE_SECRET {
        problems.push(format!(
            "The initial access token with which clients are registered must have at least {MIN_SERVICE_SECRET} characters."
        ));
    }
}

fn check_lifetimes(oauth: &OAuthOptions, problems: &mut Vec<String>) {
    let lifetimes = [
        ("authorization codes", oauth.code_lifetime),
        ("authorization requests", oauth.request_lifetime),
        ("access tokens", oauth.access_token_lifetime),
        ("ID tokens", oauth.id_token_lifetime),
        ("refresh tokens without use", oauth.refresh_token_idle),
        ("refresh tokens", oauth.refresh_token_lifetime),
        ("codes of devices", oauth.device_code_lifetime),
    ];
    let second = Duration::from_secs(1);
    for (what, lifetime) in lifetimes {
        if lifetime < second {
            problems.push(format!("The lifetime of {what} must be at least a second."));
        }
    }
    if oauth.code_lifetime > OAuthOptions::LONGEST_CODE {
        problems.push("Authorization codes are good for ten minutes at most (RFC 6749, section 4.1.2).".to_owned());
    }
    if oauth.device_poll_interval < second || oauth.device_poll_interval > oauth.device_code_lifetime {
        problems.push(
            "A device waits at least a second between two questions, and not longer than its code is good.".to_owned(),
        );
    }
}

fn check_keys(oauth: &OAuthOptions, problems: &mut Vec<String>) {
    if !oauth.algorithms.contains(&Algorithm::Rs256) {
        problems.push(
            "RS256 must be among the algorithms that tokens are signed with: every client understands it.".to_owned(),
        );
    }
    if oauth.key_rotation <= oauth.key_publication {
        problems.push(
            "A signing key would be replaced before the next one may sign: key_rotation is not above key_publication."
                .to_owned(),
        );
    }
}

fn check_offer(oauth: &OAuthOptions, http: &HttpOptions, problems: &mut Vec<String>) {
    let is_scope = |scope: &str| ScopeSet::parse(scope).is_ok_and(|scopes| scopes.contains(scope));
    let of_resources = oauth.resources.iter().flat_map(|resource| &resource.scopes);
    for scope in oauth.scopes.iter().chain(of_resources).filter(|scope| !is_scope(scope)) {
        problems.push(format!("`{scope}` is not a scope (RFC 6749, section 3.3)."));
    }
    let mut seen = BTreeSet::new();
    for resource in &oauth.resources {
        let uri = resource.uri.as_str();
        if !Url::parse(uri).is_ok_and(|uri| uri.fragment().is_none()) {
            problems.push(format!("The resource `{uri}` must be an absolute URI without a fragment."));
        }
        if uri == http.base_url {
            problems.push(format!("The resource `{uri}` is the base URL, which stands for our own UserInfo."));
        }
        if !seen.insert(uri) {
            problems.push(format!("The resource `{uri}` is there twice."));
        }
    }
}

fn check_pages(oauth: &OAuthOptions, http: &HttpOptions, problems: &mut Vec<String>) {
    for page in [&oauth.login_url, &oauth.consent_url].into_iter().flatten() {
        let plain = page.bytes().all(|byte| byte.is_ascii_graphic()) && !page.contains(['#', '\\']);
        if plain && page.starts_with('/') && !page.starts_with("//") {
            continue;
        }
        let url = Url::parse(page).ok().filter(|url| plain && ["http", "https"].contains(&url.scheme()));
        let Some(url) = url else {
            problems.push(format!(
                "The page `{page}` of an application must be a URL such as https://app.example.com/login, or a path, without a fragment."
            ));
            continue;
        };
        if url.scheme() == "http" && http.base_url.starts_with("https:") {
            problems.push(format!("The page `{page}` of an application must be https, as the base URL is."));
        }
        // A page that may not call us can neither sign anybody in nor agree.
        if !is_trusted(&url, http) {
            problems.push(format!(
                "The page `{page}` of an application must be of an origin that is trusted, or a path of the base URL."
            ));
        }
    }
}

/// Whether the origin of a page is the base URL's own, or one of the trusted ones.
fn is_trusted(page: &Url, http: &HttpOptions) -> bool {
    let origin = page.origin().ascii_serialization();
    let is_of = |trusted: &String| match trusted.split_once('*') {
        Some((before, after)) => origin.starts_with(before) && origin.ends_with(after),
        None => Url::parse(trusted).is_ok_and(|trusted| trusted.origin() == page.origin()),
    };
    is_of(&http.base_url) || http.trusted_origins.iter().any(is_of)
}
