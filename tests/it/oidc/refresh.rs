//! Refresh tokens: who gets one, how they follow one another, and what ends them.

use std::time::Duration;

use identity_core::config::ResourceSpec;
use identity_core::oauth::ClientPolicy;
use identity_core::oauth::client::{AuthMethod, ClientChange, RefreshPolicy};
use identity_core::request::RequestInfo;
use identity_core::user::Ban;
use identity_tests::{Actor, RelyingParty, Reply, TestApp, claims, token_of};
use serde_json::{Value, json};

use super::events;
use crate::flows::row;

const OFFLINE: &str = "openid email offline_access";
const DAY: Duration = Duration::from_hours(24);

fn refresh_of(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("there is a refresh token: {tokens}")).to_owned()
}

/// Refreshes and answers the successor.
async fn next(party: &RelyingParty, token: &str) -> String {
    refresh_of(&party.refreshes(token).await.expect(200).json())
}

#[track_caller]
fn dead(reply: &Reply) {
    reply.expect_oauth(400, "invalid_grant");
}

async fn page(app: &TestApp) -> (RelyingParty, Actor, String) {
    let alice = app.user("alice").await;
    let page = RelyingParty::public(app, "page").await;
    let token = refresh_of(&page.tokens(app, &alice, OFFLINE).await);
    (page, alice, token)
}

#[tokio::test]
async fn only_offline_access_and_our_own_clients_get_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let page = RelyingParty::public(&app, "page").await;
    assert!(page.tokens(&app, &alice, "openid").await.get("refresh_token").is_none());
    assert!(page.tokens(&app, &alice, OFFLINE).await.get("refresh_token").is_some());
    let ours = RelyingParty::with(&app, "ours", AuthMethod::None, |_, policy| policy.first_party = true).await;
    assert!(ours.tokens(&app, &alice, "openid").await.get("refresh_token").is_some());
    let without = RelyingParty::with(&app, "without", AuthMethod::None, |metadata, _| {
        metadata.grant_types = vec![identity_core::oauth::GrantType::AuthorizationCode];
    })
    .await;
    let tokens = without.tokens(&app, &alice, OFFLINE).await;
    assert_eq!((tokens.get("refresh_token"), &tokens["scope"]), (None, &json!("email openid")));
}

