use std::time::Duration;

use identity_core::text::Email;
use identity_core::user::Ban;
use identity_tests::{Browser, TestApp};
use serde_json::{Value, json};

use super::{created, deleted, keys};

#[tokio::test]
async fn the_right_password_opens_a_session() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let reply = at_work.signs_in().await.expect(200);
    let body = reply.json();
    assert_eq!(keys(&body), ["redirect", "token", "user"]);
    assert_eq!(body["redirect"], false);
    assert_eq!(reply.header("location"), None);
    assert_ne!(body["token"], alice.session().await["session"]["token"]);
    assert!(alice.is_signed_in().await && at_work.is_signed_in().await);
}

#[tokio::test]
async fn whoever_fails_to_sign_in_learns_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (visitor, without_password) = (app.actor("visitor"), app.actor("guest"));
    created(&app, &without_password).await;
    let try_with = async |email: &str| {
        let body = json!({ "email": email, "password": "a wrong password" });
        visitor.post("/sign-in/email", body).await
    };
    let unknown = try_with("nobody@example.test").await;
    unknown.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    for email in [&alice.email, &without_password.email] {
        let reply = try_with(email).await;
        assert_eq!((reply.status, &reply.body, &reply.headers), (unknown.status, &unknown.body, &unknown.headers));
    }
    assert!(unknown.cookies().is_empty());
}

#[tokio::test]
async fn a_callback_is_answered_with_the_place_to_go_to() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "password": alice.password, "callbackURL": "/home?tab=1" });
    let reply = alice.post("/sign-in/email", body).await.expect(200);
    assert_eq!((&reply.json()["redirect"], &reply.json()["url"]), (&json!(true), &json!("/home?tab=1")));
    assert_eq!(reply.header("location"), Some("/home?tab=1"));
}

#[tokio::test]
async fn a_remembered_sign_in_clears_what_an_earlier_one_left() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "password": alice.password, "rememberMe": false });
    let reply = alice.post("/sign-in/email", body).await.expect(200);
    assert!(reply.cookies().iter().all(|cookie| cookie.max_age.is_none()), "{:?}", reply.cookies());
    let reply = alice.signs_in().await.expect(200);
    assert_eq!(deleted(&reply), ["better-auth.dont_remember"]);
    alice.browser(Browser::restart);
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_is_not_remembered_ends_after_a_day_however_it_is_used() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "password": alice.password, "rememberMe": false });
    let _ = alice.post("/sign-in/email", body).await.expect(200);
    for _ in 0..23 {
        app.pass(Duration::from_hours(1));
        assert!(alice.is_signed_in().await);
    }
    app.pass(Duration::from_hours(1));
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn equal_looking_passwords_are_one() {
    let app = TestApp::start().await;
    let mut alice = app.actor("alice");
    alice.password = "\u{fb01}sh \u{2167} pa\u{308}ssword".to_owned();
    let _ = alice.signs_up().await.expect(200);
    alice.password = "fish VIII p\u{e4}ssword".to_owned();
    let _ = alice.signs_in().await.expect(200);
}

#[tokio::test]
async fn an_unproved_address_is_told_to_the_right_password_only() {
    let app = TestApp::builder()
        .config(|config| {
            config.email.require_verification = true;
            config.email.send_on_sign_in = true;
        })
        .start()
        .await;
    let mut alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    alice.signs_in().await.expect_error(403, "EMAIL_NOT_VERIFIED");
    assert_eq!(app.letter_to(&alice.email, 1).await.subject, "Confirm your e-mail address for Identity");
    alice.password = "a wrong password".to_owned();
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_ban_is_told_to_the_right_password_only() {
    let app = TestApp::start().await;
    let mut alice = app.user("alice").await;
    let user = app.identity.users().find_by_email(&Email::parse(&alice.email).unwrap()).await.unwrap().unwrap();
    app.identity.users().ban(&user.id, &Ban { reason: None, expires_at: None }).await.unwrap();
    alice.signs_in().await.expect_error(403, "BANNED_USER");
    alice.password = "a wrong password".to_owned();
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
}

#[tokio::test]
async fn what_cannot_be_an_address_or_a_password_is_refused_as_such() {
    let app = TestApp::start().await;
    let visitor = app.actor("visitor");
    for email in ["", "alice", "alice@", "@example.test", "alice@example", "al ice@example.test", "älice@example.test"]
    {
        let reply = visitor.post("/sign-in/email", json!({ "email": email, "password": "x" })).await;
        reply.expect_error(400, "INVALID_EMAIL");
    }
    let long = json!({ "email": visitor.email, "password": "x".repeat(129) });
    visitor.post("/sign-in/email", long).await.expect_error(400, "PASSWORD_TOO_LONG");
}

#[tokio::test]
async fn a_page_without_javascript_signs_in_with_a_form() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let form = "email=alice%40example.test&password=the+password+of+alice&rememberMe=false&callbackURL=%2Fhome";
    let call = at_work.request(http::Method::POST, "/sign-in/email");
    let call = call.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").body(form);
    let reply = at_work.send(call).await.expect(200);
    assert_eq!(reply.header("location"), Some("/home"));
    assert!(reply.cookies().iter().all(|cookie| cookie.max_age.is_none()));
    assert_ne!(at_work.session().await, Value::Null);
}
