//! What is wrong with the choices for the authorization server.

use url::Url;

use super::MIN_SERVICE_SECRET;
use crate::config::{OAuthOptions, Registration};
use crate::jwt::Algorithm;

pub(super) fn check(oauth: &OAuthOptions, problems: &mut Vec<String>) {
    check_registration(&oauth.registration, problems);
    check_keys(oauth, problems);
    check_pages(oauth, problems);
}

fn check_registration(registration: &Registration, problems: &mut Vec<String>) {
    let Registration::WithToken(token) = registration else { return };
    if token.expose().chars().count() < MIN_SERVICE_SECRET {
        problems.push(format!(
            "The initial access token with which clients are registered must have at least {MIN_SERVICE_SECRET} characters."
        ));
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

fn check_pages(oauth: &OAuthOptions, problems: &mut Vec<String>) {
    for page in [&oauth.login_url, &oauth.consent_url].into_iter().flatten() {
        let plain = page.bytes().all(|byte| byte.is_ascii_graphic()) && !page.contains(['#', '\\']);
        if plain && page.starts_with('/') && !page.starts_with("//") {
            continue;
        }
        let is_url = Url::parse(page).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
        if !plain || !is_url {
            problems.push(format!(
                "The page `{page}` of an application must be a URL such as https://app.example.com/login, or a path, without a fragment."
            ));
        }
    }
}