#[tokio::test]
async fn new_tokens_are_new_and_the_sign_in_stays_what_it_was() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let page = RelyingParty::public(&app, "page").await;
    let first = page.tokens(&app, &alice, OFFLINE).await;
    app.pass(Duration::from_secs(1));
    let reply = page.refreshes(&refresh_of(&first)).await.expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let second = reply.json();
    assert_eq!(
        (&second["token_type"], &second["expires_in"], &second["scope"]),
        (&json!("Bearer"), &json!(600), &first["scope"])
    );
    let (before, after) = (claims(first["id_token"].as_str().unwrap()), claims(second["id_token"].as_str().unwrap()));
    for name in ["iss", "sub", "aud", "azp", "auth_time", "sid", "acr"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64() && after.get("nonce").is_none());
    assert_ne!(first["access_token"], second["access_token"]);
    let _ = page.userinfo(second["access_token"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_successor_replaces_the_token_and_the_one_before_gets_it_again_for_a_moment() {
    let app = TestApp::start().await;
    let (page, _, first) = page(&app).await;
    let second = next(&page, &first).await;
    assert_ne!(first, second);
    app.pass(Duration::from_secs(29));
    assert_eq!(next(&page, &first).await, second, "whoever lost the answer gets the same one");
    let third = next(&page, &second).await;
    assert_ne!(second, third);
    assert_eq!(events(&app, "token.reuse_detected").await, 0);
}

#[tokio::test]
async fn a_token_that_comes_back_later_ends_the_family_and_its_access_tokens() {
    let app = TestApp::start().await;
    let (page, _, first) = page(&app).await;
    let answer = page.refreshes(&first).await.expect(200).json();
    let (second, access) = (refresh_of(&answer), answer["access_token"].as_str().unwrap());
    app.pass(Duration::from_secs(30));
    let _ = page.userinfo(access).await.expect(200);
    dead(&page.refreshes(&first).await);
    dead(&page.refreshes(&second).await);
    page.userinfo(access).await.expect_oauth(401, "invalid_token");
    assert_eq!(events(&app, "token.reuse_detected").await, 1);
}

#[tokio::test]
async fn a_token_two_generations_old_ends_the_family_at_once() {
    let app = TestApp::start().await;
    let (page, _, first) = page(&app).await;
    let second = next(&page, &first).await;
    let third = next(&page, &second).await;
    dead(&page.refreshes(&first).await);
    dead(&page.refreshes(&third).await);
}

#[tokio::test]
async fn invented_and_foreign_tokens_end_nothing() {
    let app = TestApp::start().await;
    let (page, _, first) = page(&app).await;
    let other = RelyingParty::public(&app, "other").await;
    dead(&other.refreshes(&first).await);
    let mut invented = first.clone();
    invented.replace_range(40..41, if &first[40..41] == "A" { "B" } else { "A" });
    for token in [invented.as_str(), "x", "é", &"A".repeat(70)] {
        dead(&page.refreshes(token).await);
    }
    let _ = next(&page, &first).await;
    let confidential = RelyingParty::confidential(&app, "confidential").await;
    let alice = app.actor("alice");
    let _ = alice.signs_in().await.expect(200);
    let token = refresh_of(&confidential.tokens(&app, &alice, OFFLINE).await);
    let without_secret = RelyingParty { secret: None, ..confidential };
    without_secret.refreshes(&token).await.expect_oauth(401, "invalid_client");
}

#[tokio::test]
async fn a_token_is_good_for_thirty_days_without_use_and_for_180_in_all() {
    let app = TestApp::start().await;
    let (page, _, mut token) = page(&app).await;
    for _ in 0..8 {
        app.pass(DAY * 22);
        token = next(&page, &token).await;
    }
    app.pass(DAY * 4);
    dead(&page.refreshes(&token).await);
    let alice = app.actor("alice");
    let _ = alice.signs_in().await.expect(200);
    let token = refresh_of(&page.tokens(&app, &alice, OFFLINE).await);
    app.pass(DAY * 30);
    dead(&page.refreshes(&token).await);
}

#[tokio::test]
async fn a_confidential_client_keeps_its_token_for_most_of_its_life() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let token = refresh_of(&party.tokens(&app, &alice, OFFLINE).await);
    app.pass(DAY * 20);
    assert_eq!(next(&party, &token).await, token);
    app.pass(DAY);
    let successor = next(&party, &token).await;
    assert_ne!(successor, token);
    app.pass(Duration::from_mins(1));
    dead(&party.refreshes(&token).await);
    dead(&party.refreshes(&successor).await);
}

#[tokio::test]
async fn a_static_token_stays_and_is_good_for_a_week_without_use() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let page = RelyingParty::with(&app, "page", AuthMethod::None, |_, policy| {
        policy.refresh = RefreshPolicy::Static;
        policy.refresh_token_idle = Some(7 * 24 * 3600);
    })
    .await;
    let token = refresh_of(&page.tokens(&app, &alice, OFFLINE).await);
    for _ in 0..5 {
        app.pass(DAY * 6);
        assert_eq!(next(&page, &token).await, token);
    }
    app.pass(DAY * 7);
    dead(&page.refreshes(&token).await);
}

