//! For whom tokens are: resources, sectors, and a client itself.

use std::time::Duration;

use identity_core::config::ResourceSpec;
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod, SubjectType};
use identity_tests::{RelyingParty, TestApp, TestAppBuilder, claims};
use serde_json::json;

use super::verified;
use crate::flows::row;

const API: &str = "https://api.example.test";
const OTHER: &str = "https://other.example.test";

fn with_resources() -> TestAppBuilder {
    TestApp::builder().config(|config| {
        let resource = |uri: &str, scopes: &[&str], opaque| ResourceSpec {
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            opaque,
            ..ResourceSpec::new(uri)
        };
        config.oauth.resources = vec![
            resource(API, &["orders:read"], false),
            resource(OTHER, &[], false),
            resource("urn:opaque", &[], true),
        ];
    })
}

async fn party_of(app: &TestApp, id: &str) -> RelyingParty {
    RelyingParty::with(app, id, AuthMethod::ClientSecretBasic, |_, policy| {
        policy.resources = vec![API.to_owned(), OTHER.to_owned(), "urn:opaque".to_owned()];
    })
    .await
}

#[tokio::test]
async fn a_resource_becomes_the_audience_and_can_be_narrowed_and_never_widened() {
    let app = with_resources().start().await;
    let alice = app.user("alice").await;
    let party = party_of(&app, "app").await;
    let redeem = async |ask, fields: &[(&str, &str)]| {
        let code = party.code(&app, &alice, ask).await;
        let known = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
        ];
        party.post("/oauth2/token", &[&known, fields].concat()).await
    };
    let audience = |reply: identity_tests::Reply| {
        claims(reply.expect(200).json()["access_token"].as_str().unwrap())["aud"].clone()
    };
    let both = party.ask().with("resource", API).also("resource", OTHER);
    assert_eq!(audience(redeem(&both, &[]).await), json!([API, OTHER]));
    assert_eq!(audience(redeem(&both, &[("resource", API)]).await), json!(API));
    assert_eq!(audience(redeem(&both, &[("resource", API), ("resource", OTHER)]).await), json!([API, OTHER]));
    let one = party.ask().with("resource", API);
    redeem(&one, &[("resource", OTHER)]).await.expect_oauth(400, "invalid_target");
    redeem(&one, &[("resource", API), ("resource", OTHER)]).await.expect_oauth(400, "invalid_target");
    let plain = party.ask();
    redeem(&plain, &[("resource", API)]).await.expect_oauth(400, "invalid_target");
    assert_eq!(audience(redeem(&plain, &[]).await), json!("http://localhost:8888"));
    let ours = party.ask().with("resource", "http://localhost:8888").also("resource", API);
    assert_eq!(audience(redeem(&ours, &[]).await), json!(["http://localhost:8888", API]));
}

#[tokio::test]
async fn a_token_for_a_resource_has_the_scopes_that_mean_something_there() {
    let app = with_resources().config(|config| config.oauth.scopes = vec!["other:write".to_owned()]).start().await;
    let alice = app.user("alice").await;
    let party = party_of(&app, "app").await;
    let scope = "openid orders:read other:write";
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("scope", scope).with("resource", API)).await;
    assert_eq!(tokens["scope"], "openid orders:read");
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("scope", scope).with("resource", OTHER)).await;
    assert_eq!(tokens["scope"], "openid orders:read other:write");
}

