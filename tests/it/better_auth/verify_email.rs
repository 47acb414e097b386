use std::time::Duration;

use identity_tests::{Actor, TestApp};
use serde_json::{Value, json};

async fn link(app: &TestApp, actor: &Actor, index: usize) -> String {
    let body = json!({ "email": actor.email, "callbackURL": "/welcome" });
    assert_eq!(actor.post("/send-verification-email", body).await.expect(200).json(), json!({ "status": true }));
    let letter = app.letter_to(&actor.email, index).await;
    assert_eq!(letter.subject, "Confirm your e-mail address for Identity");
    letter.link()
}

/// The path of the link below the base path, without its callback.
fn bare(link: &str) -> String {
    format!("/verify-email?token={}", identity_tests::token_of(link))
}

async fn is_verified(actor: &Actor) -> bool {
    actor.session().await["user"]["emailVerified"] == true
}

async fn app_that_asks() -> TestApp {
    let builder = TestApp::builder().config(|config| {
        config.email.require_verification = true;
        config.email.sign_in_after_verification = true;
    });
    builder.start().await
}

#[tokio::test]
async fn a_link_proves_the_address_and_says_so_again_when_it_is_opened_twice() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice, 0).await;
    let scanner = app.actor("scanner");
    let first = scanner.opens(&link).await.expect(302);
    assert_eq!((first.header("location"), first.cookies()), (Some("/welcome"), Vec::new()));
    assert!(is_verified(&alice).await);
    for _ in 0..2 {
        assert_eq!(alice.opens(&link).await.expect(302).header("location"), Some("/welcome"));
        let reply = alice.get(&bare(&link)).await.expect(200);
        assert_eq!(reply.json(), json!({ "status": true, "user": null }));
    }
    assert!(!scanner.is_signed_in().await);
}

#[tokio::test]
async fn looking_at_a_link_with_head_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice, 0).await;
    let path = link.strip_prefix("http://localhost:8888").unwrap();
    let reply = alice.send(alice.request_at(http::Method::HEAD, path)).await;
    assert_eq!(reply.status, 404);
    assert!(!is_verified(&alice).await);
    let _ = alice.opens(&link).await.expect(302);
    assert!(is_verified(&alice).await);
}

#[tokio::test]
async fn a_link_signs_in_the_browser_that_signed_up_and_no_other() {
    let app = app_that_asks().await;
    let (alice, mallory) = (app.actor("alice"), app.actor("mallory"));
    let _ = (alice.signs_up().await.expect(200), mallory.signs_up().await.expect(200));
    let first = app.letter_to(&alice.email, 0).await.link();
    let mallorys = mallory.opens(&first).await.expect(302);
    assert!(mallorys.cookies().is_empty(), "the flow cookie of somebody else is of no use");
    assert!(!mallory.is_signed_in().await);

    let mallorys_link = app.letter_to(&mallory.email, 0).await.link();
    let reply = mallory.opens(&mallorys_link).await.expect(302);
    let names: Vec<_> = reply.cookies().into_iter().map(|cookie| (cookie.name.clone(), cookie.is_deletion())).collect();
    let expected = [("better-auth.session_token", false), ("better-auth.email_flow", true)];
    assert_eq!(names, expected.map(|(name, gone)| (name.to_owned(), gone)));
    assert_eq!(mallory.session().await["user"]["email"], mallory.email);

    // The link is spent by now: a repeat opens no session, also not in the right browser.
    let repeat = alice.opens(&first).await.expect(302);
    assert!(repeat.cookies().is_empty() && !alice.is_signed_in().await);
    let _ = alice.signs_in().await.expect(200);
}

#[tokio::test]
async fn a_refused_sign_in_lets_its_own_browser_be_signed_in_by_the_link() {
    let app = app_that_asks().await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let at_work = alice.at_another_browser();
    at_work.signs_in().await.expect_error(403, "EMAIL_NOT_VERIFIED");
    let _ = at_work.opens(&app.letter_to(&alice.email, 0).await.link()).await.expect(302);
    assert!(at_work.is_signed_in().await && !alice.is_signed_in().await);
}

