//! How often a client is told, and by which worker.

use std::sync::Arc;
use std::time::Duration;

use identity_core::id::ClientId;
use identity_core::logout::{LogoutCounts, LogoutState};
use identity_core::oauth::ClientMetadata;
use identity_core::oauth::client::ClientChange;
use identity_core::time::{Clock as _, after};
use identity_tests::{TestApp, Told};
use serde_json::json;

use super::{ALL, builder, client, rows, sign_in, until};

/// Waits until every logout was tried so often and nobody is telling it now.
async fn until_tried(app: &TestApp, attempts: u32) {
    let sql = format!("{ALL} WHERE attempts <> {attempts} OR leased_until IS NOT NULL");
    app.database().until(&sql, 0).await;
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
    // And forgotten in the end.
    app.database().until(ALL, 0).await;
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
    app.database().until(ALL, 0).await;
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
async fn however_many_clients_never_answer_the_others_do_not_wait_for_them() {
    let app = builder().start().await;
    let (hung, told) = (Told::start().await, Told::start().await);
    hung.answers(Some(503));
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    // As many as two workers tell at once.
    for number in 0..32 {
        let client = client(&app, &format!("hanging-{number}"), &hung).await;
        let _ = sign_in(&app, &client, &ann).await;
    }
    let client = client(&app, "client", &told).await;
    let _ = sign_in(&app, &client, &bob).await;
    let _ = ann.signs_out().await.expect(200);
    until_tried(&app, 1).await;
    hung.answers(None);
    app.pass(Duration::from_secs(10));
    let _worker = app.identity.spawn_worker();
    // As many as there are places for such.
    app.database().until(&format!("{ALL} WHERE leased_until IS NOT NULL"), 8).await;
    let _ = bob.signs_out().await.expect(200);
    let heard = tokio::time::timeout(Duration::from_secs(3), told.token(0)).await;
    assert!(heard.is_ok(), "before any of the others is given up");
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
