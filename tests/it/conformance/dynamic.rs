//! The modules of oidcc-dynamic-certification-test-plan that need no token from the authorization endpoint.

use std::time::{Duration, Instant};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use identity_core::jwt::{self, Algorithm, JwkSet};
use identity_core::keys::Signer;
use identity_tests::{Site, SiteAnswer};
use serde_json::{Value, json};

use super::suite::CALLBACK;
use super::{Mode, Suite};

/// How long the server may take to see what another process of its did.
const PATIENCE: Duration = Duration::from_secs(30);

fn key(id: &str) -> Signer {
    Signer::generate(id, Algorithm::Rs256).unwrap()
}

fn jwks(key: &Signer) -> Value {
    json!({ "keys": [key.jwk().unwrap()] })
}

#[tokio::test]
async fn oidcc_idtoken_rs256() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.register(json!({ "id_token_signed_response_alg": "RS256" })).await;
    let tokens = client.signs_in(&client.request()).await;
    assert_eq!(jwt::header(tokens.word("id_token")).unwrap().algorithm, Algorithm::Rs256);
}

#[tokio::test]
async fn oidcc_userinfo_rs256() {
    let suite = Suite::start(Mode::Query).await;
    assert!(suite.metadata["userinfo_signing_alg_values_supported"].as_array().unwrap().contains(&json!("RS256")));
    let client = suite.register(json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let tokens = client.signs_in(&client.request()).await;
    let reply = suite.userinfo(Method::GET, tokens.word("access_token")).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/jwt"));
    let token = reply.text();
    assert_eq!(jwt::header(&token).unwrap().algorithm, Algorithm::Rs256);
    assert!(is_signed(&token, &suite.keys().await), "by a published key");
    let told = jwt::peek(&token).unwrap();
    assert_eq!((&told["iss"], &told["aud"]), (&json!(suite.issuer()), &json!(client.id())));
    assert_eq!((&told["sub"], told.get("nonce")), (&tokens.id["sub"], None));
    assert!(!told.contains_key("exp"), "it could be taken for an ID token");
}

/// Whether one of the RSA keys has signed a token. Signed UserInfo has no end, without which nothing of ours verifies a token.
fn is_signed(token: &str, keys: &JwkSet) -> bool {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    keys.keys.iter().any(|key| match serde_json::to_value(&key.algorithm).unwrap() {
        jwk if jwk["kty"] == "RSA" => {
            let [n, e] = ["n", "e"].map(|name| bytes(jwk[name].as_str().unwrap()));
            let key = RsaPublicKeyComponents { n, e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &bytes(signature)).is_ok()
        }
        _ => false,
    })
}

#[tokio::test]
async fn oidcc_ensure_redirect_uri_in_authorization_request() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.register(json!({ "redirect_uris": [CALLBACK, format!("{CALLBACK}/2")] })).await;
    suite.is_shown_an_error(&client.request().without("redirect_uri")).await;
}

#[tokio::test]
async fn oidcc_redirect_uri_query_ok() {
    let suite = Suite::start(Mode::Query).await;
    let uri = format!("{CALLBACK}?foo=bar");
    let client = suite.register(json!({ "redirect_uris": [uri] })).await;
    let request = client.request();
    let address = format!("{}?{}", suite.path("authorization_endpoint"), request.query());
    let login = suite.person.visits(&address).await;
    let page = suite.signs_in(&login).await.form("consent-allow").submit().await;
    assert!(page.url.as_str().starts_with(&format!("{uri}&")), "the query is kept: {}", page.url);
    let answer = suite.browse(&request).await;
    let _ = client.tokens(&request, &answer).await;
}

#[tokio::test]
async fn oidcc_redirect_uri_query_mismatch() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.register(json!({ "redirect_uris": [format!("{CALLBACK}?foo=bar")] })).await;
    for other in [format!("{CALLBACK}?foo=baz"), format!("{CALLBACK}?foo=bar&foo=baz"), CALLBACK.to_owned()] {
        suite.is_shown_an_error(&client.request().with("redirect_uri", other)).await;
    }
}

#[tokio::test]
async fn oidcc_redirect_uri_query_added() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    suite.is_shown_an_error(&client.request().with("redirect_uri", format!("{CALLBACK}?foo=bar"))).await;
}

#[tokio::test]
async fn oidcc_redirect_uri_regfrag() {
    let suite = Suite::start(Mode::Query).await;
    let metadata = json!({ "redirect_uris": [format!("{CALLBACK}#fragment")] });
    suite.registers(&metadata).await.expect_oauth(400, "invalid_redirect_uri");
}

#[tokio::test]
async fn oidcc_server_with_private_key_jwt() {
    let suite = Suite::start(Mode::Query).await;
    let key = key("of the suite");
    let client = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(&key) });
    let client = suite.register(client).await.with_key(key);
    assert!(client.document.get("client_secret").is_none());
    let _ = client.signs_in(&client.request()).await;
}

