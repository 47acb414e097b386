//! The token endpoint as an endpoint: forms, credentials, limits.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use identity_tests::{Call, RelyingParty, TestApp};
use serde_json::json;

#[tokio::test]
async fn grant_types_that_are_unknown_or_not_the_clients_are_refused() {
    let app = TestApp::start().await;
    let page = RelyingParty::public(&app, "page").await;
    let ask = async |grant: &str| page.post("/oauth2/token", &[("grant_type", grant), ("username", "x")]).await;
    for grant in ["password", "implicit", "nonsense"] {
        ask(grant).await.expect_oauth(400, "unsupported_grant_type");
    }
    ask("client_credentials").await.expect_oauth(400, "unauthorized_client");
    ask("").await.expect_oauth(400, "invalid_request");
    ask("authorization_code").await.expect_oauth(400, "invalid_request");
    ask("refresh_token").await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn the_endpoint_takes_forms_by_post_and_nothing_else() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form: [(&str, &str); 1] = [("grant_type", "client_credentials")];
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = party.actor.send(Call::at(method, "/oauth2/token")).await;
        reply.expect_oauth(405, "invalid_request");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let json = party.call("/oauth2/token", &[]).json(&json!({ "grant_type": "client_credentials" }));
    party.actor.send(json).await.expect_oauth(400, "invalid_request");
    party
        .actor
        .send(party.call("/oauth2/token", &form).without(CONTENT_TYPE))
        .await
        .expect_oauth(400, "invalid_request");
    let twice = party.post("/oauth2/token", &[form[0], form[0]]).await;
    twice.expect_oauth(400, "invalid_request");
    let nul = party.post("/oauth2/token", &[form[0], ("scope", "a\0b")]).await;
    nul.expect_oauth(400, "invalid_request");
    let large = "x".repeat(70_000);
    party.post("/oauth2/token", &[form[0], ("scope", &large)]).await.expect_oauth(413, "invalid_request");
    let garbage = Call::at(Method::POST, "/oauth2/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    party.actor.send(garbage.body(vec![0xff, b'=', 0xfe, b'&', b'%', b'&'])).await.expect_oauth(401, "invalid_client");
    let in_query = party.call("/oauth2/token?grant_type=client_credentials", &[("x", "y")]);
    party.actor.send(in_query).await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn a_client_that_does_not_prove_itself_hears_how_it_could() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form = [("grant_type", "client_credentials")];
    let basic = party.call("/oauth2/token", &form).header(AUTHORIZATION, "Basic YXBwOndyb25n");
    for call in [basic, party.call("/oauth2/token", &form).without(AUTHORIZATION)] {
        let reply = party.actor.send(call).await;
        reply.expect_oauth(401, "invalid_client");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    let both = [form[0], ("client_id", "app"), ("client_secret", "x")];
    party.post("/oauth2/token", &both).await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn guesses_are_counted_and_clients_that_ask_rightly_are_not() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form = [("grant_type", "client_credentials")];
    for _ in 0..120 {
        let _ = party.post("/oauth2/token", &form).await.expect(200);
    }
    let wrong = || party.call("/oauth2/token", &form).header(AUTHORIZATION, "Basic YXBwOndyb25n");
    for _ in 0..100 {
        party.actor.send(wrong()).await.expect_oauth(401, "invalid_client");
    }
    let limited = party.actor.send(wrong()).await;
    limited.expect_oauth(429, "temporarily_unavailable");
    assert!(limited.header("retry-after").is_some());
    let _ = party.post("/oauth2/token", &form).await.expect(200);
}
