//! The token endpoint: what a code becomes.

use std::time::Duration;

use http::Method;
use identity_core::jwt::{self, Algorithm};
use identity_core::oauth::client::AuthMethod;
use identity_core::user::Ban;
use identity_tests::{Call, RelyingParty, TestApp, claims};
use serde_json::json;

use super::{events, verified};
use crate::flows::row;

#[tokio::test]
async fn a_code_becomes_an_access_token_and_an_id_token() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    app.pass(Duration::from_secs(10));
    let code = party.code(&app, &alice, &party.ask().with("scope", "profile openid")).await;
    let reply = party.redeems(&code).await.expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let answer = reply.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!((&answer["scope"], answer.get("refresh_token")), (&json!("openid profile"), None));

    let user = row(&app, &alice).await;
    let now = app.identity.now().timestamp();
    let id_token = verified(&app, answer["id_token"].as_str().unwrap(), "JWT", "app").await;
    assert_eq!(id_token["sub"], json!(user.id));
    assert_eq!(
        (&id_token["aud"], &id_token["azp"], &id_token["nonce"]),
        (&json!("app"), &json!("app"), &json!("the nonce"))
    );
    assert_eq!(
        (&id_token["iat"], &id_token["exp"], &id_token["auth_time"]),
        (&json!(now), &json!(now + 3600), &json!(now - 10))
    );
    let names: Vec<&str> = id_token.keys().map(String::as_str).collect();
    let expected = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nonce", "sid", "sub"];
    assert_eq!(names, expected, "claims of scopes are left to UserInfo");

    let access = verified(&app, answer["access_token"].as_str().unwrap(), "at+jwt", "http://localhost:8888").await;
    assert_eq!(
        (&access["client_id"], &access["scope"], &access["sub"]),
        (&json!("app"), &json!("openid profile"), &id_token["sub"])
    );
    assert_eq!(
        (&access["exp"], &access["sid"], &access["auth_time"]),
        (&json!(now + 600), &id_token["sid"], &id_token["auth_time"])
    );
    assert!(access["jti"].as_str().unwrap().len() > 20);
}

#[tokio::test]
async fn a_request_without_a_nonce_gives_an_id_token_without_one_and_one_without_openid_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens_for(&app, &alice, &party.ask().without("nonce")).await;
    assert!(claims(tokens["id_token"].as_str().unwrap()).get("nonce").is_none());
    let tokens = party.tokens(&app, &alice, "profile").await;
    assert!(tokens.get("id_token").is_none() && tokens["access_token"].is_string());
}

#[tokio::test]
async fn tokens_are_signed_with_what_the_client_chose() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for algorithm in Algorithm::ALL {
        let party = RelyingParty::with(&app, algorithm.as_str(), AuthMethod::ClientSecretPost, |metadata, policy| {
            metadata.id_token_signed_response_alg = Some(*algorithm);
            policy.access_token_alg = *algorithm;
        })
        .await;
        let code = party.code(&app, &alice, &party.ask()).await;
        let fields = [
            ("client_id", algorithm.as_str()),
            ("client_secret", party.secret.as_deref().unwrap()),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
        ];
        let tokens = party.actor.send(Call::at(Method::POST, "/oauth2/token").form(&fields)).await.expect(200).json();
        for (token, kind, audience) in
            [("id_token", "JWT", algorithm.as_str()), ("access_token", "at+jwt", "http://localhost:8888")]
        {
            let token = tokens[token].as_str().unwrap();
            let _ = verified(&app, token, kind, audience).await;
            let header = jwt::header(token).unwrap();
            assert_eq!(header.algorithm, *algorithm);
            assert!(header.key_id.is_some());
        }
    }
}

#[tokio::test]
async fn a_code_that_comes_back_ends_everything_that_came_of_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask().with("scope", "openid offline_access")).await;
    let tokens = party.redeems(&code).await.expect(200).json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let _ = party.userinfo(access).await.expect(200);
    app.pass(Duration::from_secs(31));
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    party.userinfo(access).await.expect_oauth(401, "invalid_token");
    party.refreshes(refresh).await.expect_oauth(400, "invalid_grant");
    assert_eq!(party.introspects(access).await, json!({ "active": false }));
    assert_eq!(events(&app, "code.replay_detected").await, 1);
}

#[tokio::test]
async fn a_used_code_without_its_verifier_does_no_harm() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    let tokens = party.redeems(&code).await.expect(200).json();
    let stolen = [("grant_type", "authorization_code"), ("code", code.as_str())];
    party.post("/oauth2/token", &stolen).await.expect_oauth(400, "invalid_grant");
    let _ = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute_or_as_long_as_the_policy_says() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    app.pass(Duration::from_mins(1));
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    let short = RelyingParty::with(&app, "short", AuthMethod::None, |_, policy| policy.code_lifetime = Some(5)).await;
    let code = short.code(&app, &alice, &short.ask()).await;
    app.pass(Duration::from_secs(5));
    short.redeems(&code).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_in_the_hands_of_another_client_is_burnt() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (party, thief) =
        (RelyingParty::confidential(&app, "app").await, RelyingParty::confidential(&app, "thief").await);
    let code = party.code(&app, &alice, &party.ask()).await;
    thief.redeems(&code).await.expect_oauth(400, "invalid_grant");
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    assert_eq!(events(&app, "code.replay_detected").await, 1);
}

#[tokio::test]
async fn a_code_is_bound_to_verifier_and_redirect_uri() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party =
        RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| policy.require_pkce = false).await;
    let verifier = ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce");
    let uri = ("redirect_uri", "https://app.example.test/callback");
    let wrong_verifier = ("code_verifier", "another-verifier-that-is-long-enough-for-pkce-too");
    let with = party.ask();
    let without = party.ask().without("code_challenge").without("code_challenge_method");
    let cases: [(_, &[(&str, &str)], u16); 10] = [
        (&with, &[verifier, uri], 200),
        (&with, &[verifier], 200),
        (&with, &[uri], 400),
        (&with, &[wrong_verifier, uri], 400),
        (&with, &[("code_verifier", "short"), uri], 400),
        (&with, &[verifier, ("redirect_uri", "https://app.example.test/other")], 400),
        (&without, &[uri], 200),
        (&without, &[verifier, uri], 400),
        (&without, &[], 400),
        (&without, &[("redirect_uri", "https://app.example.test/callback/")], 400),
    ];
    for (ask, fields, status) in cases {
        let code = party.code(&app, &alice, ask).await;
        let fields = [&[("grant_type", "authorization_code"), ("code", code.as_str())], fields].concat();
        let reply = party.post("/oauth2/token", &fields).await.expect(status);
        if status == 400 {
            reply.expect_oauth(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn a_code_is_no_use_once_its_session_is_over_or_its_user_is_banned() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    let _ = alice.signs_out().await.expect(200);
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    let code = party.code(&app, &bob, &party.ask()).await;
    let id = row(&app, &bob).await.id;
    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn claims_stand_in_the_id_token_where_they_were_asked_for_or_the_policy_says_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let wanted = json!({ "id_token": { "email": null, "given_name": { "essential": true } } }).to_string();
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("claims", wanted)).await;
    let told = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&told["email"], told.get("given_name"), told.get("name")), (&json!("alice@example.test"), None, None));
    let simple = RelyingParty::with(&app, "simple", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.claims_in_id_token = true;
    })
    .await;
    let tokens = simple.tokens(&app, &alice, "openid email profile").await;
    let told = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&told["email"], &told["name"]), (&json!("alice@example.test"), &json!("alice")));
}
