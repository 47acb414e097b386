//! Letting in a device by the code that it shows.

use std::time::Duration;

use identity_core::oauth::{GrantType, Params, Presented};
use identity_core::request::RequestInfo;
use identity_tests::{Actor, Page, TestApp};
use serde_json::Value;

use super::{client, sign_in};

async fn app(limited: bool) -> TestApp {
    let app = TestApp::builder().config(|config| config.limits.enabled = limited).start().await;
    client(&app, "foundry", |new| {
        new.name = "Foundry CLI".to_owned();
        new.metadata.grant_types = vec![GrantType::DeviceCode];
        new.metadata.redirect_uris.clear();
        new.metadata.response_types.clear();
    })
    .await;
    app
}

/// A device that shows a code.
async fn device(app: &TestApp) -> Value {
    let fields = [("client_id", "foundry"), ("scope", "openid email")];
    let params = Params::new(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let presented = Presented { authorization: None, params: &params };
    let asked = app.identity.oauth().authorize_device(presented, &RequestInfo::default()).await;
    Value::Object(asked.unwrap())
}

/// What the device hears when it asks for its tokens.
async fn hears(app: &TestApp, device: &Value) -> String {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "foundry"),
        ("device_code", device["device_code"].as_str().unwrap()),
    ];
    let params = Params::new(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    app.pass(Duration::from_secs(6));
    let presented = Presented { authorization: None, params: &params };
    match app.identity.oauth().token(presented, &identity_core::request::RequestInfo::default()).await {
        Ok(tokens) => format!("tokens: {}", tokens.contains_key("access_token")),
        Err(error) => error.code().as_str().to_owned(),
    }
}

async fn enters(actor: &Actor, code: &str) -> Page {
    actor.visits("/ui/device").await.at("/ui/device").form("device-submit").fill("user_code", code).submit().await
}

#[tokio::test]
async fn somebody_signs_in_on_the_way_and_lets_the_device_in() {
    let app = app(false).await;
    let waiting = device(&app).await;
    let ann = app.user("ann").await.at_another_browser();
    let code = waiting["user_code"].as_str().unwrap();
    let typed = format!(" {} ", code.to_lowercase().replace('-', "–"));
    let login = enters(&ann, &typed).await.at("/ui/login");
    let page = sign_in(&login, &ann).await.at("/ui/device/confirm");
    assert!(page.text().contains("Connect Foundry CLI?") && page.text().contains("See your email address"));
    assert!(page.text().contains(&format!("Code {code}")), "as the device shows it: {}", page.text());
    assert!(page.text().contains("Only continue if you started this."));
    assert_eq!(hears(&app, &waiting).await, "authorization_pending");
    let done = page.form("consent-allow").submit().await.at("/ui/device");
    assert!(done.text().contains("The device is connected"));
    assert_eq!(hears(&app, &waiting).await, "tokens: true");
    let again = page.form("consent-allow").submit().await.expect(422);
    assert!(again.id("user-code-error").is_some(), "there is nothing to decide any more");
}

#[tokio::test]
async fn saying_no_is_told_to_the_device() {
    let app = app(false).await;
    let waiting = device(&app).await;
    let ann = app.user("ann").await;
    let page = enters(&ann, waiting["user_code"].as_str().unwrap()).await.at("/ui/device/confirm");
    let done = page.form("consent-deny").submit().await.at("/ui/device");
    assert!(done.text().contains("The device is not connected"));
    assert_eq!(hears(&app, &waiting).await, "access_denied");
}

#[tokio::test]
async fn a_link_with_the_code_does_nothing_by_itself() {
    let app = app(false).await;
    let waiting = device(&app).await;
    let ann = app.user("ann").await;
    let page = ann.visits(waiting["verification_uri_complete"].as_str().unwrap()).await.at("/ui/device");
    assert_eq!(page.id("user-code").unwrap().get("value"), waiting["user_code"].as_str());
    assert_eq!(hears(&app, &waiting).await, "authorization_pending");
    let page = page.form("device-submit").submit().await.at("/ui/device/confirm");
    let _ = page.form("consent-allow").submit_from("https://evil.example").await.expect(403);
    assert_eq!(hears(&app, &waiting).await, "authorization_pending");
}

#[tokio::test]
async fn a_code_that_is_wrong_old_or_taken_is_said_to_be_so() {
    let app = app(false).await;
    let waiting = device(&app).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for code in ["", "BBBB-BBBB", "WDJB", "\"><script>", "ÄÖÜ"] {
        let page = enters(&ann, code).await.expect(422);
        assert_eq!(page.id("user-code").unwrap().get("aria-invalid"), Some("true"), "{code}");
        assert!(!page.reply.text().contains("<script>"));
    }
    let code = waiting["user_code"].as_str().unwrap();
    let _ = enters(&ann, code).await.at("/ui/device/confirm");
    let _ = enters(&bob, code).await.expect(422);
    app.pass(Duration::from_mins(11));
    let _ = enters(&ann, code).await.expect(422);
}

#[tokio::test]
async fn guessing_codes_is_limited() {
    let app = app(true).await;
    let ann = app.user("ann").await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(enters(&ann, "BBBB-BBBB").await.reply.status.as_u16());
    }
    let last = statuses.last().copied();
    assert_eq!((statuses[0], last), (422, Some(429)), "{statuses:?}");
}
