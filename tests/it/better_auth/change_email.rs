use std::time::Duration;

use identity_tests::{Actor, TestApp, token_of};
use serde_json::{Value, json};

use super::verified_user;

const NEW: &str = "new@example.test";

async fn asks(actor: &Actor, callback: &str) {
    let body = json!({ "newEmail": NEW, "callbackURL": callback });
    assert_eq!(actor.post("/change-email", body).await.expect(200).json(), json!({ "status": true }));
}

/// Asks for the change and answers the link of the mail to the new address; the user's own address is not proved.
async fn link(app: &TestApp, actor: &Actor) -> String {
    asks(actor, "/settings").await;
    let letter = app.letter_to(NEW, 0).await;
    assert_eq!(letter.subject, "Confirm your new e-mail address for Identity");
    letter.link()
}

async fn email(actor: &Actor) -> Value {
    actor.session().await["user"]["email"].clone()
}

#[tokio::test]
async fn an_unproved_address_is_changed_by_the_link_to_the_new_one() {
    let app = TestApp::start().await;
    let mut alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let link = link(&app, &alice).await;
    assert_eq!(email(&alice).await, "alice@example.test", "nothing has changed yet");
    let reply = alice.opens(&link).await.expect(302);
    assert_eq!(reply.header("location"), Some("/settings"));
    assert_eq!(reply.cookies()[0].name, "better-auth.session_token");
    let user = alice.session().await["user"].clone();
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!(NEW), &json!(false)));
    assert!(!at_work.is_signed_in().await, "the other sessions end");
    let notice = app.letter_to("alice@example.test", 0).await;
    assert_eq!(notice.subject, "Your e-mail address at Identity was changed");
    assert!(notice.text.contains(NEW));
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    alice.email = NEW.to_owned();
    let _ = alice.signs_in().await.expect(200);
    let repeat = alice.opens(&link).await.expect(302);
    assert_eq!(repeat.header("location"), Some("/settings"), "a link opened twice still says yes");
}

#[tokio::test]
async fn a_proved_address_agrees_first_and_stays_proved() {
    let app = TestApp::start().await;
    let alice = verified_user(&app, "alice").await;
    asks(&alice, "/settings?tab=mail").await;
    let consent = app.letter_to(&alice.email, 0).await;
    assert_eq!(consent.subject, "Confirm the change of your e-mail address at Identity");
    assert!(consent.text.contains(NEW));
    app.until_mails_have_left().await;
    assert!(app.mailer.mails_to(NEW).is_empty(), "the new address hears nothing before the old one has agreed");
    for _ in 0..2 {
        let reply = alice.opens(&consent.link()).await.expect(302);
        assert_eq!(reply.header("location"), Some("/settings?tab=mail"));
        assert_eq!(email(&alice).await, alice.email);
    }
    let proof = app.letter_to(NEW, 0).await;
    assert_eq!(proof.subject, "Confirm your new e-mail address for Identity");
    let reply = alice.opens(&proof.link()).await.expect(302);
    assert_eq!(reply.header("location"), Some("/settings?tab=mail"), "the second mail leads to where the first led");
    let user = alice.session().await["user"].clone();
    assert_eq!((&user["email"], &user["emailVerified"]), (&json!(NEW), &json!(true)));
    app.until_mails_have_left().await;
    assert_eq!(app.mailer.mails_to(NEW).len(), 1, "agreeing twice sends one mail");
}

#[tokio::test]
async fn a_taken_address_is_answered_like_a_free_one_and_gets_no_mail() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let free = alice.post("/change-email", json!({ "newEmail": NEW })).await.expect(200);
    let taken = alice.post("/change-email", json!({ "newEmail": "BOB@example.test" })).await.expect(200);
    assert_eq!((free.status, &free.body, &free.headers), (taken.status, &taken.body, &taken.headers));
    app.until_mails_have_left().await;
    assert!(app.mailer.mails_to(&bob.email).is_empty());
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_stays_with_its_owner() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice).await;
    let mut bob = app.actor("bob");
    bob.email = NEW.to_owned();
    let _ = bob.signs_up().await.expect(200);
    let reply = alice.opens(&link).await.expect(302);
    assert!(reply.header("location").unwrap().starts_with("/settings?error="), "{:?}", reply.headers);
    assert_eq!((email(&alice).await, email(&bob).await), (json!(alice.email), json!(NEW)));
}