#[tokio::test]
async fn opaque_tokens_say_nothing_and_open_the_same() {
    let app = with_resources().start().await;
    let alice = app.user("alice").await;
    let opaque = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.access_token_format = AccessTokenFormat::Opaque;
    })
    .await;
    let tokens = opaque.tokens(&app, &alice, "openid email").await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(!access.contains('.') && access.len() == 43, "{access}");
    assert_eq!(opaque.userinfo(access).await.expect(200).json()["email"], "alice@example.test");
    let party = party_of(&app, "other").await;
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("resource", "urn:opaque")).await;
    assert!(!tokens["access_token"].as_str().unwrap().contains('.'));
    app.pass(Duration::from_mins(10));
    opaque.userinfo(access).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn clients_of_different_sectors_do_not_see_the_same_user() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let pairwise = |host: &'static str| {
        move |metadata: &mut identity_core::oauth::ClientMetadata, _: &mut identity_core::oauth::ClientPolicy| {
            metadata.subject_type = SubjectType::Pairwise;
            metadata.redirect_uris = vec![format!("https://{host}/callback")];
        }
    };
    let method = AuthMethod::ClientSecretBasic;
    let one = RelyingParty::with(&app, "one", method, pairwise("a.example.test")).await;
    let same = RelyingParty::with(&app, "same", method, pairwise("a.example.test")).await;
    let other = RelyingParty::with(&app, "other", method, pairwise("b.example.test")).await;
    let mut subjects = Vec::new();
    for party in [&one, &same, &other, &one] {
        let tokens = party.tokens(&app, &alice, "openid").await;
        let id_token = claims(tokens["id_token"].as_str().unwrap());
        let access = claims(tokens["access_token"].as_str().unwrap());
        let told = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
        assert_eq!((&id_token["sub"], &id_token["sub"]), (&access["sub"], &told["sub"]));
        subjects.push((id_token["sub"].clone(), id_token["sid"].clone()));
    }
    let id = json!(row(&app, &alice).await.id);
    assert!(subjects.iter().all(|(sub, _)| *sub != id));
    assert_eq!(subjects[0], subjects[3]);
    assert_eq!(subjects[0].0, subjects[1].0);
    assert_ne!(subjects[0].1, subjects[1].1, "each client has its own name for the session");
    assert_ne!(subjects[0].0, subjects[2].0);
    let hint = one.tokens(&app, &alice, "openid").await["id_token"].as_str().unwrap().to_owned();
    let _ = one.tokens_for(&app, &alice, &one.ask().with("id_token_hint", hint).with("prompt", "none")).await;
}

#[tokio::test]
async fn a_client_gets_a_token_in_its_own_name_with_scopes_that_are_about_nobody() {
    let app = with_resources().config(|config| config.oauth.scopes = vec!["jobs:run".to_owned()]).start().await;
    let party = party_of(&app, "worker").await;
    let ask = async |fields: &[(&str, &str)]| {
        party.post("/oauth2/token", &[&[("grant_type", "client_credentials")], fields].concat()).await
    };
    let answer = ask(&[("scope", "jobs:run"), ("resource", API)]).await.expect(200).json();
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let answer = ask(&[("scope", "jobs:run"), ("resource", OTHER)]).await.expect(200).json();
    let access = answer["access_token"].as_str().unwrap();
    let told = verified(&app, access, "at+jwt", OTHER).await;
    assert_eq!(
        (&told["sub"], &told["client_id"], &told["scope"]),
        (&json!("worker"), &json!("worker"), &json!("jobs:run"))
    );
    assert!(told.get("auth_time").is_none() && told.get("sid").is_none());
    for scope in ["openid", "profile", "offline_access", "nonsense", "jobs:run  x"] {
        ask(&[("scope", scope)]).await.expect_oauth(400, "invalid_scope");
    }
    ask(&[("resource", "https://unknown.example.test")]).await.expect_oauth(400, "invalid_target");
    let plain = ask(&[]).await.expect(200).json();
    party.userinfo(plain["access_token"].as_str().unwrap()).await.expect_oauth(403, "insufficient_scope");
}

#[tokio::test]
async fn a_client_with_the_id_of_a_user_gets_no_token_that_could_be_taken_for_the_users() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let party = RelyingParty::confidential(&app, id.as_str()).await;
    let reply = party.post("/oauth2/token", &[("grant_type", "client_credentials")]).await;
    reply.expect_oauth(400, "unauthorized_client");
}
