//! OpenID Connect Back-Channel Logout 1.0: who is told that a session has ended, and how often.

use std::sync::Arc;
use std::time::Duration;

use identity_core::id::ClientId;
use identity_core::jwt::{Algorithm, Expected, header};
use identity_core::logout::{LogoutCounts, LogoutDelivery, LogoutState};
use identity_core::oauth::client::{AuthMethod, ClientChange, SubjectType};
use identity_core::oauth::{ClientMetadata, ClientPolicy};
use identity_core::time::{Clock as _, after};
use identity_core::user::Ban;
use identity_tests::{Actor, RelyingParty, TestApp, TestAppBuilder, Told, claims};
use serde_json::{Map, Value, json};

use crate::flows::row;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Every logout that is written down.
const ALL: &str = "SELECT COUNT(*) FROM identity_logout_deliveries";

fn builder() -> TestAppBuilder {
    TestApp::builder().config(|config| config.oauth.outbound.allow_private = true)
}

/// A client that is told of logouts.
async fn client(app: &TestApp, id: &str, told: &Told) -> RelyingParty {
    changed_client(app, id, told, |_| {}).await
}

async fn changed_client(
    app: &TestApp,
    id: &str,
    told: &Told,
    change: impl FnOnce(&mut ClientMetadata),
) -> RelyingParty {
    let uri = told.uri();
    let metadata = |metadata: &mut ClientMetadata, _: &mut ClientPolicy| {
        metadata.backchannel_logout_uri = Some(uri);
        metadata.post_logout_redirect_uris = vec!["https://app.example.test/bye".to_owned()];
        change(metadata);
    };
    RelyingParty::with(app, id, AuthMethod::ClientSecretBasic, metadata).await
}

/// Signs somebody in to a client, and answers the claims of the ID token.
async fn sign_in(app: &TestApp, client: &RelyingParty, user: &Actor) -> Map<String, Value> {
    let tokens = client.tokens(app, user, "openid").await;
    claims(tokens["id_token"].as_str().unwrap())
}

async fn rows(app: &TestApp) -> Vec<LogoutDelivery> {
    app.identity.logouts().list(None, None, 100).await.unwrap()
}

async fn until(app: &TestApp, state: LogoutState, count: i64) {
    let sql = format!("{ALL} WHERE state = '{}'", state.as_str());
    app.database().until(&sql, count).await;
}

/// Waits until every logout was tried so often and nobody is telling it now.
async fn until_tried(app: &TestApp, attempts: u32) {
    let sql = format!("{ALL} WHERE attempts <> {attempts} OR leased_until IS NOT NULL");
    app.database().until(&sql, 0).await;
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let id_token = client.tokens(&app, &ann, "openid").await["id_token"].as_str().unwrap().to_owned();
    let state = "s".repeat(128);
    let uri = "https%3A%2F%2Fapp.example.test%2Fbye";
    let address = format!("/oauth2/logout?id_token_hint={id_token}&post_logout_redirect_uri={uri}&state={state}");
    let page = ann.visits(&address).await;
    assert_eq!(page.url.as_str(), format!("https://app.example.test/bye?state={state}"));

    let token = told.token(0).await;
    let seen = header(&token).unwrap();
    assert_eq!((seen.algorithm, seen.kind.as_deref()), (Algorithm::Rs256, Some("logout+jwt")));
    let expected = Expected {
        issuer: "http://localhost:8888",
        audience: &["app"],
        types: &["logout+jwt"],
        algorithms: &[Algorithm::Rs256],
        now: app.clock.now(),
        leeway: Duration::ZERO,
        expired_is_fine: false,
    };
    let mut said = app.identity.signing_keys().verify(&token, &expected).await.unwrap().unwrap();
    let in_id_token = claims(&id_token);
    let now = app.clock.now().timestamp();
    assert!(said.remove("jti").is_some_and(|jti| jti.as_str().unwrap().len() >= 22));
    let exactly = json!({
        "iss": "http://localhost:8888", "aud": "app", "iat": now, "exp": now + 120, "events": { EVENT: {} },
        "sub": in_id_token["sub"], "sid": in_id_token["sid"],
    });
    assert_eq!(Value::from(said), exactly, "and no nonce");

    let silent = client.answer(&app, &ann, &client.ask().with("prompt", "none")).await;
    assert!(silent.params.contains(&("error", "login_required".to_owned())), "{silent:?}");
    until(&app, LogoutState::Delivered, 1).await;
    let [row] = rows(&app).await.try_into().unwrap();
    assert_eq!((row.client_id.as_str(), row.attempts, row.last_status, row.last_error), ("app", 1, Some(200), None));
}

