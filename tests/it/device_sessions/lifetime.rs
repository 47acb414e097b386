//! How long a session lives, and how many of them.

use std::sync::Arc;
use std::time::Duration;

use identity_tests::{TestApp, race};
use serde_json::json;

use super::*;

const DAY: Duration = Duration::from_hours(24);
const SECOND: Duration = Duration::from_secs(1);
const LIVE: &str = "SELECT COUNT(*) FROM identity_device_sessions WHERE migrated_at IS NULL";

#[tokio::test]
async fn a_session_ends_thirty_days_after_its_last_use() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let (used, beaten, quiet) = (open(&phone, "a").await, open(&phone, "b").await, open(&phone, "c").await);
    app.pass(DAY * 29);
    assert!(is_valid(&phone, &used).await);
    let _ = beats(&phone, &beaten).await.expect(200);
    assert_eq!(eligibility(&phone, &quiet).await, json!({ "canMigrate": true }), "asking that is no use");
    app.pass(DAY);
    let over = json!({ "canMigrate": false, "reason": "not found or expired" });
    assert_eq!(eligibility(&phone, &quiet).await, over);
    assert!(!is_valid(&phone, &quiet).await);
    refused(&beats(&phone, &quiet).await, StatusCode::NOT_FOUND, "device_session_not_found");
    refused(&info(&phone, &quiet).await, StatusCode::NOT_FOUND, "device_session_not_found");
    let ann = app.user("ann").await;
    refused(&post(&ann, "/migrate", &quiet).await, StatusCode::BAD_REQUEST, "not_migratable");
    app.pass(DAY * 28 + Duration::from_secs(86_399));
    for token in [&used, &beaten] {
        assert_eq!(eligibility(&phone, token).await, json!({ "canMigrate": true }));
    }
    app.pass(SECOND);
    for token in [&used, &beaten] {
        assert_eq!(eligibility(&phone, token).await, over);
    }
}

#[tokio::test]
async fn a_session_ends_after_half_a_year_however_often_it_is_used() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let token = open(&phone, "phone").await;
    for _ in 0..8 {
        app.pass(DAY * 20);
        let _ = beats(&phone, &token).await.expect(200);
    }
    app.pass(DAY * 19 + Duration::from_secs(86_399));
    let session = post(&phone, "/validate", &token).await.expect(200).json()["session"].clone();
    assert_eq!(session["expiresAt"], "2026-06-30T00:00:00.000Z", "{session}");
    let _ = beats(&phone, &token).await.expect(200);
    app.pass(SECOND);
    assert!(!is_valid(&phone, &token).await);
    refused(&beats(&phone, &token).await, StatusCode::NOT_FOUND, "device_session_not_found");
    let ann = app.user("ann").await;
    refused(&post(&ann, "/migrate", &token).await, StatusCode::BAD_REQUEST, "not_migratable");
}

#[tokio::test]
async fn lifetimes_and_numbers_are_choices() {
    let app = TestApp::builder()
        .config(|config| {
            config.device.expires_in = Duration::from_mins(1);
            config.device.update_age = Duration::ZERO;
            config.device.max_age = Duration::from_secs(100);
            config.device.per_device = 1;
        })
        .start()
        .await;
    let phone = app.actor("phone");
    let first = open(&phone, "phone").await;
    let second = open(&phone, "phone").await;
    assert!(!is_valid(&phone, &first).await);
    app.pass(Duration::from_secs(59));
    assert!(is_valid(&phone, &second).await);
    app.pass(Duration::from_secs(40));
    assert!(is_valid(&phone, &second).await);
    app.pass(SECOND);
    assert!(!is_valid(&phone, &second).await);
}

