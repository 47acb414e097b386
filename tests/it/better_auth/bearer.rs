use http::Method;
use http::header::ORIGIN;
use identity_tests::{Actor, Reply, TestApp};
use serde_json::{Value, json};

async fn app() -> TestApp {
    TestApp::builder().config(|config| config.http.bearer = true).start().await
}

async fn with_bearer(visitor: &Actor, bearer: &str) -> Reply {
    let call = visitor.request(Method::GET, "/get-session").without(ORIGIN);
    let reply = visitor.send(call.header("authorization", bearer)).await;
    visitor.browser(identity_tests::Browser::clear);
    reply
}

#[tokio::test]
async fn a_token_in_the_header_stands_for_the_cookie() {
    let app = app().await;
    let alice = app.actor("alice");
    let reply = alice.signs_up().await.expect(200);
    let offered = reply.header("set-auth-token").unwrap().to_owned();
    assert_eq!(reply.header("access-control-expose-headers"), Some("set-auth-token"));
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let decoded = offered.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
    let visitor = app.actor("visitor");
    for bearer in [format!("Bearer {token}"), format!("bearer {offered}"), format!("Bearer {decoded}")] {
        assert_eq!(with_bearer(&visitor, &bearer).await.expect(200).json()["user"]["email"], alice.email, "{bearer}");
    }
    // Without cookies it is no browser that calls, so no origin is asked for.
    let call = visitor
        .request(Method::POST, "/update-user")
        .without(ORIGIN)
        .header("authorization", format!("Bearer {token}"));
    let _ = visitor.send(call.json(&json!({ "name": "A" }))).await.expect(200);
    assert_eq!(alice.session().await["user"]["name"], "A");
}

#[tokio::test]
async fn a_bad_bearer_is_nobody_and_does_not_fall_back_to_the_cookie() {
    let app = app().await;
    let alice = app.user("alice").await;
    let signed = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    let (token, signature) = signed.split_once('.').unwrap();
    let bad = [
        "unknown".to_owned(),
        format!("{token}.{}", signature.replace(char::is_lowercase, "x")),
        format!("x{signed}"),
        format!("{token} {token}"),
        String::new(),
    ];
    for bearer in bad {
        let call = alice.request(Method::GET, "/get-session").header("authorization", format!("Bearer {bearer}"));
        let kept = alice.browser(|browser| browser.clone());
        assert_eq!(alice.send(call).await.expect(200).json(), Value::Null, "{bearer}");
        alice.browser(|browser| *browser = kept);
        let call = alice.request(Method::GET, "/me").header("authorization", format!("Bearer {bearer}"));
        alice.send(call).await.expect_error(401, "UNAUTHORIZED");
    }
    let other_scheme = alice.request(Method::GET, "/me").header("authorization", "Basic YTpi");
    let _ = alice.send(other_scheme).await.expect(200);
}

#[tokio::test]
async fn a_bearer_beside_a_cookie_does_not_buy_freedom_from_the_origin_check() {
    let app = app().await;
    let alice = app.user("alice").await;
    let call = alice.request(Method::POST, "/update-user").header(ORIGIN, "https://evil.test");
    let call = call.header("authorization", "Bearer x").json(&json!({ "name": "A" }));
    alice.send(call).await.expect_error(403, "INVALID_ORIGIN");
}

#[tokio::test]
async fn bearers_are_nothing_unless_they_are_switched_on() {
    let app = TestApp::start().await;
    let alice = app.actor("alice");
    let reply = alice.signs_up().await.expect(200);
    assert_eq!(reply.header("set-auth-token"), None);
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let visitor = app.actor("visitor");
    assert_eq!(with_bearer(&visitor, &format!("Bearer {token}")).await.expect(200).json(), Value::Null);
}
