use std::time::Duration;

use identity_tests::{Actor, TestApp};
use serde_json::{Value, json};

use super::created;

const NEW: &str = "another password";

async fn asks(actor: &Actor) -> Value {
    let body = json!({ "email": actor.email, "redirectTo": "/reset?step=2" });
    actor.post("/request-password-reset", body).await.expect(200).json()
}

async fn link(app: &TestApp, actor: &Actor, index: usize) -> String {
    asks(actor).await;
    let letter = app.letter_to(&actor.email, index).await;
    assert_eq!(letter.subject, "Choose a new password for Identity");
    letter.link()
}

/// Follows the link and answers the token that the page of the application is given.
async fn token(actor: &Actor, link: &str) -> String {
    let reply = actor.opens(link).await.expect(302);
    let location = reply.header("location").unwrap();
    location
        .strip_prefix("http://localhost:8888/reset?step=2&token=")
        .unwrap_or_else(|| panic!("{location}"))
        .to_owned()
}

async fn resets(actor: &Actor, token: &str) -> identity_tests::Reply {
    actor.post("/reset-password", json!({ "newPassword": NEW, "token": token })).await
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let app = TestApp::start().await;
    let mut alice = app.user("alice").await;
    let bob = app.user("bob").await;
    let visitor = alice.at_another_browser();
    let token = token(&visitor, &link(&app, &visitor, 0).await).await;
    assert_eq!(resets(&visitor, &token).await.expect(200).json(), json!({ "status": true }));
    assert!(!alice.is_signed_in().await && !visitor.is_signed_in().await && bob.is_signed_in().await);
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    alice.password = NEW.to_owned();
    let _ = alice.signs_in().await.expect(200);
    assert_eq!(app.letter_to(&alice.email, 1).await.subject, "Your password for Identity was changed");
}

#[tokio::test]
async fn asking_tells_nothing_about_who_has_an_account() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let nobody = app.actor("nobody");
    assert_eq!(asks(&alice).await, asks(&nobody).await);
    assert_eq!(
        asks(&nobody).await,
        json!({ "status": true, "message": "If this email exists in our system, check your email for the reset link" })
    );
    let old_name = nobody.post("/forget-password", json!({ "email": nobody.email })).await.expect(200);
    assert_eq!(old_name.json(), asks(&nobody).await);
    app.until_mails_have_left().await;
    assert_eq!(app.mailer.mails().len(), 1);
}

#[tokio::test]
async fn following_the_link_changes_nothing_and_says_what_is_wrong_about_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice, 0).await;
    let first = token(&alice, &link).await;
    assert_eq!(first, token(&alice, &link).await);
    let location = async |path: &str| alice.get(path).await.expect(302).header("location").unwrap().to_owned();
    let dead = location("/reset-password/unknown?callbackURL=%2Freset").await;
    assert_eq!(dead, "http://localhost:8888/reset?error=INVALID_TOKEN");
    let nowhere = location(&format!("/reset-password/{first}?callbackURL=")).await;
    assert_eq!(nowhere, "http://localhost:8888/api/auth/error?error=INVALID_TOKEN");
    alice.get(&format!("/reset-password/{first}")).await.expect_error(400, "VALIDATION_ERROR");
    let evil = alice.get(&format!("/reset-password/{first}?callbackURL=https%3A%2F%2Fevil.test")).await;
    evil.expect_error(403, "INVALID_CALLBACK_URL");
    let head = alice.send(alice.request(http::Method::HEAD, &format!("/reset-password/{first}?callbackURL=/"))).await;
    assert_eq!(head.status, 404);
    assert!(alice.is_signed_in().await);
    let _ = resets(&alice, &first).await.expect(200);
    let spent = alice.opens(&link).await.expect(302);
    assert_eq!(spent.header("location"), Some("http://localhost:8888/reset?step=2&error=INVALID_TOKEN"));
}

#[tokio::test]
async fn a_link_works_once_and_for_an_hour() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = token(&alice, &link(&app, &alice, 0).await).await;
    app.pass(Duration::from_secs(3599));
    let second = token(&alice, &link(&app, &alice, 1).await).await;
    let _ = resets(&alice, &first).await.expect(200);
    resets(&alice, &first).await.expect_error(400, "INVALID_TOKEN");
    resets(&alice, &second).await.expect_error(400, "INVALID_TOKEN");
    let _notice = app.letter_to(&alice.email, 2).await;
    let third = token(&alice, &link(&app, &alice, 3).await).await;
    app.pass(Duration::from_hours(1));
    resets(&alice, &third).await.expect_error(400, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_password_that_is_refused_leaves_the_link_good() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = token(&alice, &link(&app, &alice, 0).await).await;
    for (new, code) in [("1234567".to_owned(), "PASSWORD_TOO_SHORT"), ("x".repeat(129), "PASSWORD_TOO_LONG")] {
        let reply = alice.post("/reset-password", json!({ "newPassword": new, "token": token })).await;
        reply.expect_error(400, code);
    }
    let reply = alice.post(&format!("/reset-password?token={token}"), json!({ "newPassword": NEW })).await;
    let _ = reply.expect(200);
}

#[tokio::test]
async fn only_a_reset_link_resets() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let _ = alice.post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    let verification = app.letter_to(&alice.email, 0).await.token();
    let session = alice.session().await["session"]["token"].as_str().unwrap().to_owned();
    for token in [verification.as_str(), &session, "unknown", ""] {
        resets(&alice, token).await.expect_error(400, "INVALID_TOKEN");
    }
    let missing = alice.post("/reset-password", json!({ "newPassword": NEW })).await;
    missing.expect_error(400, "INVALID_TOKEN");
    let reset = token(&alice, &link(&app, &alice, 1).await).await;
    alice.get(&format!("/verify-email?token={reset}")).await.expect_error(401, "INVALID_TOKEN");
    assert_eq!(alice.session().await["user"]["emailVerified"], false);
}

#[tokio::test]
async fn a_user_without_a_password_has_one_from_here_on() {
    let app = TestApp::start().await;
    let mut guest = app.actor("guest");
    created(&app, &guest).await;
    let token = token(&guest, &link(&app, &guest, 0).await).await;
    let _ = resets(&guest, &token).await.expect(200);
    guest.password = NEW.to_owned();
    let _ = guest.signs_in().await.expect(200);
}

#[tokio::test]
async fn without_mail_and_where_it_is_switched_off_nothing_is_reset() {
    for app in [
        TestApp::builder().without_mail().start().await,
        TestApp::builder().config(|config| config.password.reset = false).start().await,
    ] {
        let alice = app.user("alice").await;
        let reply = alice.post("/request-password-reset", json!({ "email": alice.email })).await;
        reply.expect_error(400, "RESET_PASSWORD_DISABLED");
    }
}
