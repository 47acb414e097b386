//! Devices that show a code: who lets them in, and whom they are let in for.

use std::time::Duration;

use http::Method;
use identity_core::audit::EventFilter;
use identity_core::config::ResourceSpec;
use identity_core::event::Actor as Who;
use identity_core::oauth::GrantType;
use identity_core::oauth::client::{AuthMethod, ClientChange};
use identity_core::user::Ban;
use identity_tests::{Actor, Page, RelyingParty, Reply, TestApp, claims};
use serde_json::Value;

use super::over_http::events;
use crate::flows::row;

/// A device that shows a code.
async fn begins(tv: &RelyingParty, fields: &[(&str, &str)]) -> (String, String) {
    let answer = tv.post("/oauth2/device", fields).await.expect(200).json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

/// The device asks for its tokens, as early as it may.
async fn polls(app: &TestApp, tv: &RelyingParty, device_code: &str, more: &[(&str, &str)]) -> Reply {
    app.pass(Duration::from_secs(6));
    let fields = [("grant_type", GrantType::DeviceCode.as_str()), ("device_code", device_code)];
    tv.post("/oauth2/token", &[&fields, more].concat()).await
}

async fn enters(actor: &Actor, code: &str) -> Page {
    actor.visits("/ui/device").await.at("/ui/device").form("device-submit").fill("user_code", code).submit().await
}

async fn signs_in(page: &Page, actor: &Actor) -> Page {
    page.form("login-submit").fill("username", &actor.email).fill("password", &actor.password).submit().await
}

/// Case 107: the first who opens a code is the only one to decide, and whoever else comes with it is written down.
#[tokio::test]
async fn a_code_that_somebody_has_opened_is_nobody_elses() {
    let app = TestApp::start().await;
    let (victim, eve) = (app.user("victim").await, app.user("eve").await);
    let tv = RelyingParty::public(&app, "tv").await;
    let (device_code, user_code) = begins(&tv, &[("scope", "openid")]).await;
    let (_, own_code) = begins(&tv, &[("scope", "openid")]).await;
    let page = enters(&victim, &user_code).await.at("/ui/device/confirm");
    let own = enters(&eve, &own_code).await.at("/ui/device/confirm");
    assert_eq!(events(&app, "device_code.contested").await, 0);
    let mut tried = 0;
    for typed in [user_code.clone(), user_code.to_lowercase(), user_code.replace('-', "")] {
        assert!(enters(&eve, &typed).await.expect(422).id("user-code-error").is_some());
        tried += 1;
        // The page of another code, sent with this one.
        for decision in ["consent-allow", "consent-deny"] {
            let forged = own.form(decision).fill("user_code", &typed).submit().await.expect(422);
            assert!(forged.id("user-code-error").is_some(), "{}", forged.text());
            tried += 1;
        }
        assert_eq!(events(&app, "device_code.contested").await, tried);
    }
    let filter = EventFilter { kind: Some("device_code.contested".to_owned()), ..EventFilter::default() };
    let record = app.identity.audit().list(&filter, None, 100).await.unwrap();
    let id = row(&app, &eve).await.id;
    assert!(record.iter().all(|event| event.actor == Who::User(id.clone()) && event.ip.is_some()), "{record:?}");
    polls(&app, &tv, &device_code, &[]).await.expect_oauth(400, "authorization_pending");
    assert_eq!((events(&app, "device_code.approved").await, events(&app, "consent.granted").await), (0, 0));
    // It is still the victim's to decide, and what comes of it is the victim's.
    let done = page.form("consent-allow").submit().await.at("/ui/device");
    assert!(done.text().contains("The device is connected"));
    let _ = enters(&eve, &user_code).await.expect(422);
    let _ = own.form("consent-deny").fill("user_code", &user_code).submit().await.expect(422);
    let tokens = polls(&app, &tv, &device_code, &[]).await.expect(200).json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["sub"], row(&app, &victim).await.id.as_str());
    assert_eq!(events(&app, "device_code.contested").await, tried, "what is decided is nobody's");
}

