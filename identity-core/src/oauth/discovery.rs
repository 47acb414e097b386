//! What the server says of itself (OpenID Connect Discovery, section 3; RFC 8414, section 2), made from what is enabled.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::client::{AuthMethod, GrantType};
use super::{OAuth, claims, offer};
use crate::config::Registration;
use crate::error::Result;
use crate::jwt::{Algorithm, JwkSet};
use crate::keys;

/// The languages of the pages.
const LOCALES: [&str; 2] = ["en", "fr"];

impl OAuth<'_> {
    /// The metadata of the server.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        let config = &self.shared.config;
        let (issuer, options) = (config.http.base_url.as_str(), &config.oauth);
        let at = |path: &str| json!(format!("{issuer}{path}"));
        let names = |algorithms: &[Algorithm]| json!(algorithms.iter().map(|one| one.as_str()).collect::<Vec<_>>());
        let methods: Vec<&str> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
        let proving: Vec<&&str> = methods.iter().filter(|method| **method != AuthMethod::None.as_str()).collect();
        let about_sign_in =
            ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid"];
        let mut metadata = Map::new();
        let mut set = |name: &str, value: Value| metadata.insert(name.to_owned(), value);
        set("issuer", json!(issuer));
        set("authorization_endpoint", at("/oauth2/authorize"));
        set("token_endpoint", at("/oauth2/token"));
        set("userinfo_endpoint", at("/oauth2/userinfo"));
        set("jwks_uri", at("/oauth2/jwks"));
        set("device_authorization_endpoint", at("/oauth2/device"));
        set("introspection_endpoint", at("/oauth2/introspect"));
        set("revocation_endpoint", at("/oauth2/revoke"));
        set("end_session_endpoint", at("/oauth2/logout"));
        if !matches!(options.registration, Registration::Off) {
            set("registration_endpoint", at("/oauth2/register"));
        }
        set("scopes_supported", json!(offer::scopes(options).iter().collect::<Vec<_>>()));
        set("response_types_supported", json!(["code"]));
        set("response_modes_supported", json!(["query", "form_post"]));
        set("grant_types_supported", json!(GrantType::ALL.iter().map(|grant| grant.as_str()).collect::<Vec<_>>()));
        set("code_challenge_methods_supported", json!(["S256"]));
        set("authorization_response_iss_parameter_supported", json!(true));
        set("subject_types_supported", json!(["public", "pairwise"]));
        set("id_token_signing_alg_values_supported", names(&options.algorithms));
        set("userinfo_signing_alg_values_supported", names(&options.algorithms));
        set("token_endpoint_auth_methods_supported", json!(methods));
        set("token_endpoint_auth_signing_alg_values_supported", names(Algorithm::ALL));
        set("introspection_endpoint_auth_methods_supported", json!(proving));
        set("introspection_endpoint_auth_signing_alg_values_supported", names(Algorithm::ALL));
        set("revocation_endpoint_auth_methods_supported", json!(methods));
        set("revocation_endpoint_auth_signing_alg_values_supported", names(Algorithm::ALL));
        set("request_parameter_supported", json!(false));
        set("request_uri_parameter_supported", json!(false));
        set("claims_parameter_supported", json!(true));
        set("claim_types_supported", json!(["normal"]));
        set("claims_supported", json!(about_sign_in.into_iter().chain(claims::all()).collect::<Vec<_>>()));
        set("acr_values_supported", json!(offer::ACR_VALUES));
        set("prompt_values_supported", json!(["none", "login", "consent", "select_account", "create"]));
        set("display_values_supported", json!(["page"]));
        set("ui_locales_supported", json!(LOCALES));
        set("backchannel_logout_supported", json!(true));
        set("backchannel_logout_session_supported", json!(true));
        metadata
    }

    /// The public keys of the server (RFC 7517).
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn jwks(&self) -> Result<Arc<JwkSet>> {
        keys::public(self.shared).await
    }

    /// The public keys, if there is one for every algorithm and the database was asked for them within the last five seconds; otherwise
    /// `None`, and [`OAuth::jwks`] reads or makes them. While the database does not answer, they may be five minutes old.
    #[must_use]
    pub fn cached_jwks(&self) -> Option<Arc<JwkSet>> {
        keys::cached_public(self.shared)
    }
}
