//! Who is told.

use std::time::Duration;

use identity_core::jwt::{Algorithm, Expected, header};
use identity_core::logout::LogoutState;
use identity_core::oauth::ClientMetadata;
use identity_core::oauth::client::SubjectType;
use identity_core::time::Clock as _;
use identity_core::user::Ban;
use identity_tests::{RelyingParty, Told, claims};
use serde_json::{Value, json};

use super::{ALL, builder, changed_client, client, rows, sign_in, until};
use crate::flows::row;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[tokio::test]
async fn a_logout_token_says_whose_session_ended_and_where() {
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
        allow_expired: false,
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
        let mut sids = [sign_in(&app, &client, &here).await, sign_in(&app, &client, &there).await];
        let [first, second] = sids.each_mut().map(|claims| claims.remove("sid").unwrap());
        let id = row(&app, &here).await.id;
        let password = "another password";
        let ended = match way {
            "/sign-out" => {
                let _ = here.signs_out().await.expect(200);
                vec![first]
            }
            "/revoke-session" => {
                let token = there.session().await["session"]["token"].clone();
                let _ = here.post(way, json!({ "token": token })).await.expect(200);
                vec![second]
            }
            "/revoke-other-sessions" => {
                let _ = here.post(way, json!({})).await.expect(200);
                vec![second]
            }
            "/revoke-sessions" => {
                let _ = here.post(way, json!({})).await.expect(200);
                vec![first, second]
            }
            "/change-password" => {
                let body = json!({ "currentPassword": here.password, "newPassword": password });
                let _ = here.post(way, body).await.expect(200);
                vec![second]
            }
            "/delete-user" => {
                let _ = here.post(way, json!({ "password": here.password })).await.expect(200);
                vec![first, second]
            }
            "reset" => {
                let _ = here.post("/request-password-reset", json!({ "email": here.email })).await.expect(200);
                let token = app.letter_to(&here.email, 0).await.token();
                let body = json!({ "newPassword": password, "token": token });
                let _ = here.post("/reset-password", body).await.expect(200);
                vec![first, second]
            }
            "ban" => {
                app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
                vec![first, second]
            }
            "recover" => {
                app.identity.users().recover(&id, password).await.unwrap();
                vec![first, second]
            }
            // Signing in anew replaces the session of the browser.
            _ => {
                let _ = here.signs_in().await.expect(200);
                vec![first]
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
    let app = builder().without_worker().start().await;
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
    let app = builder().without_worker().start().await;
    let told = Told::start().await;
    let client = client(&app, "app", &told).await;
    let ann = app.user("ann").await;
    let (_, id_token) = (sign_in(&app, &client, &ann).await, sign_in(&app, &client, &ann).await);
    app.pass(Duration::from_hours(24 * 5));
    app.identity.clean_up().await.unwrap();
    let families = "SELECT COUNT(*) FROM identity_token_families";
    assert_eq!(app.database().number(families).await, 1, "one says enough");
    let _ = ann.signs_out().await.expect(200);
    let _worker = app.identity.spawn_worker();
    assert_eq!(told.claims(0).await["sid"], id_token["sid"]);
    app.pass(Duration::from_hours(24 * 5));
    app.identity.clean_up().await.unwrap();
    app.database().until(families, 0).await;
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