#[tokio::test]
async fn the_token_is_signed_and_names_the_user_as_the_id_tokens_of_the_client() {
    let app = builder().start().await;
    let told = Told::start().await;
    let change = |metadata: &mut ClientMetadata| {
        metadata.subject_type = SubjectType::Pairwise;
        metadata.id_token_signed_response_alg = Some(Algorithm::Es256);
    };
    let client = changed_client(&app, "app", &told, change).await;
    let ann = app.user("ann").await;
    let id_token = sign_in(&app, &client, &ann).await;
    let _ = ann.signs_out().await.expect(200);
    let token = told.token(0).await;
    assert_eq!(header(&token).unwrap().algorithm, Algorithm::Es256);
    let said = claims(&token);
    assert_eq!((&said["sub"], &said["sid"]), (&id_token["sub"], &id_token["sid"]));
    assert_ne!(said["sub"], row(&app, &ann).await.id.as_str());
}

#[tokio::test]
async fn whoever_ends_a_session_and_however_its_clients_are_told() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let mut heard = 0;
    for way in [
        "/sign-out",
        "/revoke-session",
        "/revoke-sessions",
        "/revoke-other-sessions",
        "/change-password",
        "reset",
        "ban",
        "recover",
        "again",
        "/delete-user",
    ] {
        let here = app.actor(way.trim_start_matches('/'));
        let _ = here.signs_up().await.expect(200);
        let there = here.at_another_browser();
        let _ = there.signs_in().await.expect(200);
        let mut signed_in = [sign_in(&app, &client, &here).await, sign_in(&app, &client, &there).await];
        let [ended_sid, other_sid] = signed_in.each_mut().map(|claims| claims.remove("sid").unwrap());
        let id = row(&app, &here).await.id;
        let password = "another password";
        let ended = match way {
            "/sign-out" => {
                let _ = here.signs_out().await.expect(200);
                vec![ended_sid]
            }
            "/revoke-session" => {
                let token = there.session().await["session"]["token"].clone();
                let _ = here.post(way, json!({ "token": token })).await.expect(200);
                vec![other_sid]
            }
            "/revoke-other-sessions" => {
                let _ = here.post(way, json!({})).await.expect(200);
                vec![other_sid]
            }
            "/revoke-sessions" => {
                let _ = here.post(way, json!({})).await.expect(200);
                vec![ended_sid, other_sid]
            }
            "/change-password" => {
                let body = json!({ "currentPassword": here.password, "newPassword": password });
                let _ = here.post(way, body).await.expect(200);
                vec![other_sid]
            }
            "/delete-user" => {
                let _ = here.post(way, json!({ "password": here.password })).await.expect(200);
                vec![ended_sid, other_sid]
            }
            "reset" => {
                let _ = here.post("/request-password-reset", json!({ "email": here.email })).await.expect(200);
                let token = app.letter_to(&here.email, 0).await.token();
                let body = json!({ "newPassword": password, "token": token });
                let _ = here.post("/reset-password", body).await.expect(200);
                vec![ended_sid, other_sid]
            }
            "ban" => {
                app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
                vec![ended_sid, other_sid]
            }
            "recover" => {
                app.identity.users().recover(&id, password).await.unwrap();
                vec![ended_sid, other_sid]
            }
            // Signing in anew replaces the session of the browser.
            _ => {
                let _ = here.signs_in().await.expect(200);
                vec![ended_sid]
            }
        };
        let mut said = Vec::new();
        for index in heard..heard + ended.len() {
            said.push(told.claims(index).await["sid"].clone());
        }
        heard += ended.len();
        let sorted = |mut sids: Vec<Value>| {
            sids.sort_by_key(ToString::to_string);
            sids
        };
        assert_eq!(sorted(said), sorted(ended), "{way}");
        assert_eq!(app.database().number(ALL).await, i64::try_from(heard).unwrap(), "{way}: nobody else is told");
    }
}