/// Case 108: a device gets nothing that an application would not get.
#[tokio::test]
async fn a_device_is_let_in_by_nobody_who_could_not_let_an_application_in() {
    let builder = TestApp::builder().config(|config| {
        config.email.require_verification = true;
        config.email.sign_in_after_verification = true;
    });
    let app = builder.start().await;
    let tv = RelyingParty::public(&app, "tv").await;
    let (device_code, user_code) = begins(&tv, &[("scope", "openid")]).await;
    let waits = async || polls(&app, &tv, &device_code, &[]).await.expect_oauth(400, "authorization_pending");

    // Nobody, and somebody whose address has to be proved first.
    let ann = app.actor("ann");
    let _ = ann.signs_up().await.expect(200);
    let login = enters(&ann, &user_code).await.at("/ui/login");
    waits().await;
    let proof = signs_in(&login, &ann).await.at("/ui/verify").form("verify-send").submit().await.at("/ui/verify");
    let direct = ann.visits(&format!("/ui/device/confirm?user_code={user_code}")).await.at("/ui/login");
    assert!(direct.id("consent-allow").is_none() && !ann.is_signed_in().await);
    waits().await;
    let code = app.letter_to(&ann.email, 1).await.code();
    let page = proof.form("verify-submit").fill("code", &code).submit().await.at("/ui/device/confirm");

    // Somebody who is banned while the page is open, however often they come back.
    let id = row(&app, &ann).await.id;
    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    let login = page.form("consent-allow").submit().await.at("/ui/login");
    waits().await;
    let refused = signs_in(&login, &ann).await;
    assert!(refused.reply.status == 403 && !ann.is_signed_in().await, "{}", refused.text());
    let _ = page.form("consent-allow").submit().await.at("/ui/login");
    waits().await;
    assert_eq!(events(&app, "device_code.approved").await, 0);
    app.identity.users().unban(&id).await.unwrap();

    // Somebody who is banned, or has left, between the word and the tokens.
    let _ = ann.signs_in().await.expect(200);
    let done = enters(&ann, &user_code).await.at("/ui/device/confirm").form("consent-allow").submit().await;
    assert!(done.text().contains("The device is connected"), "{}", done.text());
    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    polls(&app, &tv, &device_code, &[]).await.expect_oauth(400, "invalid_grant");
    app.identity.users().unban(&id).await.unwrap();
    polls(&app, &tv, &device_code, &[]).await.expect_oauth(400, "invalid_grant");
}

/// Case 108: what a client may ask for is the same on a device.
#[tokio::test]
async fn a_device_asks_for_no_more_than_its_client_may() {
    const API: &str = "https://api.example.test";
    let builder = TestApp::builder().config(|config| {
        config.oauth.resources = [API, "https://other.example.test"].map(ResourceSpec::new).into();
    });
    let app = builder.start().await;
    let ann = app.user("ann").await;
    let tv = RelyingParty::with(&app, "tv", AuthMethod::None, |metadata, policy| {
        metadata.scope = Some(["openid", "email"].into_iter().collect());
        policy.resources = vec![API.to_owned()];
    })
    .await;
    for (fields, error) in [
        ([("scope", "openid phone")].as_slice(), "invalid_scope"),
        (&[("scope", "openid"), ("resource", "https://other.example.test")], "invalid_target"),
        (&[("scope", "openid"), ("resource", "https://unknown.example.test")], "invalid_target"),
    ] {
        tv.post("/oauth2/device", fields).await.expect_oauth(400, error);
    }
    // What was agreed to is what there is, and less on request.
    let (device_code, user_code) = begins(&tv, &[("scope", "openid"), ("resource", API)]).await;
    let page = enters(&ann, &user_code).await.at("/ui/device/confirm");
    assert!(page.text().contains(API), "{}", page.text());
    let _ = page.form("consent-allow").submit().await.at("/ui/device");
    for resources in [
        [("resource", "https://other.example.test")].as_slice(),
        &[("resource", API), ("resource", "https://other.example.test")],
    ] {
        polls(&app, &tv, &device_code, resources).await.expect_oauth(400, "invalid_target");
    }
    let tokens: Value = polls(&app, &tv, &device_code, &[]).await.expect(200).json();
    assert_eq!(claims(tokens["access_token"].as_str().unwrap())["aud"], API);
    // A client that may not do this any more gets nothing of what waits.
    let (device_code, user_code) = begins(&tv, &[("scope", "openid")]).await;
    let _ = enters(&ann, &user_code).await.at("/ui/device/confirm").form("consent-allow").submit().await;
    let mut metadata = tv.client.metadata.clone();
    metadata.grant_types = vec![GrantType::AuthorizationCode];
    let change = ClientChange { metadata: Some(metadata), ..ClientChange::default() };
    let _ = app.identity.clients().update(&tv.client.id, change).await.unwrap();
    polls(&app, &tv, &device_code, &[]).await.expect_oauth(400, "unauthorized_client");
    tv.post("/oauth2/device", &[("scope", "openid")]).await.expect_oauth(400, "unauthorized_client");
    app.identity.clients().delete(&tv.client.id).await.unwrap();
    polls(&app, &tv, &device_code, &[]).await.expect_oauth(401, "invalid_client");
    let reply = ann.send(ann.request_at(Method::GET, &format!("/ui/device/confirm?user_code={user_code}"))).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
}