#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    let suite = Suite::start(Mode::Query).await;
    let key = key("of the suite");
    let client = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(&key) });
    let client = suite.register(client).await.with_key(key);
    let request = client.request();
    let answer = suite.browse(&request).await;
    let assertion = client.assertion(&json!({ "aud": suite.issuer() }));
    let fields = [("grant_type", "authorization_code"), ("code", answer.code()), ("redirect_uri", CALLBACK)];
    let reply = client.posts_with(&assertion, &fields).await.expect(200);
    let _ = client.checked(&request, &reply).await;
}

#[tokio::test]
async fn oidcc_registration_logo_uri() {
    let suite = Suite::start(Mode::Query).await;
    let theirs = Site::start(SiteAnswer::Text("GIF89a and the rest of it".to_owned())).await;
    let client = suite.register(json!({ "logo_uri": theirs.url() })).await;
    let page = suite.login_page(&client).await;
    let picture = page.tags().iter().find(|tag| tag.name == "img").expect("the logo");
    assert_eq!(picture.get("src"), Some(format!("/ui/logo?client_id={}", client.id()).as_str()));
}

#[tokio::test]
async fn oidcc_registration_policy_uri() {
    let suite = Suite::start(Mode::Query).await;
    let uri = "https://suite.example.test/policy";
    let client = suite.register(json!({ "policy_uri": uri })).await;
    assert!(suite.login_page(&client).await.tags().iter().any(|tag| tag.get("href") == Some(uri)));
}

#[tokio::test]
async fn oidcc_registration_tos_uri() {
    let suite = Suite::start(Mode::Query).await;
    let uri = "https://suite.example.test/terms";
    let client = suite.register(json!({ "tos_uri": uri })).await;
    assert!(suite.login_page(&client).await.tags().iter().any(|tag| tag.get("href") == Some(uri)));
}

#[tokio::test]
async fn whoever_registered_itself_is_said_to_have_done_so() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let login = suite.login_page(&client).await;
    let consent = suite.signs_in(&login).await.at("/ui/consent");
    assert!(consent.text().contains("has registered itself. Nobody here has checked"), "{}", consent.text());
}

#[tokio::test]
async fn oidcc_registration_jwks_uri() {
    let suite = Suite::start(Mode::Query).await;
    let key = key("of the suite");
    let theirs = Site::start(SiteAnswer::Document(jwks(&key))).await;
    let client = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": theirs.url() });
    let client = suite.register(client).await.with_key(key);
    let _ = client.signs_in(&client.request()).await;
    assert_eq!(theirs.asked(), 1);
}

#[tokio::test]
async fn oidcc_registration_sector_uri() {
    let suite = Suite::start(Mode::Query).await;
    let theirs = Site::start(SiteAnswer::Document(json!([CALLBACK, "https://other.example.test/callback"]))).await;
    let pairwise = json!({ "subject_type": "pairwise", "sector_identifier_uri": theirs.url() });
    let client = suite.register(pairwise).await;
    let public = suite.client().await;
    let told = client.signs_in(&client.request()).await;
    assert_ne!(told.id["sub"], public.signs_in(&public.request()).await.id["sub"]);
}

#[tokio::test]
async fn oidcc_registration_sector_bad() {
    let suite = Suite::start(Mode::Query).await;
    let theirs = Site::start(SiteAnswer::Document(json!(["https://other.example.test/callback"]))).await;
    let pairwise =
        json!({ "redirect_uris": [CALLBACK], "subject_type": "pairwise", "sector_identifier_uri": theirs.url() });
    suite.registers(&pairwise).await.expect_oauth(400, "invalid_client_metadata");
}

#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let suite = Suite::start(Mode::Query).await;
    let ids = async || -> Vec<String> {
        let keys = suite.keys().await;
        keys.keys.iter().map(|key| key.common.key_id.clone().unwrap()).collect()
    };
    let before = ids().await;
    let (rotated, said) = suite.server.command(&["keys", "rotate"]).await;
    assert!(rotated, "{said}");
    let began = Instant::now();
    loop {
        let after = ids().await;
        assert!(before.iter().all(|id| after.contains(id)), "the old keys are still there");
        if after.len() > before.len() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no new key: {said}");
    }
}

#[tokio::test]
async fn oidcc_refresh_token_rp_key_rotation() {
    let suite = Suite::start(Mode::Query).await;
    let (old, new) = (key("old"), key("new"));
    let theirs = Site::start(SiteAnswer::Document(jwks(&old))).await;
    let client = suite
        .register(json!({
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": theirs.url(),
            "grant_types": ["authorization_code", "refresh_token"],
        }))
        .await
        .with_key(old);
    let request = client.request().with("scope", "openid offline_access").with("prompt", "consent");
    let tokens = client.signs_in(&request).await;
    theirs.answers(SiteAnswer::Document(jwks(&new)));
    let client = client.with_key(new);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.word("refresh_token"))];
    let began = Instant::now();
    loop {
        // A theirs is not asked again within seconds, whatever keys a stranger names.
        let reply = client.posts("token_endpoint", &fields).await;
        if reply.status == 200 {
            break;
        }
        reply.expect_oauth(401, "invalid_client");
        assert!(began.elapsed() < PATIENCE, "the new key is never looked for");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
