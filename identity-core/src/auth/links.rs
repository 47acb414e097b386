//! The addresses that mails point to. The base URL of the configuration is their only source.

use url::form_urlencoded::byte_serialize;

use crate::config::HttpOptions;
use crate::token::{Token, kind};

type Link<'a> = &'a Token<kind::Verification>;

/// Where a verification link leads when nobody said otherwise.
const HOME: &str = "/";

pub(crate) fn verify_email(http: &HttpOptions, token: Link<'_>, callback_url: Option<&str>) -> String {
    let callback = encode(callback_url.unwrap_or(HOME));
    format!("{}{}/verify-email?token={}&callbackURL={callback}", http.base_url, http.base_path, token.expose())
}

pub(crate) fn reset_password(http: &HttpOptions, token: Link<'_>, redirect_to: Option<&str>) -> String {
    let callback = encode(redirect_to.unwrap_or_default());
    format!("{}{}/reset-password/{}?callbackURL={callback}", http.base_url, http.base_path, token.expose())
}

pub(crate) fn delete_account(http: &HttpOptions, token: Link<'_>, callback_url: Option<&str>) -> String {
    let callback = encode(callback_url.unwrap_or(HOME));
    format!("{}{}/delete-user/callback?token={}&callbackURL={callback}", http.base_url, http.base_path, token.expose())
}

fn encode(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
