//! Dynamic registration, over HTTP.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use identity_core::config::Registration;
use identity_tests::{Call, Reply, TestApp};
use serde_json::{Value, json};

const CALLBACK: &str = "https://app.example.test/callback";

async fn app(registration: Registration) -> TestApp {
    TestApp::builder().config(|config| config.oauth.registration = registration).start().await
}

async fn send(app: &TestApp, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
    let call = Call::at(method, path);
    let call = body.iter().fold(call, |call, body| call.json(body));
    let call = token.iter().fold(call, |call, token| call.header(AUTHORIZATION, format!("Bearer {token}")));
    app.actor("client").send(call).await
}

fn metadata() -> Value {
    json!({ "client_name": "An application", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"] })
}

#[tokio::test]
async fn a_client_registers_reads_changes_and_removes_itself() {
    let app = app(Registration::Open).await;
    let reply = send(&app, Method::POST, "/oauth2/register", None, Some(&metadata())).await.expect(201);
    assert_eq!(
        (reply.header("cache-control"), reply.header("content-type")),
        (Some("no-store"), Some("application/json"))
    );
    let registered = reply.json();
    assert!(registered["client_secret"].is_string() && registered["client_secret_expires_at"].is_i64());
    let token = registered["registration_access_token"].as_str().unwrap();
    let path = registered["registration_client_uri"].as_str().unwrap().strip_prefix("http://localhost:8888").unwrap();
    let read = send(&app, Method::GET, path, Some(token), None).await.expect(200).json();
    assert_eq!((&read["client_id"], &read["redirect_uris"]), (&registered["client_id"], &json!([CALLBACK])));
    let mut changed = metadata();
    changed["client_id"] = registered["client_id"].clone();
    changed["client_name"] = json!("Another name");
    let told = send(&app, Method::PUT, path, Some(token), Some(&changed)).await.expect(200).json();
    assert_eq!(told["client_name"], "Another name");
    let removed = send(&app, Method::DELETE, path, Some(token), None).await.expect(204);
    assert!(removed.body.is_empty());
    send(&app, Method::GET, path, Some(token), None).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn nobody_else_reads_changes_or_removes_it() {
    let app = app(Registration::Open).await;
    let one = send(&app, Method::POST, "/oauth2/register", None, Some(&metadata())).await.expect(201).json();
    let two = send(&app, Method::POST, "/oauth2/register", None, Some(&metadata())).await.expect(201).json();
    let path = one["registration_client_uri"].as_str().unwrap().strip_prefix("http://localhost:8888").unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for token in [None, Some("wrong"), two["registration_access_token"].as_str()] {
            let body = (method == Method::PUT).then(metadata);
            let reply = send(&app, method.clone(), path, token, body.as_ref()).await;
            reply.expect_oauth(401, "invalid_token");
            assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer "));
        }
    }
}

#[tokio::test]
async fn registration_is_off_by_default_and_may_need_a_token() {
    let off = app(Registration::Off).await;
    send(&off, Method::POST, "/oauth2/register", None, Some(&metadata())).await.expect_oauth(403, "access_denied");
    let guarded = app(Registration::WithToken("the initial access token".into())).await;
    for token in [None, Some("wrong")] {
        let reply = send(&guarded, Method::POST, "/oauth2/register", token, Some(&metadata())).await;
        reply.expect_oauth(401, "invalid_token");
    }
    let token = Some("the initial access token");
    let _ = send(&guarded, Method::POST, "/oauth2/register", token, Some(&metadata())).await.expect(201);
}

fn with_a_member_of_a_key(member: &str) -> Call {
    let body = format!(
        r#"{{"client_name":"Strange","redirect_uris":["{CALLBACK}"],
             "jwks":{{"keys":[{{"kty":"RSA","n":"AQAB","e":"AQAB","x":{member}}}]}}}}"#
    );
    Call::at(Method::POST, "/oauth2/register").header(CONTENT_TYPE, "application/json").body(body)
}

/// The JSON library puts the text of such a member in the place of its object, and counts the levels inside anew.
#[tokio::test]
async fn keys_that_are_nested_too_deep_are_refused() {
    let app = app(Registration::Open).await;
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let in_text = json!({ "$serde_json::private::RawValue": nested(125) }).to_string();
    // An object and a list stand around each key, which is an object too.
    for member in [nested(30), in_text] {
        let reply = app.actor("client").send(with_a_member_of_a_key(&member)).await;
        reply.expect_oauth(400, "invalid_client_metadata");
        assert!(reply.text().contains("jwks"), "{}", reply.text());
    }
    let _ = app.actor("client").send(with_a_member_of_a_key(&nested(29))).await.expect(201);
    assert_eq!(app.identity.clients().list(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn keys_with_large_numbers_can_be_read_again() {
    let app = app(Registration::Open).await;
    for number in
        ["1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-0", "123456789012345678901234567890"]
    {
        let _ = app.actor("client").send(with_a_member_of_a_key(number)).await.expect(201);
    }
    assert_eq!(app.identity.clients().list(None, 10).await.unwrap().len(), 5);
}

#[tokio::test]
async fn what_is_no_description_of_a_client_is_refused_in_words() {
    let app = app(Registration::Open).await;
    let post = async |call: Call| app.actor("client").send(call).await;
    let at = || Call::at(Method::POST, "/oauth2/register");
    for body in ["", "[]", "7", "{", "{\"redirect_uris\":null}"] {
        let reply = post(at().header("content-type", "application/json").body(body)).await;
        assert!([400].contains(&reply.status.as_u16()), "{body}: {}", reply.text());
    }
    post(at().form(&[("redirect_uris", CALLBACK)])).await.expect_oauth(400, "invalid_client_metadata");
    let large = json!({ "redirect_uris": [CALLBACK], "client_name": "x".repeat(70_000) });
    post(at().json(&large)).await.expect_oauth(413, "invalid_request");
    let fragment = json!({ "redirect_uris": [format!("{CALLBACK}#x")] });
    post(at().json(&fragment)).await.expect_oauth(400, "invalid_redirect_uri");
    let header = at().json(&metadata()).header(AUTHORIZATION, [b'B', 0xff]);
    let _ = post(header).await.expect(201);
}
