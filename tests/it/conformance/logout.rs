//! The modules of oidcc-rp-initiated-logout-certification-test-plan and oidcc-backchannel-rp-initiated-logout-certification-test-plan.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_core::jwt::{Algorithm, peek};
use identity_core::keys::Signer;
use identity_tests::{Page, Told};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::party::random;
use super::suite::BYE;
use super::{Mode, Party, Suite, Tokens};

/// Somebody who is signed in to a client that registered where to go after a logout.
struct Case<'a> {
    client: Party<'a>,
    tokens: Tokens,
}

impl<'a> Deref for Case<'a> {
    type Target = Party<'a>;

    fn deref(&self) -> &Party<'a> {
        &self.client
    }
}

async fn case(suite: &Suite, more: Value) -> Case<'_> {
    let mut metadata = json!({ "post_logout_redirect_uris": [BYE] });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let client = suite.register(metadata).await;
    let tokens = client.signs_in(&client.request()).await;
    Case { client, tokens }
}

impl Case<'_> {
    fn hint(&self) -> &str {
        self.tokens.word("id_token")
    }

    /// Sends the browser to the endpoint, and lets the person confirm where asked.
    async fn logs_out(&self, params: &[(&str, &str)]) -> Page {
        let query = Serializer::new(String::new()).extend_pairs(params).finish();
        let page = self.suite.person.visits(&format!("{}?{query}", self.suite.path("end_session_endpoint"))).await;
        if page.id("logout-confirm").is_some() { page.form("logout-confirm").submit().await } else { page }
    }

    /// Checks that nobody was sent away, and that a page says that it is over.
    async fn stays_here(&self, page: Page) {
        let page = page.at("/ui/logged-out");
        assert!(page.id("logged-out").is_some());
        self.is_over().await;
    }

    /// Checks that a silent request finds nobody.
    async fn is_over(&self) {
        let answer = self.suite.browse(&self.request().with("prompt", "none")).await;
        answer.is_error(&["login_required", "interaction_required"]);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let suite = Suite::start(Mode::Query).await;
    assert!(suite.metadata["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let state = random(128);
    let params = [("id_token_hint", case.hint()), ("post_logout_redirect_uri", BYE), ("state", &state)];
    let page = case.logs_out(&params).await.expect(303);
    assert_eq!(page.url.as_str(), format!("{BYE}?state={state}"), "nothing else");
    case.is_over().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let page = case.logs_out(&[("id_token_hint", case.hint()), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(page.url.as_str(), BYE);
    case.is_over().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let elsewhere = format!("{BYE}/{}", random(8));
    let params = [("id_token_hint", case.hint()), ("post_logout_redirect_uri", &elsewhere), ("state", "s")];
    case.stays_here(case.logs_out(&params).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let with_query = format!("{BYE}?foo=bar");
    let params = [("id_token_hint", case.hint()), ("post_logout_redirect_uri", &with_query), ("state", "s")];
    case.stays_here(case.logs_out(&params).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let payload = case.hint().split('.').nth(1).unwrap();
    let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(json!({ "alg": "none" }).to_string()));
    let params = [("id_token_hint", unsigned.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    case.stays_here(case.logs_out(&params).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    let signer = Signer::generate("of the suite", Algorithm::Rs256).unwrap();
    let hint = signer.sign("JWT", &case.tokens.id).unwrap();
    let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    case.stays_here(case.logs_out(&params).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    case.stays_here(case.logs_out(&[("post_logout_redirect_uri", BYE), ("state", "s")]).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    case.stays_here(case.logs_out(&[]).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    case.stays_here(case.logs_out(&[("id_token_hint", case.hint()), ("state", "s")]).await).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let suite = Suite::start(Mode::Query).await;
    let case = case(&suite, json!({})).await;
    case.stays_here(case.logs_out(&[("state", "s")]).await).await;
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let suite = Suite::start(Mode::Query).await;
    for member in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
        assert_eq!(suite.metadata[member], true);
    }
    let told = Told::start().await;
    let case =
        case(&suite, json!({ "backchannel_logout_uri": told.uri(), "backchannel_logout_session_required": true }))
            .await;
    let params = [("id_token_hint", case.hint()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    assert_eq!(case.logs_out(&params).await.url.as_str(), format!("{BYE}?state=s"));
    let token = told.token(0).await;
    let claims = suite.verified(&token, "logout+jwt", case.id()).await;
    assert_eq!(claims, peek(&token).unwrap());
    assert!(claims["jti"].is_string() && claims["iat"].is_i64() && claims["exp"].is_i64());
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!((&claims["sub"], &claims["sid"]), (&case.tokens.id["sub"], &case.tokens.id["sid"]));
    assert!(!claims.contains_key("nonce"));
    case.is_over().await;
}
