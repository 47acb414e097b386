//! What anybody may send to the authorization server, piece by piece, for the fuzz targets.

use super::authorize::ClientAnswer;
use super::client::Client;
use super::device::model;
use super::params::Params;
use super::request::{AuthorizationRequest, ClientChecked, Hint, everything_is_text};
use crate::config::Config;
use crate::crypto::hmac;
use crate::family::Presented;
use crate::token::Token;

/// What the checks say of an authorization request.
#[derive(Debug)]
pub enum Checked {
    /// It is refused on a page.
    Refused,
    /// The client hears that something is wrong.
    Answered(ClientAnswer),
    /// It is good, and would be stored as this JSON.
    Stored(String),
}

/// Checks the request of a client that is known.
///
/// # Panics
/// When a request that is good does not survive being stored.
#[must_use]
pub fn authorization(client: Client, config: &Config, params: &Params) -> Checked {
    if everything_is_text(params).is_err() {
        return Checked::Refused;
    }
    let Ok(checked) = ClientChecked::of(client, params) else { return Checked::Refused };
    match checked.request(config, Hint::Absent) {
        Err(error) => Checked::Answered(checked.refusal(&config.http.base_url, &error)),
        Ok(request) => {
            let stored = serde_json::to_string(&request).unwrap_or_default();
            let read = serde_json::from_str::<AuthorizationRequest>(&stored).ok();
            assert!(read.as_ref() == Some(&request), "{request:?} is read as {read:?}");
            Checked::Stored(stored)
        }
    }
}

/// Whether a text is a refresh token that this key has made.
#[must_use]
pub fn is_genuine(key: &hmac::Key, text: &str) -> bool {
    Presented::parse(key, &Token::presented(text)).is_some_and(|presented| presented.is_genuine())
}

/// Whether a text can be the code of a device.
#[must_use]
pub fn is_user_code(key: &hmac::Key, text: &str) -> bool {
    model::digest(key, text).is_some()
}
