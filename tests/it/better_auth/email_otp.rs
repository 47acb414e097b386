use std::time::Duration;

use identity_tests::{Actor, Reply, TestApp};
use serde_json::{Value, json};

use super::{app_where_codes_sign_in, code_for, created};

async fn gives(actor: &Actor, code: &str) -> Reply {
    actor.post("/email-otp/verify-email", json!({ "email": actor.email, "otp": code })).await
}

/// A code that is not this one.
fn not(code: &str) -> String {
    if code == "000000" { "000001".to_owned() } else { "000000".to_owned() }
}

#[tokio::test]
async fn a_code_proves_the_address_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let code = code_for(&app, &alice, 0).await;
    assert_eq!(app.letter_to(&alice.email, 0).await.subject, "Your code for Identity");
    let reply = gives(&alice.at_another_browser(), &code).await.expect(200);
    let body = reply.json();
    assert_eq!((&body["status"], &body["token"]), (&json!(true), &Value::Null));
    assert_eq!((&body["user"]["emailVerified"], reply.cookies().len()), (&json!(true), 0));
    assert_eq!(alice.session().await["user"], body["user"]);
    gives(&alice, &code).await.expect_error(400, "INVALID_OTP");
}

#[tokio::test]
async fn a_code_signs_in_the_browser_that_signed_up_where_that_is_configured() {
    let app = TestApp::builder()
        .config(|config| {
            config.email.require_verification = true;
            config.email.sign_in_after_verification = true;
        })
        .start()
        .await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    app.pass(Duration::from_secs(1));
    let code = code_for(&app, &alice, 1).await;
    let reply = gives(&alice, &code).await.expect(200);
    assert_eq!(reply.json()["token"], alice.session().await["session"]["token"]);
}

#[tokio::test]
async fn a_code_leads_nobody_into_an_account_that_somebody_else_has_made() {
    let app = app_where_codes_sign_in().await;
    let stranger = app.user("alice").await;
    let alice = stranger.at_another_browser();
    let code = code_for(&app, &alice, 0).await;
    let reply = gives(&alice, &code).await.expect(200);
    assert_eq!(reply.json()["token"], Value::Null);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_code_does_not_sign_a_banned_user_in() {
    let app = app_where_codes_sign_in().await;
    let alice = app.user("alice").await;
    let code = code_for(&app, &alice, 0).await;
    assert_eq!(app.database().change("UPDATE identity_users SET banned = TRUE").await, 1);
    let reply = gives(&alice.at_another_browser(), &code).await;
    assert!(reply.cookies().is_empty() && !alice.is_signed_in().await, "{}", reply.text());
}

#[tokio::test]
async fn three_wrong_codes_end_the_code() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let code = code_for(&app, &alice, 0).await;
    gives(&alice, &not(&code)).await.expect_error(400, "INVALID_OTP");
    gives(&alice, "not even digits").await.expect_error(400, "INVALID_OTP");
    gives(&alice, &not(&code)).await.expect_error(400, "INVALID_OTP");
    gives(&alice, &code).await.expect_error(403, "TOO_MANY_ATTEMPTS");
    assert_eq!(alice.session().await["user"]["emailVerified"], false);
    let next = code_for(&app, &alice, 1).await;
    let _ = gives(&alice, &next).await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_for_five_minutes() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let code = code_for(&app, &alice, 0).await;
    app.pass(Duration::from_mins(5));
    gives(&alice, &code).await.expect_error(400, "OTP_EXPIRED");
    let code = code_for(&app, &alice, 1).await;
    app.pass(Duration::from_secs(299));
    let _ = gives(&alice, &code).await.expect(200);
}

#[tokio::test]
async fn a_new_code_ends_the_one_before() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let old = code_for(&app, &alice, 0).await;
    let new = code_for(&app, &alice, 1).await;
    assert_ne!(old, new);
    gives(&alice, &old).await.expect_error(400, "INVALID_OTP");
    let _ = gives(&alice, &new).await.expect(200);
}

#[tokio::test]
async fn a_code_belongs_to_one_user() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let code = code_for(&app, &alice, 0).await;
    let _ = code_for(&app, &mallory, 0).await;
    gives(&mallory, &code).await.expect_error(400, "INVALID_OTP");
    let _ = gives(&alice, &code).await.expect(200);
    assert_eq!(mallory.session().await["user"]["emailVerified"], false);
}

#[tokio::test]
async fn the_code_of_a_verification_mail_and_its_link_are_one_offer() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let _ = alice.post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    let letter = app.letter_to(&alice.email, 0).await;
    let _ = alice.opens(&letter.link()).await.expect(302);
    gives(&alice, &letter.code()).await.expect_error(400, "INVALID_OTP");
}

#[tokio::test]
async fn asking_for_a_code_tells_nothing_and_sends_nothing_to_strangers() {
    let app = TestApp::start().await;
    let visitor = app.actor("visitor");
    let body = json!({ "email": visitor.email, "type": "email-verification" });
    let reply = visitor.post("/email-otp/send-verification-otp", body).await.expect(200);
    assert_eq!(reply.json(), json!({ "success": true }));
    gives(&visitor, "123456").await.expect_error(400, "INVALID_OTP");
    created(&app, &visitor).await;
    gives(&visitor, "123456").await.expect_error(400, "INVALID_OTP");
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
    for purpose in ["sign-in", "forget-password", ""] {
        let body = json!({ "email": visitor.email, "type": purpose });
        let reply = visitor.post("/email-otp/send-verification-otp", body).await;
        reply.expect_error(400, "VALIDATION_ERROR");
        assert!(reply.text().contains("[body.type]"), "{}", reply.text());
    }
}