#[tokio::test]
async fn scope_and_resource_may_be_less_and_never_more() {
    let api = "https://api.example.test";
    let other = "https://other.example.test";
    let app = TestApp::builder()
        .config(|config| {
            config.oauth.resources = vec![ResourceSpec::new(api), ResourceSpec::new(other)];
        })
        .start()
        .await;
    let alice = app.user("alice").await;
    let party = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.resources = vec![api.to_owned(), other.to_owned()];
    })
    .await;
    let ask = party.ask().with("scope", OFFLINE).with("resource", api);
    let token = refresh_of(&party.tokens_for(&app, &alice, &ask).await);
    let refresh = async |fields: &[(&str, &str)]| {
        let known = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        party.post("/oauth2/token", &[&known, fields].concat()).await
    };
    let less = refresh(&[("scope", "openid")]).await.expect(200).json();
    assert_eq!(less["scope"], "openid");
    assert_eq!(claims(less["access_token"].as_str().unwrap())["aud"], api);
    let again = refresh(&[("scope", OFFLINE), ("resource", api)]).await.expect(200).json();
    assert_eq!(again["scope"], "email offline_access openid", "less now is not less for good");
    assert!(refresh(&[("scope", "email")]).await.expect(200).json().get("id_token").is_none());
    refresh(&[("scope", "openid profile")]).await.expect_oauth(400, "invalid_scope");
    refresh(&[("scope", "openid  email")]).await.expect_oauth(400, "invalid_scope");
    refresh(&[("resource", other)]).await.expect_oauth(400, "invalid_target");
    refresh(&[("resource", api), ("resource", other)]).await.expect_oauth(400, "invalid_target");
}

