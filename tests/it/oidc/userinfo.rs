//! UserInfo: the claims that an access token opens.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::AUTHORIZATION;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::AuthMethod;
use identity_core::testing::ManualClock;
use identity_core::time::after;
use identity_tests::{Call, RelyingParty, TestApp, claims};
use serde_json::{Value, json};

use crate::flows::row;

fn everything() -> Value {
    json!({
        "given_name": "Ann", "family_name": "Archer", "middle_name": "A.", "nickname": "annie", "preferred_username": "ann",
        "profile": "https://example.org/ann", "picture": "https://example.org/ann.png", "website": "https://ann.example",
        "gender": "female", "birthdate": "1990-12-31", "zoneinfo": "Europe/Paris", "locale": "en-US",
        "phone_number": "+12025550100", "phone_number_verified": true, "address": { "formatted": "1 Street", "country": "FR" },
    })
}

#[tokio::test]
async fn each_scope_opens_its_claims() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let user = row(&app, &alice).await;
    app.identity.users().set_claims(&user.id, everything().as_object().unwrap()).await.unwrap();
    let party = RelyingParty::confidential(&app, "app").await;
    let told = async |scope: &str| {
        let tokens = party.tokens(&app, &alice, scope).await;
        let reply = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        reply.json()
    };
    assert_eq!(told("openid").await, json!({ "sub": user.id }));
    assert_eq!(told("openid email").await, json!({ "sub": user.id, "email": alice.email, "email_verified": false }));
    let phone = json!({ "sub": user.id, "phone_number": "+12025550100", "phone_number_verified": true });
    assert_eq!(told("openid phone").await, phone);
    assert_eq!(
        told("openid address").await,
        json!({ "sub": user.id, "address": { "formatted": "1 Street", "country": "FR" } })
    );
    let profile = told("openid profile").await;
    for name in [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
    ] {
        assert!(profile[name].is_string(), "{name}: {profile}");
    }
    assert!(profile["updated_at"].is_i64() && profile.get("email").is_none());
    let all = told("openid profile email address phone").await;
    assert_eq!(all.as_object().unwrap().len(), 1 + 14 + 2 + 1 + 2);
}

#[tokio::test]
async fn claims_can_be_asked_for_one_by_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let wanted = json!({ "userinfo": { "name": { "essential": true }, "email": null, "gender": null } }).to_string();
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("claims", wanted)).await;
    let told = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    let sub = row(&app, &alice).await.id;
    assert_eq!(told, json!({ "sub": sub, "name": "alice", "email": alice.email }));
    assert!(claims(tokens["id_token"].as_str().unwrap()).get("name").is_none());
    let narrow = RelyingParty::with(&app, "narrow", AuthMethod::ClientSecretBasic, |metadata, _| {
        metadata.scope = Some(["openid", "profile"].into_iter().collect());
    })
    .await;
    let wanted = json!({ "userinfo": { "name": null, "email": null } }).to_string();
    let tokens = narrow.tokens_for(&app, &alice, &narrow.ask().with("claims", wanted)).await;
    let told = narrow.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(told, json!({ "sub": sub, "name": "alice" }), "no claim of a scope that the client may not have");
}

#[tokio::test]
async fn the_token_comes_in_the_header_or_the_form_and_not_in_the_query() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens(&app, &alice, "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    let send = async |call: Call| party.actor.send(call).await;
    let at = |method: Method| Call::at(method, "/oauth2/userinfo");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let _ = send(at(Method::GET).header(AUTHORIZATION, format!("{scheme} {token}"))).await.expect(200);
    }
    let _ = send(at(Method::POST).header(AUTHORIZATION, format!("Bearer {token}"))).await.expect(200);
    let _ = send(at(Method::POST).form(&[("access_token", token)])).await.expect(200);
    let both = at(Method::POST).form(&[("access_token", token)]).header(AUTHORIZATION, format!("Bearer {token}"));
    send(both).await.expect_oauth(400, "invalid_request");
    let reply = send(Call::at(Method::GET, &format!("/oauth2/userinfo?access_token={token}"))).await;
    reply.expect_oauth(401, "invalid_token");
    let metadata = "http://localhost:8888/.well-known/oauth-protected-resource";
    let challenge = &*format!("Bearer realm=\"identity\", resource_metadata=\"{metadata}\"");
    assert_eq!(reply.header("www-authenticate"), Some(challenge));
    send(at(Method::GET).header(AUTHORIZATION, "Basic YTpi")).await.expect_oauth(400, "invalid_request");
    send(at(Method::DELETE)).await.expect_oauth(405, "invalid_request");
}

#[tokio::test]
async fn nodes_whose_clocks_differ_by_seconds_take_each_others_tokens() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let clock = Arc::new(ManualClock::at(after(app.identity.now(), Duration::from_secs(10))));
    let ahead = TestApp::builder().beside(&app).clock(Arc::clone(&clock)).start().await;
    let there = RelyingParty { actor: ahead.actor("backend"), ..party.clone() };
    let tokens = there.tokens(&ahead, &alice, "openid").await;
    let (access, id_token) = (tokens["access_token"].as_str().unwrap(), tokens["id_token"].as_str().unwrap());
    let _ = party.userinfo(access).await.expect(200);
    assert_eq!(party.introspects(access).await["active"], true);
    let hinted = party.ask().with("id_token_hint", id_token);
    assert!(!party.code(&app, &alice, &hinted).await.is_empty());

    clock.advance(Duration::from_secs(1));
    let tokens = there.tokens(&ahead, &alice, "openid").await;
    party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
    app.pass(Duration::from_secs(1));
    let _ = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);

    let own = party.tokens(&app, &alice, "openid").await;
    app.pass(app.identity.config().oauth.access_token_lifetime);
    party.userinfo(own["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn only_an_access_token_for_us_opens_anything() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens(&app, &alice, "openid offline_access").await;
    let access = tokens["access_token"].as_str().unwrap();
    let unsigned = format!("{}.", access.rsplit_once('.').unwrap().0);
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", access.split('.').nth(1).unwrap());
    let secrets = [
        tokens["id_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
        &unsigned,
        &none,
        "x",
        "a.b.c",
    ];
    for token in secrets {
        let reply = party.userinfo(token).await;
        reply.expect_oauth(401, "invalid_token");
        assert!(reply.header("www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    let without = party.tokens(&app, &alice, "profile").await;
    let reply = party.userinfo(without["access_token"].as_str().unwrap()).await;
    reply.expect_oauth(403, "insufficient_scope");
    app.pass(Duration::from_mins(10));
    party.userinfo(access).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn an_access_token_is_no_session_and_a_session_no_access_token() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let cookie = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    for token in [cookie.as_str(), cookie.split('.').next().unwrap()] {
        party.userinfo(token).await.expect_oauth(401, "invalid_token");
    }
}

#[tokio::test]
async fn a_client_may_have_it_signed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |metadata, _| {
        metadata.userinfo_signed_response_alg = Some(Algorithm::Rs256);
    })
    .await;
    let tokens = party.tokens(&app, &alice, "openid email").await;
    let reply = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/jwt"));
    let told = claims(&reply.text());
    assert_eq!(
        (&told["iss"], &told["aud"], &told["email"]),
        (&json!("http://localhost:8888"), &json!("app"), &json!(alice.email))
    );
    assert!(told.get("nonce").is_none());
}
