//! Signing in on the page.

use std::time::Duration;

use identity_tests::TestApp;

use super::{ledger, request, sign_in};

#[tokio::test]
async fn somebody_signs_in_and_gets_to_the_front_page() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let page = ann.visits("/ui/login").await.at("/ui/login");
    assert!(page.id("username").unwrap().has("autofocus"));
    assert!(page.id("login-cancel").is_none(), "there is nothing to cancel");
    let home = sign_in(&page, &ann).await;
    assert_eq!(home.path(), "/");
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn a_session_that_is_not_remembered_ends_with_the_browser() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let page = ann.visits("/ui/login").await;
    assert!(page.id("remember").unwrap().has("checked"));
    let form = page.form("login-submit").fill("username", &ann.email).fill("password", &ann.password);
    let _ = form.without("remember").submit().await;
    assert!(ann.is_signed_in().await);
    ann.browser(identity_tests::Browser::restart);
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let page = ann.visits("/ui/login").await;
    let mut seen = Vec::new();
    for (address, password) in [(ann.email.as_str(), "not the password"), ("nobody@example.test", &ann.password)] {
        let form = page.form("login-submit").fill("username", address).fill("password", password).without("remember");
        let page = form.submit().await.expect(400);
        assert_eq!(page.id("username").unwrap().get("value"), Some(address));
        let field = page.id("password").unwrap();
        assert_eq!((field.get("value"), field.get("aria-invalid")), (None, Some("true")));
        assert!(field.has("autofocus") && !page.id("remember").unwrap().has("checked"));
        assert_eq!(field.get("aria-describedby"), Some("login-error"));
        assert_eq!(page.id("login-error").unwrap().get("role"), Some("alert"));
        seen.push(page.reply.text().replace(address, "ADDRESS"));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn what_is_missing_or_no_address_is_said_at_its_field() {
    let app = TestApp::start().await;
    let page = app.actor("ann").visits("/ui/login").await;
    let both = page.form("login-submit").submit().await.expect(422);
    for id in ["username", "password"] {
        let field = both.id(id).unwrap();
        assert_eq!(field.get("aria-invalid"), Some("true"));
        let error = both.id(field.get("aria-describedby").unwrap()).unwrap();
        assert!(error.text.starts_with("Enter"), "{error:?}");
    }
    assert!(both.id("username").unwrap().has("autofocus") && !both.id("password").unwrap().has("autofocus"));
    assert!(both.tags().iter().any(|tag| tag.get("role") == Some("alert")), "two wrong fields have a summary");
    let one = page.form("login-submit").fill("username", "ann").fill("password", "x").submit().await.expect(422);
    assert_eq!(one.id("username").unwrap().get("value"), Some("ann"));
    assert!(!one.tags().iter().any(|tag| tag.get("role") == Some("alert")));
}

#[tokio::test]
async fn a_banned_user_is_told_so_after_the_right_password_alone() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let sql = format!("UPDATE identity_users SET banned = TRUE WHERE email = '{}'", ann.email);
    assert_eq!(app.database().change(&sql).await, 1);
    let page = ann.visits("/ui/login").await;
    let wrong =
        page.form("login-submit").fill("username", &ann.email).fill("password", "no").submit().await.expect(400);
    assert!(!wrong.text().contains("blocked"));
    assert!(sign_in(&page, &ann).await.expect(403).text().contains("This account is blocked."));
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn limits_hold_on_the_page_and_say_when_to_come_back() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let ann = app.user("ann").await.at_another_browser();
    let page = ann.visits("/ui/login").await;
    let wrong = async || page.form("login-submit").fill("username", &ann.email).fill("password", "no").submit().await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let answer = wrong().await;
        statuses.push(answer.reply.status.as_u16());
        assert_eq!(answer.reply.status == 429, answer.reply.header("retry-after").is_some());
    }
    assert_eq!(statuses, [400, 400, 400, 429, 429], "three in ten seconds, as in the API");
    app.pass(Duration::from_mins(1));
    let _ = wrong().await.expect(400);
}

#[tokio::test]
async fn guesses_at_one_account_meet_the_pause_of_the_account() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let ann = app.user("ann").await;
    let stranger = ann.at_another_browser().from_ip([192, 0, 2, 7]);
    let page = stranger.visits("/ui/login").await;
    let mut last = None;
    for _ in 0..14 {
        app.pass(Duration::from_secs(10));
        let form = page.form("login-submit").fill("username", &ann.email).fill("password", "no");
        last = Some(form.submit().await);
        if last.as_ref().is_some_and(|page| page.reply.status == 429) {
            break;
        }
    }
    let page = last.unwrap().expect(429);
    assert_eq!(page.path(), "/ui/login");
    assert!(page.text().contains("That was too often. Try again in"), "{}", page.text());
    assert_eq!(page.id("username").unwrap().get("value"), Some(ann.email.as_str()));
    assert!(page.reply.header("retry-after").is_some());
}

#[tokio::test]
async fn somebody_who_is_signed_in_is_asked_whether_to_go_on() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let page = ann.visits("/ui/login").await.at("/ui/account");
    assert!(page.text().contains(&ann.email));
    assert_eq!(page.form("account-continue").submit().await.path(), "/");
    let login = page.follow("Use another account").await.at("/ui/login");
    assert_eq!(login.id("username").unwrap().get("value"), Some(""));
    let bob = app.user("bob").await;
    let form = login.form("login-submit").fill("username", &bob.email).fill("password", &bob.password);
    assert_eq!(form.submit().await.path(), "/");
    assert_eq!(ann.session().await["user"]["email"], bob.email.as_str());
}

#[tokio::test]
async fn the_page_says_who_asks_before_anybody_signs_in() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let page = app.actor("ann").visits(&request(&[("login_hint", "ann@example.test")])).await.at("/ui/login");
    assert!(page.text().contains("Sign in to Ledger"));
    assert_eq!(page.id("username").unwrap().get("value"), Some("ann@example.test"));
    assert!(page.id("password").unwrap().has("autofocus"));
    let links: Vec<_> =
        page.tags().iter().filter(|tag| tag.get("rel").is_some_and(|rel| rel.contains("noopener"))).collect();
    assert_eq!(links[0].get("href"), Some("https://ledger.example/privacy"));
    assert_eq!(links[1].get("href"), Some("https://ledger.example/terms"));
}

#[tokio::test]
async fn without_mail_no_page_offers_to_send_any() {
    let app = TestApp::builder().without_mail().start().await;
    let ann = app.actor("ann");
    let page = ann.visits("/ui/login").await;
    assert!(!page.text().contains("Forgot"));
    let page = ann.visits("/ui/forgot").await.at("/ui/forgot");
    assert!(page.text().contains("cannot be reset by mail") && page.id("forgot-submit").is_none());
    let page = ann.visits("/ui/verify").await.at("/ui/verify");
    assert!(page.text().contains("not sent here") && page.id("verify-send").is_none());
}
