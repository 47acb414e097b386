//! What is not accepted, and how often anything is.

use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use identity_tests::TestApp;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn the_name_of_a_device_is_plain_and_short() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    for good in ["a", "A-b_9", &"x".repeat(128)] {
        let _ = creates(&phone, good).await.expect(201);
    }
    let long = "x".repeat(129);
    let bad = ["", " ", "a b", "a.b", "ä", "a\u{0}", "a/b", "' OR 1=1", &long].map(Value::from);
    for device_id in bad.into_iter().chain([json!(7), json!(null), json!(["a"]), json!({ "a": 1 }), json!(true)]) {
        let reply = call(&phone, Method::POST, "", json!({ "deviceId": device_id })).await;
        refused(&reply, StatusCode::BAD_REQUEST, "invalid_input");
        assert!(reply.json()["error"]["details"].as_str().unwrap().contains("deviceId"), "{}", reply.text());
    }
    for currency in [json!("usd"), json!("EURO"), json!(""), json!(7), json!("€€€")] {
        let body = json!({ "deviceId": "phone", "preferredCurrency": currency });
        let reply = call(&phone, Method::POST, "", body).await;
        refused(&reply, StatusCode::BAD_REQUEST, "invalid_input");
        assert!(reply.text().contains("preferredCurrency"), "{}", reply.text());
    }
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_device_sessions").await, 3);
}

#[tokio::test]
async fn a_token_is_a_uuid_in_lower_case() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let token = open(&ann, "phone").await;
    let endpoints = [
        (Method::POST, "/validate"),
        (Method::PUT, "/activity"),
        (Method::POST, "/migration-eligibility"),
        (Method::POST, "/migrate"),
        (Method::DELETE, ""),
    ];
    let bad = [
        json!("hush"),
        json!(""),
        json!(token.to_uppercase()),
        json!(format!("{token} ")),
        json!(token.replace('-', "")),
        json!(format!("{{{}}}", &token[..34])),
        json!(null),
        json!(7),
        json!([token]),
    ];
    for (method, path) in endpoints {
        for value in &bad {
            let reply = call(&ann, method.clone(), path, json!({ "sessionToken": value })).await;
            refused(&reply, StatusCode::BAD_REQUEST, "invalid_input");
            assert!(reply.json()["error"]["details"].as_str().unwrap().contains("sessionToken"), "{}", reply.text());
            assert!(!reply.text().contains("hush"), "what was sent is not sent back");
        }
        let nothing = call(&ann, method, path, json!({})).await;
        refused(&nothing, StatusCode::BAD_REQUEST, "invalid_input");
    }
    assert!(is_valid(&ann, &token).await);
}

#[tokio::test]
async fn bodies_are_small_json_objects() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let request = || phone.request_at(Method::POST, "/device-sessions");
    let typed = |kind: &str, body: &str| request().header(CONTENT_TYPE, kind).body(body.as_bytes());
    let rows = [
        (request().json(&json!([])), 400, "invalid_input"),
        (request().json(&json!("phone")), 400, "invalid_input"),
        (request(), 400, "invalid_input"),
        (typed("application/json", "{"), 400, "invalid_json"),
        (typed("application/x-www-form-urlencoded", "deviceId=phone"), 415, "unsupported_media_type"),
        (typed("text/plain", "{\"deviceId\":\"phone\"}"), 415, "unsupported_media_type"),
        (request().json(&json!({ "deviceId": "phone", "x": "x".repeat(70_000) })), 413, "payload_too_large"),
    ];
    for (call, status, code) in rows {
        refused(&phone.send(call).await, StatusCode::from_u16(status).unwrap(), code);
    }
}

#[tokio::test]
async fn an_address_opens_three_sessions_in_ten_seconds_and_asking_about_live_ones_is_free() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let phone = app.actor("phone").from_ip([192, 0, 2, 1]);
    let token = open(&phone, "phone").await;
    for _ in 0..2 {
        let _ = creates(&phone, "phone").await.expect(201);
    }
    let fourth = creates(&phone, "another").await;
    refused(&fourth, StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    assert!(fourth.header("retry-after").is_some());
    let _ = creates(&phone.from_ip([192, 0, 2, 2]), "phone").await.expect(201);
    for _ in 0..150 {
        assert!(is_valid(&phone, &token).await);
        let _ = info(&phone, &token).await.expect(200);
    }
    for _ in 0..50 {
        assert!(!is_valid(&phone, UNKNOWN).await);
        refused(&info(&phone, UNKNOWN).await, StatusCode::NOT_FOUND, "device_session_not_found");
    }
    refused(&post(&phone, "/validate", UNKNOWN).await, StatusCode::TOO_MANY_REQUESTS, "rate_limited");
    refused(&info(&phone, UNKNOWN).await, StatusCode::TOO_MANY_REQUESTS, "rate_limited");
}
