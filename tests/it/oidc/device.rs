//! Devices without a browser.

use std::time::Duration;

use identity_core::Code;
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{GrantType, Params, Presented};
use identity_core::request::RequestInfo;
use identity_tests::{RelyingParty, Reply, TestApp, claims, resolved};
use serde_json::Value;

use super::events;

struct Waiting {
    device_code: String,
    user_code: String,
}

async fn begins(tv: &RelyingParty, scope: &str) -> Waiting {
    let answer = tv.post("/oauth2/device", &[("scope", scope)]).await.expect(200).json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    Waiting { device_code: text("device_code"), user_code: text("user_code") }
}

async fn polls(tv: &RelyingParty, waiting: &Waiting) -> Reply {
    let grant = GrantType::DeviceCode.as_str();
    tv.post("/oauth2/token", &[("grant_type", grant), ("device_code", &waiting.device_code)]).await
}

#[tokio::test]
async fn an_address_asks_for_so_many_codes_a_minute_and_those_that_are_over_go() {
    let builder = TestApp::builder().config(|config| config.limits.enabled = true);
    let app = builder.without_worker().start().await;
    let tv = RelyingParty::public(&app, "tv").await;
    let fields = [("client_id", "tv"), ("scope", "openid")];
    let params = Params::new(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let presented = Presented { authorization: None, params: &params };
    let oauth = app.identity.oauth();
    let mut last = Value::Null;
    for _ in 0..60 {
        last = Value::Object(oauth.authorize_device(presented, &from("192.0.2.1")).await.unwrap());
    }
    let limited = oauth.authorize_device(presented, &from("192.0.2.1")).await.unwrap_err();
    assert_eq!(limited.cause().unwrap().code(), Code::RateLimited);
    assert!(oauth.authorize_device(presented, &from("192.0.2.2")).await.is_ok());

    let waiting = Waiting { device_code: last["device_code"].as_str().unwrap().to_owned(), user_code: String::new() };
    let devices = async || app.database().number("SELECT COUNT(*) FROM identity_device_authorizations").await;
    app.pass(Duration::from_mins(11));
    app.identity.clean_up().await.unwrap();
    polls(&tv, &waiting).await.expect_oauth(400, "expired_token");
    app.pass(Duration::from_mins(10));
    app.identity.clean_up().await.unwrap();
    assert_eq!(devices().await, 0);
}

fn from(ip: &str) -> RequestInfo {
    RequestInfo { ip: Some(ip.parse().unwrap()), ..RequestInfo::default() }
}

#[tokio::test]
async fn somebody_enters_the_code_and_the_device_is_let_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let tv = RelyingParty::public(&app, "tv").await;
    let answer: Value = tv.post("/oauth2/device", &[("scope", "openid email offline_access")]).await.expect(200).json();
    assert_eq!((&answer["expires_in"], &answer["interval"]), (&600.into(), &5.into()));
    assert_eq!(answer["verification_uri"], "http://localhost:8888/ui/device");
    let user_code = answer["user_code"].as_str().unwrap().to_owned();
    let complete = format!("http://localhost:8888/ui/device?user_code={user_code}");
    assert_eq!(answer["verification_uri_complete"], complete.as_str());
    let waiting = Waiting { device_code: answer["device_code"].as_str().unwrap().to_owned(), user_code };
    polls(&tv, &waiting).await.expect_oauth(400, "authorization_pending");

    let browser = resolved(&app, &alice).await.unwrap();
    let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
    let typed = waiting.user_code.to_lowercase().replace('-', " ");
    let request = oauth.device_request(&typed, &browser, &info).await.unwrap().unwrap();
    assert_eq!((request.client.id.as_str(), request.scope.to_string().as_str()), ("tv", "email offline_access openid"));
    assert!(oauth.decide_device(&waiting.user_code, &browser, true, &info).await.unwrap());
    assert!(!oauth.decide_device(&waiting.user_code, &browser, false, &info).await.unwrap(), "once");
    app.pass(Duration::from_secs(5));
    let tokens = polls(&tv, &waiting).await.expect(200).json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["sub"], browser.profile.id.as_str());
    let _ = tv.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);
    let _ = tv.refreshes(tokens["refresh_token"].as_str().unwrap()).await.expect(200);
    polls(&tv, &waiting).await.expect_oauth(400, "invalid_grant");
    assert_eq!(oauth.consents(&browser.profile.id).await.unwrap().len(), 1);
    assert_eq!(events(&app, "device_code.approved").await, 1);
}

#[tokio::test]
async fn a_device_that_asks_too_often_has_to_slow_down() {
    let app = TestApp::start().await;
    let tv = RelyingParty::public(&app, "tv").await;
    let waiting = begins(&tv, "openid").await;
    polls(&tv, &waiting).await.expect_oauth(400, "authorization_pending");
    app.pass(Duration::from_secs(4));
    polls(&tv, &waiting).await.expect_oauth(400, "slow_down");
    app.pass(Duration::from_secs(9));
    polls(&tv, &waiting).await.expect_oauth(400, "slow_down");
    app.pass(Duration::from_secs(15));
    polls(&tv, &waiting).await.expect_oauth(400, "authorization_pending");
}

#[tokio::test]
async fn a_device_that_never_slows_down_is_limited() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let tv = RelyingParty::public(&app, "tv").await;
    let waiting = begins(&tv, "openid").await;
    polls(&tv, &waiting).await.expect_oauth(400, "authorization_pending");
    for _ in 0..100 {
        polls(&tv, &waiting).await.expect_oauth(400, "slow_down");
    }
    polls(&tv, &waiting).await.expect_oauth(429, "temporarily_unavailable");
}

