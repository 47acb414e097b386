//! Introspection: what a client is told about a token.

use std::time::Duration;

use identity_core::config::ResourceSpec;
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod};
use identity_tests::{RelyingParty, TestApp};
use serde_json::{Value, json};

use crate::flows::row;

const API: &str = "https://api.example.test";

async fn app() -> TestApp {
    let change = |config: &mut identity_core::config::Config| {
        let client = Some("api".to_owned());
        config.oauth.resources = vec![ResourceSpec { opaque: true, client, ..ResourceSpec::new(API) }];
    };
    TestApp::builder().config(change).start().await
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn a_client_is_told_about_its_own_tokens_whatever_they_look_like() {
    let app = app().await;
    let alice = app.user("alice").await;
    let sub = json!(row(&app, &alice).await.id);
    for (id, format) in [("signed", AccessTokenFormat::Jwt), ("opaque", AccessTokenFormat::Opaque)] {
        let party = RelyingParty::with(&app, id, AuthMethod::ClientSecretBasic, |_, policy| {
            policy.access_token_format = format;
        })
        .await;
        let tokens = party.tokens(&app, &alice, "openid offline_access").await;
        let told = party.introspects(tokens["access_token"].as_str().unwrap()).await;
        let now = app.identity.now().timestamp();
        for (name, value) in [
            ("active", json!(true)),
            ("sub", sub.clone()),
            ("client_id", json!(id)),
            ("scope", json!("offline_access openid")),
            ("token_type", json!("Bearer")),
            ("iss", json!("http://localhost:8888")),
            ("aud", json!("http://localhost:8888")),
            ("iat", json!(now)),
            ("exp", json!(now + 600)),
        ] {
            assert_eq!(told[name], value, "{name}: {told}");
        }
        assert!(told["jti"].is_string() && told.get("family").is_none());
        let told = party.introspects(tokens["refresh_token"].as_str().unwrap()).await;
        assert_eq!((&told["active"], &told["sub"], &told["client_id"]), (&json!(true), &sub, &json!(id)));
        app.pass(Duration::from_mins(10));
        assert_eq!(party.introspects(tokens["access_token"].as_str().unwrap()).await, inactive());
    }
}

#[tokio::test]
async fn tokens_of_others_and_what_is_no_token_are_not_active() {
    let app = app().await;
    let alice = app.user("alice").await;
    let (party, other) =
        (RelyingParty::confidential(&app, "app").await, RelyingParty::confidential(&app, "other").await);
    let tokens = party.tokens(&app, &alice, "openid offline_access").await;
    for token in ["access_token", "refresh_token", "id_token"] {
        assert_eq!(other.introspects(tokens[token].as_str().unwrap()).await, inactive(), "{token}");
    }
    for token in ["x", "a.b.c", "é", tokens["id_token"].as_str().unwrap()] {
        assert_eq!(party.introspects(token).await, inactive());
    }
}

#[tokio::test]
async fn the_client_of_a_resource_is_told_about_the_tokens_for_it() {
    let app = app().await;
    let alice = app.user("alice").await;
    let api = RelyingParty::confidential(&app, "api").await;
    let party = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.resources = vec![API.to_owned()];
    })
    .await;
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("resource", API)).await;
    let told = api.introspects(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&told["active"], &told["aud"], &told["client_id"]), (&json!(true), &json!(API), &json!("app")));
    let tokens = party.tokens(&app, &alice, "openid").await;
    assert_eq!(api.introspects(tokens["access_token"].as_str().unwrap()).await, inactive());
}

#[tokio::test]
async fn only_a_client_that_proves_itself_may_ask() {
    let app = app().await;
    let alice = app.user("alice").await;
    let page = RelyingParty::public(&app, "page").await;
    let tokens = page.tokens(&app, &alice, "openid").await;
    let token = [("token", tokens["access_token"].as_str().unwrap())];
    page.post("/oauth2/introspect", &token).await.expect_oauth(401, "invalid_client");
    let party = RelyingParty::confidential(&app, "app").await;
    party.post("/oauth2/introspect", &[]).await.expect_oauth(400, "invalid_request");
    let nobody = RelyingParty { secret: Some("wrong".to_owned()), ..party };
    nobody.post("/oauth2/introspect", &token).await.expect_oauth(401, "invalid_client");
}