#[tokio::test]
async fn a_session_that_runs_out_ends_nothing_at_its_clients() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let _ = (sign_in(&app, &client, &ann).await, sign_in(&app, &client, &bob).await);
    app.pass(Duration::from_hours(24 * 8));
    assert!(!ann.is_signed_in().await, "found at use");
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_sessions").await, 0, "and by the purge");
    assert_eq!(app.database().number(ALL).await, 0);
}

#[tokio::test]
async fn only_clients_that_were_given_something_in_the_session_and_ask_for_it_are_told() {
    let app = builder().start().await;
    let told = Told::start().await;
    let (client, other) = (client(&app, "app", &told).await, client(&app, "other", &told).await);
    let silent = RelyingParty::confidential(&app, "silent").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let id_token = sign_in(&app, &client, &ann).await;
    let _ = (sign_in(&app, &client, &ann).await, sign_in(&app, &silent, &ann).await, sign_in(&app, &other, &bob).await);
    let _ = ann.signs_out().await.expect(200);
    let said = told.claims(0).await;
    assert_eq!((&said["aud"], &said["sid"]), (&json!("app"), &id_token["sid"]));
    until(&app, LogoutState::Delivered, 1).await;
    assert_eq!(app.database().number(ALL).await, 1, "once, however often the client came");
}

#[tokio::test]
async fn a_client_whose_tokens_have_run_out_is_told_all_the_same() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let (_, id_token) = (sign_in(&app, &client, &ann).await, sign_in(&app, &client, &ann).await);
    app.pass(Duration::from_hours(24 * 5));
    app.identity.clean_up().await.unwrap();
    let families = "SELECT COUNT(*) FROM identity_token_families";
    assert_eq!(app.database().number(families).await, 1, "one says enough");
    let _ = ann.signs_out().await.expect(200);
    assert_eq!(told.claims(0).await["sid"], id_token["sid"]);
    app.pass(Duration::from_hours(24 * 5));
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number(families).await, 0);
}

#[tokio::test]
async fn what_outlives_the_session_is_told_when_the_account_is_shut() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let ask = client.ask().with("scope", "openid offline_access").with("prompt", "consent");
    let tokens = client.tokens_for(&app, &ann, &ask).await;
    app.pass(Duration::from_hours(24 * 8));
    app.identity.clean_up().await.unwrap();
    let fresh = client.refreshes(tokens["refresh_token"].as_str().unwrap()).await.expect(200).json();
    let id = row(&app, &ann).await.id;
    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    assert_eq!(told.claims(0).await["sid"], claims(fresh["id_token"].as_str().unwrap())["sid"]);
}

#[tokio::test]
async fn a_client_that_fails_is_told_again_after_pauses_that_grow_and_given_up_after_five() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let _ = sign_in(&app, &client, &ann).await;
    told.answers(Some(503));
    let _ = ann.signs_out().await.expect(200);
    let mut workers = Vec::new();
    for (attempt, pause) in (1..).zip([10, 60, 360, 2160]) {
        until_tried(&app, attempt).await;
        let [row] = rows(&app).await.try_into().unwrap();
        let due_at = after(app.clock.now(), Duration::from_secs(pause));
        assert_eq!((row.state, row.attempts, row.due_at), (LogoutState::Waiting, attempt, due_at));
        assert_eq!((row.last_status, row.last_error.as_deref()), (Some(503), Some("the answer was 503")));
        app.pass(Duration::from_secs(pause));
        workers.push(app.identity.spawn_worker());
    }
    until(&app, LogoutState::Dead, 1).await;
    assert_eq!(app.identity.logouts().counts().await.unwrap(), LogoutCounts { waiting: 0, dead: 1 });
    assert_eq!(told.posts().len(), 5);
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(told.claims(index).await["jti"].to_string());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each try is a token of its own");
    app.pass(Duration::from_hours(24 * 31));
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number(ALL).await, 0, "and forgotten in the end");
    assert_eq!(told.posts().len(), 5);
}