#[tokio::test]
async fn what_was_taken_from_a_client_since_is_in_no_new_token() {
    let (api, other) = ("https://api.example.test", "https://other.example.test");
    let app = TestApp::builder().config(|config| {
        config.oauth.resources = vec![ResourceSpec::new(api), ResourceSpec::new(other)];
    });
    let app = app.start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.resources = vec![api.to_owned(), other.to_owned()];
    })
    .await;
    let ask = party.ask().with("scope", OFFLINE).with("claims", r#"{"userinfo":{"name":null}}"#);
    let ours = party.tokens_for(&app, &alice, &ask).await;
    let both =
        refresh_of(&party.tokens_for(&app, &alice, &ask.clone().with("resource", api).also("resource", other)).await);
    let one = refresh_of(&party.tokens_for(&app, &alice, &ask.with("resource", other)).await);
    let told = party.userinfo(ours["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!((&told["name"], &told["email"]), (&json!("alice"), &json!("alice@example.test")));

    let mut metadata = party.client.metadata.clone();
    metadata.scope = Some("openid offline_access".to_owned().try_into().unwrap());
    let policy = ClientPolicy { resources: vec![api.to_owned()], ..party.client.policy.clone() };
    let change = ClientChange { metadata: Some(metadata), policy: Some(policy), ..ClientChange::default() };
    app.identity.clients().update(&party.client.id, change).await.unwrap();
    let fresh = party.refreshes(&refresh_of(&ours)).await.expect(200).json();
    assert_eq!(fresh["scope"], "offline_access openid");
    let told = party.userinfo(fresh["access_token"].as_str().unwrap()).await.expect(200).json();
    assert_eq!((told.get("name"), told.get("email")), (None, None));
    let fresh = party.refreshes(&both).await.expect(200).json();
    assert_eq!(claims(fresh["access_token"].as_str().unwrap())["aud"], api);
    party.refreshes(&one).await.expect_oauth(400, "invalid_target");
}

#[tokio::test]
async fn a_refused_request_leaves_the_token_as_it_was() {
    let app = TestApp::start().await;
    let (page, _, first) = page(&app).await;
    let more = [("grant_type", "refresh_token"), ("refresh_token", first.as_str()), ("scope", "openid phone")];
    page.post("/oauth2/token", &more).await.expect_oauth(400, "invalid_scope");
    app.pass(Duration::from_mins(5));
    let _ = next(&page, &first).await;
}

#[tokio::test]
async fn what_is_not_offline_goes_with_the_session_and_what_is_stays() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let ours = RelyingParty::with(&app, "ours", AuthMethod::None, |_, policy| policy.first_party = true).await;
    let online = ours.tokens(&app, &alice, "openid").await;
    let offline = ours.tokens(&app, &alice, OFFLINE).await;
    let _ = alice.signs_out().await.expect(200);
    dead(&ours.refreshes(&refresh_of(&online)).await);
    ours.userinfo(online["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
    let _ = ours.userinfo(offline["access_token"].as_str().unwrap()).await.expect(200);
    let _ = next(&ours, &refresh_of(&offline)).await;
}

#[tokio::test]
async fn a_session_that_runs_out_ends_what_goes_with_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let ours = RelyingParty::with(&app, "ours", AuthMethod::None, |_, policy| policy.first_party = true).await;
    let online = ours.tokens(&app, &alice, "openid").await;
    app.pass(DAY * 7);
    dead(&ours.refreshes(&refresh_of(&online)).await);
}

#[tokio::test]
async fn a_ban_a_new_password_and_deletion_end_everything() {
    let app = TestApp::start().await;
    let page = RelyingParty::public(&app, "page").await;
    let users = app.identity.users();

    let banned = app.user("banned").await;
    let tokens = page.tokens(&app, &banned, OFFLINE).await;
    let id = row(&app, &banned).await.id;
    users.ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    page.userinfo(tokens["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
    users.unban(&id).await.unwrap();
    dead(&page.refreshes(&refresh_of(&tokens)).await);
    page.userinfo(tokens["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");

    let forgetful = app.user("forgetful").await;
    let tokens = page.tokens(&app, &forgetful, OFFLINE).await;
    let _ = forgetful.post("/request-password-reset", json!({ "email": forgetful.email })).await.expect(200);
    let link = app.letter_to(&forgetful.email, 0).await.link();
    let reset = json!({ "token": token_of(&link), "newPassword": "another password" });
    let _ = forgetful.post("/reset-password", reset).await.expect(200);
    dead(&page.refreshes(&refresh_of(&tokens)).await);

    let leaving = app.user("leaving").await;
    let tokens = page.tokens(&app, &leaving, OFFLINE).await;
    let _ = leaving.post("/delete-user", json!({ "password": leaving.password })).await.expect(200);
    dead(&page.refreshes(&refresh_of(&tokens)).await);
    page.userinfo(tokens["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn a_changed_password_ends_what_was_given_elsewhere() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let elsewhere = alice.at_another_browser();
    let _ = elsewhere.signs_in().await.expect(200);
    let page = RelyingParty::public(&app, "page").await;
    let here = refresh_of(&page.tokens(&app, &alice, OFFLINE).await);
    let there = refresh_of(&page.tokens(&app, &elsewhere, OFFLINE).await);
    let change = json!({ "currentPassword": alice.password, "newPassword": "another password" });
    let _ = alice.post("/change-password", change).await.expect(200);
    dead(&page.refreshes(&there).await);
    let here = next(&page, &here).await;
    let id = row(&app, &alice).await.id;
    let _ = app.identity.sessions().revoke_all(&id, None, &RequestInfo::default()).await.unwrap();
    dead(&page.refreshes(&here).await);
}

#[tokio::test]
async fn the_database_holds_no_refresh_token_and_no_code() {
    let app = TestApp::start().await;
    let (page, alice, first) = page(&app).await;
    let second = next(&page, &first).await;
    let code = page.code(&app, &alice, &page.ask()).await;
    let dump = app.database().dump().await;
    assert!(dump.contains("identity_token_families") && dump.contains("identity_authorization_grants"));
    for secret in [first, second, code] {
        assert!(!dump.contains(&secret));
    }
}

#[tokio::test]
async fn what_is_over_is_removed() {
    let app = TestApp::builder().without_worker().start().await;
    let (page, alice, first) = page(&app).await;
    let count = async |table: &str| app.database().number(&format!("SELECT COUNT(*) FROM identity_{table}")).await;
    let _ = page.code(&app, &alice, &page.ask()).await;
    app.pass(DAY * 2);
    app.identity.clean_up().await.unwrap();
    assert_eq!((count("authorization_grants").await, count("token_families").await), (0, 1));
    let second = next(&page, &first).await;
    app.pass(Duration::from_mins(1));
    dead(&page.refreshes(&first).await);
    dead(&page.refreshes(&second).await);
    app.pass(DAY * 2);
    app.identity.clean_up().await.unwrap();
    assert_eq!(count("token_families").await, 1, "the client has to hear of the logout");
    app.pass(DAY * 7);
    app.identity.clean_up().await.unwrap();
    assert_eq!(count("token_families").await, 0);
}
