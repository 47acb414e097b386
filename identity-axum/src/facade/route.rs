//! Where the pages of an authorization are, for those who send a browser there.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use identity_core::id::GrantId;
use identity_core::oauth::Step;
use serde_json::json;
use url::form_urlencoded::Serializer;

/// Our page for signing in.
pub(crate) const LOGIN: &str = "/ui/login";
/// Our page for signing up.
pub(crate) const REGISTER: &str = "/ui/register";
/// Our page of whoever is signed in.
pub(crate) const ACCOUNT: &str = "/ui/account";
/// Our page for agreeing.
pub(crate) const CONSENT: &str = "/ui/consent";

/// The parameter with a pending authorization.
pub(crate) const GRANT: &str = "grant";

/// Our page of a step.
pub(crate) fn page_of(step: &Step) -> &'static str {
    match step {
        Step::Login => LOGIN,
        Step::Register => REGISTER,
        Step::SelectAccount => ACCOUNT,
        Step::Consent { .. } => CONSENT,
    }
}

/// Our page of a step, for the authorization that waits for it.
pub(crate) fn address_of(step: &Step, grant: &GrantId) -> String {
    let query = Serializer::new(String::new()).append_pair(GRANT, grant.as_str()).finish();
    format!("{}?{query}", page_of(step))
}

/// Tells a script where to send the browser, in the words of the official Better Auth client.
pub(crate) fn told(url: &str) -> Response {
    Json(json!({ "redirect": true, "url": url })).into_response()
}