#[tokio::test]
async fn a_client_that_is_back_hears_what_it_has_missed() {
    let app = builder().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let id_token = sign_in(&app, &client, &ann).await;
    told.answers(Some(500));
    let _ = ann.signs_out().await.expect(200);
    until_tried(&app, 1).await;
    told.answers(Some(204));
    app.pass(Duration::from_secs(10));
    let _worker = app.identity.spawn_worker();
    until(&app, LogoutState::Delivered, 1).await;
    assert_eq!(told.claims(1).await["sid"], id_token["sid"]);
    let [row] = rows(&app).await.try_into().unwrap();
    assert_eq!((row.attempts, row.last_status, row.last_error), (2, Some(204), None));
    app.pass(Duration::from_hours(24 * 7 + 1));
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number(ALL).await, 0);
}

#[tokio::test]
async fn a_client_that_never_answers_holds_up_no_other() {
    let app = builder().start().await;
    let (hung, told) = (Told::start().await, Told::start().await);
    hung.answers(None);
    let (hanging, client) = (client(&app, "a-hanging", &hung).await, client(&app, "client", &told).await);
    let ann = app.user("ann").await;
    let there = ann.at_another_browser();
    let _ = there.signs_in().await.expect(200);
    for browser in [&ann, &there] {
        let _ = (sign_in(&app, &hanging, browser).await, sign_in(&app, &client, browser).await);
    }
    let _ = ann.post("/revoke-sessions", json!({})).await.expect(200);
    let _ = (hung.token(0).await, told.token(0).await, told.token(1).await);
    until(&app, LogoutState::Delivered, 2).await;
    assert_eq!(hung.posts().len(), 1, "its second logout waits for its turn");
}

#[tokio::test]
async fn a_client_that_is_gone_or_asks_for_nothing_any_more_is_told_nothing() {
    let app = builder().without_worker().start().await;
    let told = Told::start().await;
    let (changed, gone) = (client(&app, "changed", &told).await, client(&app, "gone", &told).await);
    let ann = app.user("ann").await;
    let _ = (sign_in(&app, &changed, &ann).await, sign_in(&app, &gone, &ann).await);
    let _ = ann.signs_out().await.expect(200);
    assert_eq!(app.database().number(ALL).await, 2);
    let metadata = ClientMetadata { backchannel_logout_uri: None, ..changed.client.metadata };
    let change = ClientChange { metadata: Some(metadata), ..ClientChange::default() };
    let _ = app.identity.clients().update(&changed.client.id, change).await.unwrap();
    app.identity.clients().delete(&ClientId::from_text("gone")).await.unwrap();
    let _worker = app.identity.spawn_worker();
    app.database().until(ALL, 0).await;
    assert!(told.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_tell_each_client_once() {
    let app = builder().without_worker().start().await;
    let beside = builder().beside(&app).without_worker().start().await;
    let told = Told::start().await;
    let mut clients = Vec::new();
    for number in 0..4 {
        clients.push(client(&app, &format!("app-{number}"), &told).await);
    }
    let ann = app.user("ann").await;
    for _ in 0..3 {
        let browser = ann.at_another_browser();
        let _ = browser.signs_in().await.expect(200);
        for client in &clients {
            let _ = sign_in(&app, client, &browser).await;
        }
    }
    let _ = ann.post("/revoke-sessions", json!({})).await.expect(200);
    assert_eq!(app.database().number(ALL).await, 12);
    let workers: Vec<_> = (0..6).map(|number| [&app, &beside][number % 2].identity.spawn_worker()).collect();
    until(&app, LogoutState::Delivered, 12).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(told.posts().len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_while_it_tells_a_client_leaves_the_rest_to_another() {
    let app = Arc::new(builder().without_worker().start().await);
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let id_token = sign_in(&app, &client, &ann).await;
    let _ = ann.signs_out().await.expect(200);
    told.answers(None);
    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let other = Arc::clone(&app);
    doomed.spawn(async move {
        let node = builder().beside(&other).start().await;
        std::future::pending::<()>().await;
        drop(node);
    });
    let _ = told.token(0).await;
    doomed.shutdown_background();
    told.answers(Some(200));
    let worker = app.identity.spawn_worker();
    worker.stop().await;
    assert_eq!(told.posts().len(), 1, "the lease of the dead holds");
    app.pass(Duration::from_mins(1));
    let _worker = app.identity.spawn_worker();
    until(&app, LogoutState::Delivered, 1).await;
    assert_eq!(told.claims(1).await["sid"], id_token["sid"]);
    assert_eq!(rows(&app).await[0].attempts, 2);
}
