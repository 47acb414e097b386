//! Signing out on the page.

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
