//! Each endpoint, with what it answers.

use http::header::ORIGIN;
use http::{Method, StatusCode};
use identity_tests::TestApp;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_new_session_shows_its_token_once_and_in_the_form_that_clients_check() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let reply = creates(&phone, "my-phone_1").await.expect(201);
    let body = reply.json();
    let token = body["sessionToken"].as_str().unwrap();
    let parts: Vec<usize> = token.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{token}");
    assert!(token.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
    let id = body["session"]["id"].clone();
    let expected = json!({
        "id": id, "deviceId": "my-phone_1", "preferredCurrency": "USD", "migrated": false,
        "createdAt": "2026-01-01T00:00:00.000Z", "lastActiveAt": "2026-01-01T00:00:00.000Z",
        "expiresAt": "2026-01-31T00:00:00.000Z",
    });
    assert_eq!(body["session"], expected);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert!(reply.cookies().is_empty());
    let again = creates(&phone, "my-phone_1").await.expect(201).json();
    assert_ne!(again["sessionToken"], body["sessionToken"]);
    assert_ne!(again["session"]["id"], body["session"]["id"]);
    assert!(is_valid(&phone, token).await);
    assert!(!post(&phone, "/validate", token).await.text().contains(token), "the token is shown once");
    let euro = json!({ "deviceId": "x", "preferredCurrency": "EUR", "userId": "root", "migrated": true });
    let euro = call(&phone, Method::POST, "/", euro).await.expect(201).json();
    assert_eq!(euro["session"]["preferredCurrency"], "EUR");
    assert_eq!(euro["session"]["migrated"], false);
}

#[tokio::test]
async fn a_token_is_valid_or_not() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let created = creates(&phone, "phone").await.expect(201).json();
    let token = created["sessionToken"].as_str().unwrap();
    let valid = post(&phone, "/validate", token).await.expect(200).json();
    assert_eq!(valid, json!({ "valid": true, "session": created["session"] }));
    assert_eq!(post(&phone, "/validate", UNKNOWN).await.expect(200).json(), json!({ "valid": false }));
}

#[tokio::test]
async fn a_heartbeat_is_written_down_and_one_of_nobody_is_not_found() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let token = open(&phone, "phone").await;
    app.pass(std::time::Duration::from_mins(1));
    assert!(beats(&phone, &token).await.expect(200).json()["message"].is_string());
    let session = post(&phone, "/validate", &token).await.json()["session"].clone();
    assert_eq!(session["lastActiveAt"], "2026-01-01T00:01:00.000Z");
    assert_eq!(session["expiresAt"], "2026-01-31T00:01:00.000Z");
    refused(&beats(&phone, UNKNOWN).await, StatusCode::NOT_FOUND, "device_session_not_found");
}

#[tokio::test]
async fn info_tells_the_session_of_the_header_and_whether_it_can_become_a_users() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let created = creates(&phone, "phone").await.expect(201).json();
    let token = created["sessionToken"].as_str().unwrap();
    let told = info(&phone, token).await.expect(200).json();
    assert_eq!(told, json!({ "session": created["session"], "canMigrate": true }));
    let without = phone.send(phone.request_at(Method::GET, "/device-sessions/info")).await;
    refused(&without, StatusCode::UNAUTHORIZED, "device_token_missing");
    refused(&info(&phone, UNKNOWN).await, StatusCode::NOT_FOUND, "device_session_not_found");
    let malformed = info(&phone, "hush").await;
    refused(&malformed, StatusCode::BAD_REQUEST, "invalid_input");
    assert!(malformed.text().contains("x-device-session-token") && !malformed.text().contains("hush"));
}

#[tokio::test]
async fn an_ended_session_is_gone_and_ending_it_again_is_fine() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let (token, other) = (open(&phone, "phone").await, open(&phone, "phone").await);
    for token in [&*token, &token, UNKNOWN] {
        assert!(ends(&phone, token).await.expect(200).json()["message"].is_string());
    }
    assert!(!is_valid(&phone, &token).await);
    refused(&beats(&phone, &token).await, StatusCode::NOT_FOUND, "device_session_not_found");
    refused(&info(&phone, &token).await, StatusCode::NOT_FOUND, "device_session_not_found");
    let reason = json!({ "canMigrate": false, "reason": "not found or expired" });
    assert_eq!(eligibility(&phone, &token).await, reason);
    assert!(is_valid(&phone, &other).await);
}

#[tokio::test]
async fn cookies_count_only_from_trusted_origins() {
    let app = TestApp::builder()
        .config(|config| config.http.trusted_origins = vec!["https://app.example.test".to_owned()])
        .start()
        .await;
    let (phone, ann) = (app.actor("phone"), app.user("ann").await);
    let token = open(&phone, "phone").await;
    let ask = |path: &str, method: Method, body: Value| {
        ann.request_at(method, &format!("/device-sessions{path}")).json(&body)
    };
    let requests = [
        ask("/migrate", Method::POST, json!({ "sessionToken": token })),
        ask("/cleanup", Method::DELETE, json!({})),
        ask("", Method::DELETE, json!({ "sessionToken": token })),
        ask("/activity", Method::PUT, json!({ "sessionToken": token })),
    ];
    for request in requests {
        let foreign = ann.send(request.clone().header(ORIGIN, "https://evil.test")).await;
        refused(&foreign, StatusCode::FORBIDDEN, "invalid_origin");
        refused(&ann.send(request.without(ORIGIN)).await, StatusCode::FORBIDDEN, "missing_origin");
    }
    assert_eq!(eligibility(&phone, &token).await, json!({ "canMigrate": true }));
    // A native client has neither cookies nor an origin.
    let native = phone.request_at(Method::PUT, "/device-sessions/activity").without(ORIGIN);
    let _ = phone.send(native.json(&json!({ "sessionToken": token }))).await.expect(200);
    let migrate = ask("/migrate", Method::POST, json!({ "sessionToken": token }));
    let migrated = ann.send(migrate.header(ORIGIN, "https://app.example.test")).await.expect(200);
    assert_eq!(migrated.header("access-control-allow-origin"), Some("https://app.example.test"));
}

#[tokio::test]
async fn a_page_of_a_trusted_origin_may_send_the_header_of_devices() {
    let app = TestApp::builder()
        .config(|config| config.http.trusted_origins = vec!["https://app.example.test".to_owned()])
        .start()
        .await;
    let page = app.actor("page");
    let preflight = |origin: &str| {
        let call = page.request_at(Method::OPTIONS, "/device-sessions/info").header(ORIGIN, origin);
        page.send(call.header("access-control-request-method", "GET"))
    };
    let allowed = preflight("https://app.example.test").await.expect(204);
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("x-device-session-token"));
    let foreign = preflight("https://evil.test").await.expect(405);
    assert_eq!(foreign.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn other_methods_and_other_hosts_are_refused_in_our_own_words() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    for (method, path) in [(Method::GET, ""), (Method::PATCH, ""), (Method::GET, "/migrate"), (Method::POST, "/info")] {
        refused(&call(&phone, method, path, json!({})).await, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    }
    let elsewhere = phone.request_at(Method::POST, "/device-sessions").header("host", "evil.test");
    let elsewhere = phone.send(elsewhere.json(&json!({ "deviceId": "phone" }))).await;
    refused(&elsewhere, StatusCode::MISDIRECTED_REQUEST, "host_not_allowed");
}
