//! What our pages read, piece by piece, for tests that try more than whole requests can carry.

use super::texts::Language;
use crate::facade::bridge::with_parameters;

/// The tag of the language that `ui_locales` chooses.
#[must_use]
pub fn ui_locales(tags: &str) -> Option<&'static str> {
    Language::of_tags(tags).map(Language::tag)
}

/// The tag of the language that an `Accept-Language` header chooses.
#[must_use]
pub fn accept_language(header: &str) -> Option<&'static str> {
    Language::of_accept_language(header).map(Language::tag)
}

/// Where an answer in the query leads.
#[must_use]
pub fn answer(redirect_uri: &str, params: &[(&'static str, String)]) -> String {
    with_parameters(redirect_uri, params)
}