#[tokio::test]
async fn a_device_that_nobody_lets_in_hears_why() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let tv = RelyingParty::public(&app, "tv").await;
    let (denied, late) = (begins(&tv, "openid").await, begins(&tv, "openid").await);
    let browser = resolved(&app, &alice).await.unwrap();
    let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
    let _ = oauth.device_request(&denied.user_code, &browser, &info).await.unwrap().unwrap();
    assert!(oauth.decide_device(&denied.user_code, &browser, false, &info).await.unwrap());
    polls(&tv, &denied).await.expect_oauth(400, "access_denied");
    app.pass(Duration::from_mins(10));
    assert!(oauth.device_request(&late.user_code, &browser, &info).await.unwrap().is_none());
    assert!(!oauth.decide_device(&late.user_code, &browser, true, &info).await.unwrap());
    polls(&tv, &late).await.expect_oauth(400, "expired_token");
    assert_eq!(events(&app, "device_code.denied").await, 1);
    assert!(oauth.consents(&browser.profile.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_first_who_opens_a_code_is_the_only_one_to_decide() {
    let app = TestApp::start().await;
    let (alice, eve) = (app.user("alice").await, app.user("eve").await);
    let tv = RelyingParty::public(&app, "tv").await;
    let waiting = begins(&tv, "openid").await;
    let (alice, eve) = (resolved(&app, &alice).await.unwrap(), resolved(&app, &eve).await.unwrap());
    let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
    assert!(!oauth.decide_device(&waiting.user_code, &eve, true, &info).await.unwrap(), "nobody has opened it");
    let _ = oauth.device_request(&waiting.user_code, &alice, &info).await.unwrap().unwrap();
    assert!(oauth.device_request(&waiting.user_code, &eve, &info).await.unwrap().is_none());
    assert!(!oauth.decide_device(&waiting.user_code, &eve, true, &info).await.unwrap());
    assert!(oauth.device_request(&waiting.user_code, &alice, &info).await.unwrap().is_some());
    polls(&tv, &waiting).await.expect_oauth(400, "authorization_pending");
}

#[tokio::test]
async fn a_code_is_the_devices_and_its_clients() {
    let app = TestApp::start().await;
    let tv = RelyingParty::public(&app, "tv").await;
    let other = RelyingParty::public(&app, "other").await;
    let waiting = begins(&tv, "openid").await;
    polls(&other, &waiting).await.expect_oauth(400, "invalid_grant");
    let invented = Waiting { device_code: "x".to_owned(), user_code: String::new() };
    polls(&tv, &invented).await.expect_oauth(400, "invalid_grant");
    let mistaken = Waiting { device_code: waiting.user_code.clone(), user_code: String::new() };
    polls(&tv, &mistaken).await.expect_oauth(400, "invalid_grant");
    let without = RelyingParty::with(&app, "without", AuthMethod::None, |metadata, _| {
        metadata.grant_types = vec![GrantType::AuthorizationCode];
    })
    .await;
    without.post("/oauth2/device", &[("scope", "openid")]).await.expect_oauth(400, "unauthorized_client");
    tv.post("/oauth2/device", &[("scope", "nonsense")]).await.expect_oauth(400, "invalid_scope");
    let dump = app.database().dump().await;
    assert!(!dump.contains(&waiting.device_code) && !dump.contains(&waiting.user_code.replace('-', "")));
}

#[tokio::test]
async fn whoever_is_signed_out_meanwhile_lets_nobody_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let tv = RelyingParty::public(&app, "tv").await;
    let waiting = begins(&tv, "openid").await;
    let browser = resolved(&app, &alice).await.unwrap();
    let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
    let _ = oauth.device_request(&waiting.user_code, &browser, &info).await.unwrap().unwrap();
    assert!(oauth.decide_device(&waiting.user_code, &browser, true, &info).await.unwrap());
    let _ = alice.signs_out().await.expect(200);
    polls(&tv, &waiting).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_row_with_a_word_that_nobody_knows_is_neither_good_nor_bad() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let tv = RelyingParty::public(&app, "tv").await;
    let waiting = begins(&tv, "openid").await;
    let code = tv.code(&app, &alice, &tv.ask()).await;
    for table in ["device_authorizations", "authorization_grants"] {
        assert_eq!(app.database().change(&format!("UPDATE identity_{table} SET state = 'later'")).await, 1);
    }
    polls(&tv, &waiting).await.expect_oauth(500, "server_error");
    tv.redeems(&code).await.expect_oauth(500, "server_error");
}

#[tokio::test]
async fn codes_cannot_be_tried_one_after_the_other() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let alice = app.user("alice").await;
    let browser = resolved(&app, &alice).await.unwrap();
    let oauth = app.identity.oauth();
    for _ in 0..10 {
        assert!(oauth.device_request("BCDF-GHJK", &browser, &from("192.0.2.1")).await.unwrap().is_none());
    }
    let limited = oauth.device_request("BCDF-GHJK", &browser, &from("192.0.2.1")).await.unwrap_err();
    assert_eq!(limited.code(), Code::RateLimited);
    assert!(oauth.device_request("BCDF-GHJK", &browser, &from("192.0.2.2")).await.is_ok());
}
