//! Getting back in with a forgotten password.

use std::time::Duration;

use identity_tests::TestApp;

use super::sign_in;

#[tokio::test]
async fn somebody_chooses_a_new_password_and_is_signed_in_with_it() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let elsewhere = ann.at_another_browser();
    let page = elsewhere.visits("/ui/login").await.follow("Forgot your password?").await.at("/ui/forgot");
    let sent = page.form("forgot-submit").fill("email", &ann.email).submit().await.at("/ui/forgot");
    assert!(sent.text().contains(&ann.email) && sent.id("forgot-sent").is_some());
    let letter = app.letter_to(&ann.email, 0).await;
    let page = elsewhere.visits(&letter.link()).await.at("/ui/reset");
    let name = page.tags().iter().find(|tag| tag.get("autocomplete") == Some("username")).unwrap();
    assert_eq!(name.get("value"), Some(ann.email.as_str()), "for the password manager");
    let home = page.form("reset-submit").fill("new_password", "a new password").submit().await;
    assert_eq!(home.path(), "/");
    assert!(elsewhere.is_signed_in().await);
    assert!(!ann.is_signed_in().await, "the other sessions are over");
    let page = elsewhere.visits(&letter.link()).await.at("/ui/reset");
    assert!(page.id("reset-over").is_some());
    let _ = page.follow("Ask for a new mail").await.at("/ui/forgot");
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_answer() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let mut pages = Vec::new();
    for email in [ann.email.as_str(), "nobody@example.test"] {
        let page = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", email).submit().await;
        pages.push(page.at("/ui/forgot").reply.text().replace(email, "EMAIL"));
    }
    assert_eq!(pages[0], pages[1]);
    let wrong = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", "nobody").submit().await.expect(422);
    assert_eq!(wrong.id("email").unwrap().get("value"), Some("nobody"));
    assert_eq!(wrong.id("email").unwrap().get("aria-invalid"), Some("true"));
}

#[tokio::test]
async fn a_bad_password_leaves_the_link_good_and_an_old_link_is_none() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let _ = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    let link = app.letter_to(&ann.email, 0).await.link();
    let page = ann.visits(&link).await;
    for (password, text) in [("", "Enter a password."), ("short", "at least 8"), (&*"x".repeat(129), "at most 128")] {
        let again = page.form("reset-submit").fill("new_password", password).submit().await.expect(422);
        assert!(again.id("new-password-error").unwrap().text.contains(text), "{}", again.text());
        assert_eq!(again.id("new-password").unwrap().get("value"), None);
        assert_eq!(again.form("reset-submit").get("token"), page.form("reset-submit").get("token"));
    }
    app.pass(Duration::from_hours(2));
    let late = page.form("reset-submit").fill("new_password", "a new password").submit().await.expect(400);
    assert!(late.id("reset-over").is_some());
    assert!(ann.visits(&link).await.at("/ui/reset").id("reset-over").is_some());
    let other = ann.at_another_browser();
    assert_eq!(sign_in(&other.visits("/ui/login").await, &other).await.path(), "/", "the password is the old one");
}

#[tokio::test]
async fn the_page_without_a_token_offers_another_mail() {
    let app = TestApp::start().await;
    let page = app.actor("ann").visits("/ui/reset").await.at("/ui/reset");
    assert!(page.id("reset-over").is_some());
}

#[tokio::test]
async fn a_new_password_does_not_go_around_the_proof_of_an_address() {
    let app = TestApp::builder().config(|config| config.email.require_verification = true).start().await;
    let ann = app.user("ann").await;
    let _ = app.letter_to(&ann.email, 0).await;
    let _ = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    let link = app.letter_to(&ann.email, 1).await.link();
    let page = ann.visits(&link).await.form("reset-submit").fill("new_password", "a new password").submit().await;
    assert!(page.at("/ui/verify").text().contains(&ann.email));
    assert!(!ann.is_signed_in().await);
}
