//! Requests in all their forms, each of which leads to a sign-in.

use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use identity_tests::challenge;
use serde_json::json;

use crate::conformance::party::random;
use crate::conformance::suite::CALLBACK;
use crate::conformance::{Suite, in_both_modes};

in_both_modes! {
    oidcc_server,
    oidcc_response_type_missing,
    oidcc_idtoken_signature,
    oidcc_idtoken_unsigned,
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow,
    oidcc_alternate_happy_flow,
    oidcc_display_page,
    oidcc_display_popup,
    oidcc_ensure_request_with_unknown_parameter_succeeds,
    oidcc_login_hint,
    oidcc_ui_locales,
    oidcc_claims_locales,
    oidcc_ensure_request_with_acr_values_succeeds,
    oidcc_ensure_registered_redirect_uri,
    oidcc_ensure_post_request_succeeds,
    oidcc_server_client_secret_post,
    oidcc_ensure_request_with_valid_pkce_succeeds,
}

async fn oidcc_server(suite: &Suite) {
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    assert_eq!(answer.get("iss"), Some(suite.issuer().as_str()));
    let tokens = client.tokens(&request, &answer).await;
    assert_eq!(tokens.id["at_hash"], at_hash(tokens.word("access_token")));
    client.removes_itself().await;
}

/// The left half of the digest of an access token (OpenID Connect Core, section 3.1.3.6).
fn at_hash(access_token: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let digest = URL_SAFE_NO_PAD.decode(challenge(access_token)).unwrap();
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

async fn oidcc_response_type_missing(suite: &Suite) {
    let client = suite.client().await;
    let answer = suite.browse(&client.request().without("response_type")).await;
    answer.is_error(&["unsupported_response_type", "invalid_request"]);
}

async fn oidcc_idtoken_signature(suite: &Suite) {
    let client = suite.client().await;
    assert!(client.document.get("id_token_signed_response_alg").is_none_or(|value| value == "RS256"));
    let _ = client.signs_in(&client.request()).await;
}

/// Certification lets this module go where nobody offers `none`.
async fn oidcc_idtoken_unsigned(suite: &Suite) {
    let offered = suite.metadata["id_token_signing_alg_values_supported"].as_array().unwrap();
    assert!(!offered.contains(&json!("none")));
    let unsigned = json!({ "redirect_uris": [CALLBACK], "id_token_signed_response_alg": "none" });
    suite.registers(&unsigned).await.expect_oauth(400, "invalid_client_metadata");
}

async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(suite: &Suite) {
    let client = suite.client().await;
    let tokens = client.signs_in(&client.request().without("nonce")).await;
    assert!(!tokens.id.contains_key("nonce"));
}

async fn oidcc_alternate_happy_flow(suite: &Suite) {
    let client = suite.client().await;
    let request = client.request().with("scope", "phone address email profile openid").reversed();
    let _ = client.signs_in(&request).await;
}

async fn oidcc_display_page(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("display", "page")).await;
}

async fn oidcc_display_popup(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("display", "popup")).await;
}

async fn oidcc_ensure_request_with_unknown_parameter_succeeds(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("extra", "foobar")).await;
}

async fn oidcc_login_hint(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("login_hint", "buffy@localhost")).await;
}

async fn oidcc_ui_locales(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("ui_locales", "se")).await;
}

async fn oidcc_claims_locales(suite: &Suite) {
    let client = suite.client().await;
    let _ = client.signs_in(&client.request().with("claims_locales", "se")).await;
}

async fn oidcc_ensure_request_with_acr_values_succeeds(suite: &Suite) {
    let client = suite.client().await;
    let offered = suite.metadata["acr_values_supported"].as_array().unwrap();
    let offered: Vec<&str> = offered.iter().map(|value| value.as_str().unwrap()).collect();
    let tokens = client.signs_in(&client.request().with("acr_values", offered.join(" "))).await;
    assert!(offered.contains(&tokens.id["acr"].as_str().unwrap()), "{:?}", tokens.id);
}

async fn oidcc_ensure_registered_redirect_uri(suite: &Suite) {
    let client = suite.client().await;
    let elsewhere = format!("{CALLBACK}/{}", random(10));
    suite.is_shown_an_error(&client.request().with("redirect_uri", elsewhere)).await;
}

async fn oidcc_ensure_post_request_succeeds(suite: &Suite) {
    let client = suite.client().await;
    let request = client.request();
    let posted = suite.person.request_at(Method::POST, &suite.path("authorization_endpoint"));
    let posted =
        posted.header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(ORIGIN, "https://suite.example.test");
    let reply = suite.person.send(posted.body(request.query())).await.expect(303);
    let page = suite.person.visits(reply.header("location").unwrap()).await;
    let answer = suite.goes_on(page, &request).await;
    let _ = client.tokens(&request, &answer).await;
}

async fn oidcc_server_client_secret_post(suite: &Suite) {
    let client = suite.register(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let _ = client.signs_in(&client.request()).await;
}

async fn oidcc_ensure_request_with_valid_pkce_succeeds(suite: &Suite) {
    let client = suite.client().await;
    let verifier = random(64);
    let request = client.request().with("code_challenge", challenge(&verifier)).with("code_challenge_method", "S256");
    let answer = suite.browse(&request).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", answer.code()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", &verifier),
    ];
    let reply = client.posts("token_endpoint", &fields).await.expect(200);
    let _ = client.checked(&request, &reply).await;
}