#[tokio::test]
async fn the_link_of_another_user_does_nothing() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let link = link(&app, &alice).await;
    let token = token_of(&link);
    mallory.get(&format!("/verify-email?token={token}")).await.expect_error(401, "INVALID_USER");
    assert_eq!(mallory.opens(&link).await.expect(302).header("location"), Some("/settings?error=INVALID_USER"));
    mallory.post("/verify-email", json!({ "token": token })).await.expect_error(401, "INVALID_USER");
    assert_eq!((email(&alice).await, email(&mallory).await), (json!(alice.email), json!(mallory.email)));
    let reply = alice.get(&format!("/verify-email?token={token}")).await.expect(200);
    assert_eq!(reply.json()["user"]["email"], NEW, "it still does it for its owner");
}

#[tokio::test]
async fn without_a_session_a_page_asks_before_the_address_changes() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice).await;
    let on_phone = app.actor("phone");
    for _ in 0..2 {
        let page = on_phone.opens(&link).await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.text().contains(NEW) && page.text().contains("method=\"post\""), "{}", page.text());
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        assert_eq!(email(&alice).await, alice.email);
    }
    let form = format!("token={}&callbackURL=%2Fsettings", token_of(&link));
    let call = on_phone.request(http::Method::POST, "/verify-email");
    let call = call.header("content-type", "application/x-www-form-urlencoded").body(form);
    let reply = on_phone.send(call).await.expect(302);
    assert_eq!((reply.header("location"), reply.cookies()), (Some("/settings"), Vec::new()));
    assert!(!alice.is_signed_in().await, "nobody's session asked, so all of them end");
    assert_eq!(app.letter_to(&alice.email, 0).await.subject, "Your e-mail address at Identity was changed");
}

#[tokio::test]
async fn what_went_to_the_old_address_is_dead_after_the_change() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let reset = app.letter_to(&alice.email, 0).await.token();
    let _ = alice.post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    let verification = app.letter_to(&alice.email, 1).await;
    let link = link(&app, &alice).await;
    let _ = alice.opens(&link).await.expect(302);
    let body = json!({ "newPassword": "another password", "token": reset });
    alice.post("/reset-password", body).await.expect_error(400, "INVALID_TOKEN");
    let path = format!("/verify-email?token={}", verification.token());
    alice.get(&path).await.expect_error(401, "INVALID_TOKEN");
    let body = json!({ "email": NEW, "otp": verification.code() });
    alice.post("/email-otp/verify-email", body).await.expect_error(400, "INVALID_OTP");
    assert_eq!(alice.session().await["user"]["emailVerified"], false);
}

#[tokio::test]
async fn of_two_changes_the_first_that_is_proved_counts() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let first = link(&app, &alice).await;
    let _ = alice.post("/change-email", json!({ "newEmail": "other@example.test" })).await.expect(200);
    let second = app.letter_to("other@example.test", 0).await.token();
    let _ = alice.opens(&first).await.expect(302);
    alice.get(&format!("/verify-email?token={second}")).await.expect_error(401, "INVALID_TOKEN");
    assert_eq!(email(&alice).await, NEW);
}

#[tokio::test]
async fn a_change_is_proved_within_an_hour() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice).await;
    app.pass(Duration::from_hours(1));
    assert_eq!(alice.opens(&link).await.expect(302).header("location"), Some("/settings?error=TOKEN_EXPIRED"));
    assert_eq!(email(&alice).await, alice.email);
}

#[tokio::test]
async fn what_cannot_be_changed_is_said() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let change = async |actor: &Actor, new: Value| actor.post("/change-email", json!({ "newEmail": new })).await;
    change(&alice, json!("Alice@Example.test")).await.expect_error(400, "EMAIL_IS_THE_SAME");
    change(&alice, json!("nonsense")).await.expect_error(400, "VALIDATION_ERROR");
    change(&alice, json!(7)).await.expect_error(400, "VALIDATION_ERROR");

    let app = TestApp::builder().config(|config| config.user.change_email = false).start().await;
    change(&app.user("alice").await, json!(NEW)).await.expect_error(400, "CHANGE_EMAIL_DISABLED");
    let app = TestApp::builder().without_mail().start().await;
    change(&app.user("alice").await, json!(NEW)).await.expect_error(400, "VERIFICATION_EMAIL_NOT_ENABLED");
}
