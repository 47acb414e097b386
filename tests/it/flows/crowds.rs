//! Many who write, and what those who are signed in notice of it.

use std::sync::Arc;
use std::time::Duration;

use identity_tests::{TestApp, TestDatabase};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::task::JoinSet;

/// How many of the connections to PostgreSQL others than session checks may take by default.
const PLACES: i64 = 4;
/// How many write at the same time.
const CROWD: usize = 40;

/// Waits until this many are held up by a lock, and no more.
async fn until_held_up(database: &TestDatabase, count: i64) {
    let held_up =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    database.until(held_up, count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn session_checks_find_a_connection_whatever_sign_ins_wait_for() {
    let app = Arc::new(TestApp::start().await);
    if !app.database().is_postgres() {
        return;
    }
    let alice = app.user("alice").await;
    let phone = app.actor("phone");
    let call = phone.request_at(http::Method::POST, "/device-sessions").json(&json!({ "deviceId": "phone" }));
    let token = phone.send(call).await.expect(201).json()["sessionToken"].clone();
    // Nobody can write down an event, so that every wrong password keeps its connection for as long as it may wait.
    let elsewhere = app.database().connect().await;
    elsewhere.execute_unprepared("BEGIN; LOCK TABLE identity_events IN EXCLUSIVE MODE").await.unwrap();
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let stranger = app.actor(&format!("stranger{number}"));
        crowd.spawn(async move { stranger.signs_in().await.status.as_u16() });
    }
    until_held_up(app.database(), PLACES).await;
    assert!(alice.is_signed_in().await);
    let call = phone.request_at(http::Method::POST, "/device-sessions/validate");
    let reply = phone.send(call.json(&json!({ "sessionToken": token }))).await.expect(200);
    assert_eq!(reply.json()["valid"], true);
    assert!(crowd.try_join_next().is_none(), "they have answered while the others were held up, not after them");
    elsewhere.execute_unprepared("ROLLBACK").await.unwrap();
    for status in crowd.join_all().await {
        assert!([401, 503].contains(&status), "{status}");
    }
}

#[tokio::test]
async fn cleaning_up_passes_over_what_somebody_holds() {
    let app = TestApp::builder().without_worker().start().await;
    if !app.database().is_postgres() {
        return;
    }
    let _ = (app.user("alice").await, app.user("bob").await);
    app.pass(Duration::from_hours(24 * 8));
    let elsewhere = app.database().connect().await;
    let held = "BEGIN; SELECT 1 FROM identity_sessions s JOIN identity_users u ON u.id = s.user_id \
                WHERE u.email = 'alice@example.test' FOR UPDATE OF s";
    elsewhere.execute_unprepared(held).await.unwrap();
    app.identity.clean_up().await.unwrap();
    let sessions = "SELECT COUNT(*) FROM identity_sessions";
    assert_eq!(app.database().number(sessions).await, 1, "the one that is held, until the next time");
    elsewhere.execute_unprepared("ROLLBACK").await.unwrap();
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number(sessions).await, 0);
}
