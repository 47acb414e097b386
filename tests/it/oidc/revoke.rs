//! Revocation: what a client takes back.

use identity_core::oauth::client::{AccessTokenFormat, AuthMethod};
use identity_tests::{RelyingParty, TestApp};
use serde_json::json;

use super::events;

async fn revokes(party: &RelyingParty, token: &str) {
    let reply = party.post("/oauth2/revoke", &[("token", token), ("token_type_hint", "nonsense")]).await.expect(200);
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn an_access_token_goes_alone_and_a_refresh_token_takes_everything_with_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (id, format) in [("signed", AccessTokenFormat::Jwt), ("opaque", AccessTokenFormat::Opaque)] {
        let party = RelyingParty::with(&app, id, AuthMethod::ClientSecretBasic, |_, policy| {
            policy.access_token_format = format;
        })
        .await;
        let tokens = party.tokens(&app, &alice, "openid offline_access").await;
        let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
        revokes(&party, access).await;
        party.userinfo(access).await.expect_oauth(401, "invalid_token");
        assert_eq!(party.introspects(access).await, json!({ "active": false }));
        let fresh = party.refreshes(refresh).await.expect(200).json();
        let fresh = fresh["access_token"].as_str().unwrap();
        let _ = party.userinfo(fresh).await.expect(200);
        revokes(&party, access).await;
        let recorded = events(&app, "token.revoked").await;
        revokes(&party, refresh).await;
        revokes(&party, refresh).await;
        assert_eq!(events(&app, "token.revoked").await, recorded + 1, "once");
        party.refreshes(refresh).await.expect_oauth(400, "invalid_grant");
        party.userinfo(fresh).await.expect_oauth(401, "invalid_token");
        assert_eq!(party.introspects(refresh).await, json!({ "active": false }));
    }
}

#[tokio::test]
async fn what_is_unknown_or_anothers_is_left_alone_and_the_answer_is_the_same() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (party, other) = (RelyingParty::public(&app, "app").await, RelyingParty::confidential(&app, "other").await);
    let tokens = party.tokens(&app, &alice, "openid offline_access").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    for token in [access, refresh, "x", "a.b.c", "é"] {
        revokes(&other, token).await;
    }
    let _ = party.userinfo(access).await.expect(200);
    let _ = party.refreshes(refresh).await.expect(200);
    revokes(&party, refresh).await;
    party.userinfo(access).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn a_public_client_that_takes_back_what_is_not_there_is_limited() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let (page, server) = (RelyingParty::public(&app, "page").await, RelyingParty::confidential(&app, "server").await);
    for _ in 0..100 {
        revokes(&page, "x").await;
    }
    page.post("/oauth2/revoke", &[("token", "x")]).await.expect_oauth(429, "temporarily_unavailable");
    revokes(&server, "x").await;
}

#[tokio::test]
async fn a_client_that_does_not_prove_itself_takes_nothing_back() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens(&app, &alice, "openid").await;
    let access = tokens["access_token"].as_str().unwrap();
    let nobody = RelyingParty { secret: None, ..party.clone() };
    nobody.post("/oauth2/revoke", &[("token", access)]).await.expect_oauth(401, "invalid_client");
    party.post("/oauth2/revoke", &[]).await.expect_oauth(400, "invalid_request");
    let _ = party.userinfo(access).await.expect(200);
}
