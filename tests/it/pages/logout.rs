//! Signing out on the page.

use http::Method;
use http::header::{COOKIE, ORIGIN};
use identity_tests::TestApp;

#[tokio::test]
async fn somebody_is_asked_before_the_session_ends() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let _ = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    let page = ann.visits("/ui/logout").await.at("/ui/logout");
    assert!(ann.is_signed_in().await, "looking at the page changes nothing");
    assert_eq!(page.form("logout-cancel").submit().await.path(), "/");
    assert!(ann.is_signed_in().await);
    let done = page.form("logout-confirm").submit().await.at("/ui/logged-out");
    assert!(done.id("logged-out").is_some());
    assert!(!ann.is_signed_in().await);
    let login = done.follow("Sign in again").await.at("/ui/login");
    assert_eq!(login.id("username").unwrap().get("value"), Some(""), "nobody is told who was here");
}

#[tokio::test]
async fn somebody_without_a_session_is_told_that_there_is_none() {
    let app = TestApp::start().await;
    let _ = app.actor("ann").visits("/ui/logout").await.at("/ui/logged-out");
}

#[tokio::test]
async fn another_site_cannot_sign_anybody_out() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let form = ann.visits("/ui/logout").await.form("logout-confirm");
    let _ = form.clone().submit_from("https://evil.example").await.expect(403);
    let _ = form.without("csrf").submit().await.expect(403);
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn a_form_of_another_site_takes_no_cookie_from_the_browser() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    // A browser sends no `SameSite=Lax` cookie with the form of another site, but takes what the answer sets.
    for (field, status) in [("x".repeat(7000), 413), ("x".to_owned(), 303)] {
        let form = ann.request_at(Method::POST, "/oauth2/logout").header(ORIGIN, "https://evil.example");
        let reply = ann.send(form.form(&[("state", &field)]).header(COOKIE, "a=b")).await.expect(status);
        assert!(reply.cookies().iter().all(|cookie| !cookie.name.contains("session")), "{:?}", reply.cookies());
        assert!(ann.is_signed_in().await);
    }
    let nobody = app.actor("nobody").opens("/oauth2/logout").await.expect(303);
    assert_eq!(nobody.cookies(), []);
}