#[tokio::test]
async fn a_flow_cookie_is_good_as_long_as_a_link_and_cannot_be_made_up() {
    let app = app_that_asks().await;
    let alice = app.actor("alice");
    let cookies = alice.signs_up().await.expect(200).cookies();
    assert_eq!((cookies[0].name.as_str(), cookies[0].max_age), ("better-auth.email_flow", Some(3600)));
    assert!(cookies[0].http_only);
    let old = cookies[0].value.clone();
    let (named, signature) = old.rsplit_once('.').unwrap();
    let (name, expires) = named.rsplit_once('.').unwrap();
    let later = expires.parse::<i64>().unwrap() + 7200;
    let _ = app.letter_to(&alice.email, 0).await;
    app.pass(Duration::from_hours(1));
    let link = link(&app, &alice, 1).await;
    for value in [old.clone(), format!("{name}.{later}.{signature}"), format!("{name}.{later}."), name.to_owned()] {
        alice.browser(|browser| browser.set("better-auth.email_flow", value));
        let _ = alice.opens(&link).await.expect(302);
        assert!(!alice.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_link_signs_nobody_in_unless_it_is_configured_to() {
    let app = TestApp::builder().config(|config| config.email.require_verification = true).start().await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let reply = alice.opens(&app.letter_to(&alice.email, 0).await.link()).await.expect(302);
    assert!(reply.cookies().is_empty() && !alice.is_signed_in().await);
    let _ = alice.signs_in().await.expect(200);
}

#[tokio::test]
async fn a_banned_user_is_not_signed_in_by_a_link() {
    let app = app_that_asks().await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    assert_eq!(app.database().change("UPDATE identity_users SET banned = TRUE").await, 1);
    let _ = alice.opens(&app.letter_to(&alice.email, 0).await.link()).await.expect(302);
    assert!(!alice.is_signed_in().await);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_sessions").await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_link_is_told_to_the_callback_or_to_the_caller() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let link = link(&app, &alice, 0).await;
    app.pass(Duration::from_hours(1));
    alice.get(&bare(&link)).await.expect_error(401, "TOKEN_EXPIRED");
    assert_eq!(alice.opens(&link).await.expect(302).header("location"), Some("/welcome?error=TOKEN_EXPIRED"));
    alice.get("/verify-email?token=unknown").await.expect_error(401, "INVALID_TOKEN");
    let to_page = alice.get("/verify-email?token=unknown&callbackURL=%2Fa%3Fb%3D1%23c").await.expect(302);
    assert_eq!(to_page.header("location"), Some("/a?b=1&error=INVALID_TOKEN#c"));
    alice.get("/verify-email").await.expect_error(400, "VALIDATION_ERROR");
    let evil = alice.get("/verify-email?token=unknown&callbackURL=//evil.test").await;
    evil.expect_error(403, "INVALID_CALLBACK_URL");
    assert!(!is_verified(&alice).await);
}

#[tokio::test]
async fn only_who_is_signed_in_learns_more_than_that_a_mail_may_come() {
    let app = TestApp::start().await;
    let (alice, visitor) = (app.user("alice").await, app.actor("visitor"));
    let ask =
        async |actor: &Actor, email: &str| actor.post("/send-verification-email", json!({ "email": email })).await;
    for email in [&alice.email, &"nobody@example.test".to_owned()] {
        assert_eq!(ask(&visitor, email).await.expect(200).json(), json!({ "status": true }));
    }
    ask(&alice, "nobody@example.test").await.expect_error(400, "EMAIL_MISMATCH");
    let _ = alice.opens(&app.letter_to(&alice.email, 0).await.link()).await.expect(302);
    ask(&alice, &alice.email).await.expect_error(400, "EMAIL_ALREADY_VERIFIED");
    let _ = ask(&visitor, &alice.email).await.expect(200);
    app.until_mails_have_left().await;
    assert_eq!(app.mailer.mails().len(), 1, "a proved address gets no further mail");
}

#[tokio::test]
async fn without_mail_nothing_is_verified() {
    let app = TestApp::builder().without_mail().start().await;
    let alice = app.user("alice").await;
    let reply = alice.post("/send-verification-email", json!({ "email": alice.email })).await;
    reply.expect_error(400, "VERIFICATION_EMAIL_NOT_ENABLED");
    let body = json!({ "email": alice.email, "type": "email-verification" });
    alice.post("/email-otp/send-verification-otp", body).await.expect_error(400, "VERIFICATION_EMAIL_NOT_ENABLED");
}

#[tokio::test]
async fn a_sign_up_is_followed_by_a_mail_where_that_is_configured() {
    let app = TestApp::builder().config(|config| config.email.send_on_sign_up = true).start().await;
    let alice = app.actor("alice");
    let body = json!({ "name": "alice", "email": alice.email, "password": alice.password, "callbackURL": "/hello" });
    let token = alice.post("/sign-up/email", body).await.expect(200).json()["token"].clone();
    assert_ne!(token, Value::Null);
    let letter = app.letter_to(&alice.email, 0).await;
    assert_eq!(alice.opens(&letter.link()).await.expect(302).header("location"), Some("/hello"));
    assert!(is_verified(&alice).await);
    assert_eq!(letter.code().len(), 6, "the same mail carries a code");
}