#[tokio::test]
async fn use_is_written_down_every_five_minutes() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let token = open(&phone, "phone").await;
    let seen = async || post(&phone, "/validate", &token).await.expect(200).json()["session"]["lastActiveAt"].clone();
    assert_eq!(seen().await, "2026-01-01T00:00:00.000Z", "the first use at once");
    app.pass(Duration::from_secs(299));
    assert_eq!(seen().await, "2026-01-01T00:00:00.000Z");
    app.pass(SECOND);
    assert_eq!(seen().await, "2026-01-01T00:05:00.000Z");
    assert_eq!(seen().await, "2026-01-01T00:05:00.000Z");
}

#[tokio::test]
async fn the_eleventh_session_of_a_device_ends_the_oldest_that_was_never_used() {
    let app = TestApp::start().await;
    let (phone, ann) = (app.actor("phone"), app.user("ann").await);
    let (other, becomes_anns) = (open(&phone, "other").await, open(&phone, "phone").await);
    let _ = post(&ann, "/migrate", &becomes_anns).await.expect(200);
    let mut tokens = Vec::new();
    for number in 0..12 {
        tokens.push(open(&phone, "phone").await);
        app.pass(SECOND);
        match number {
            0 => assert!(is_valid(&phone, &tokens[0]).await),
            2 => drop(beats(&phone, &tokens[2]).await.expect(200)),
            _ => {}
        }
    }
    for (number, token) in tokens.iter().enumerate() {
        assert_eq!(is_valid(&phone, token).await, ![1, 3].contains(&number), "{number}");
    }
    assert!(is_valid(&phone, &other).await);
    let migrated = json!({ "canMigrate": false, "reason": "already migrated" });
    assert_eq!(eligibility(&phone, &becomes_anns).await, migrated);
}

#[tokio::test]
async fn a_stranger_who_knows_the_name_of_a_device_ends_none_of_its_sessions() {
    let app = TestApp::start().await;
    let (phone, stranger) = (app.actor("phone"), app.actor("stranger"));
    let with = async |actor: &Actor, token: &str| {
        let call = actor.request_at(Method::POST, "/device-sessions").header("x-device-session-token", token);
        actor.send(call.json(&json!({ "deviceId": "phone" }))).await
    };
    let mut tokens = Vec::new();
    for _ in 0..9 {
        tokens.push(open(&phone, "phone").await);
        assert!(is_valid(&phone, tokens.last().unwrap()).await);
    }
    // One of the ten is the stranger's own, and a token of another device is none of this one.
    let (own, elsewhere) = (open(&stranger, "phone").await, open(&stranger, "elsewhere").await);
    assert!(is_valid(&stranger, &own).await);
    for _ in 0..12 {
        refused(&creates(&stranger, "phone").await, StatusCode::CONFLICT, "device_full");
        for token in [elsewhere.as_str(), UNKNOWN, "no token"] {
            refused(&with(&stranger, token).await, StatusCode::CONFLICT, "device_full");
        }
    }
    let next = with(&stranger, &own).await.expect(201).json()["sessionToken"].as_str().unwrap().to_owned();
    assert!(!is_valid(&stranger, &own).await && is_valid(&stranger, &next).await, "the own one loses its place");
    for token in &tokens {
        assert!(is_valid(&phone, token).await);
    }
    assert!(is_valid(&stranger, &elsewhere).await);
    // The device has a token to give for another one, and room again once one has run out.
    let _ = with(&phone, &tokens[0]).await.expect(201);
    assert!(!is_valid(&phone, &tokens[0]).await);
    let _ = ends(&phone, &tokens[1]).await.expect(200);
    let _ = creates(&phone, "phone").await.expect(201);
    assert_eq!(app.database().number(LIVE).await, 10 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_device_has_ten_sessions_at_most_however_many_it_opens_at_once() {
    let app = Arc::new(TestApp::start().await);
    let replies = race(40, |_| {
        let phone = app.actor("phone");
        async move { creates(&phone, "phone").await }
    })
    .await;
    for reply in replies {
        let _ = reply.expect(201);
    }
    assert_eq!(app.database().number(LIVE).await, 10);
}
