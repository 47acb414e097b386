//! The authorization endpoint, and the pages between the question and the answer.

use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use identity_tests::TestApp;

use super::{CALLBACK, client, has_code, has_error, request, sign_in};

/// An application of ours, for which nobody is asked.
async fn own(app: &TestApp) {
    client(app, "ledger", |new| new.policy.first_party = true).await;
}

#[tokio::test]
async fn somebody_signs_in_and_the_application_gets_a_code() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await.at_another_browser();
    let login = ann.visits(&request(&[])).await.at("/ui/login");
    assert!(login.query("grant").is_some());
    has_code(&sign_in(&login, &ann).await);
    has_code(&ann.visits(&request(&[])).await);
    has_code(&ann.visits(&request(&[("prompt", "none")])).await);
}

#[tokio::test]
async fn cancelling_tells_the_application() {
    let app = TestApp::start().await;
    own(&app).await;
    let login = app.actor("ann").visits(&request(&[])).await;
    let cancel = login.form("login-cancel");
    has_error(&cancel.clone().submit().await, "access_denied");
    let over = cancel.submit().await.expect(400);
    assert!(over.id("oauth-error").is_some(), "what was answered is over");
    let _ = login.form("login-submit").submit().await.expect(400);
}

#[tokio::test]
async fn a_wrong_client_or_redirect_uri_is_a_page_and_never_a_redirect() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await;
    for (wrong, code) in [
        (("client_id", "nobody"), "invalid_client"),
        (("client_id", ""), "invalid_request"),
        (("redirect_uri", "https://evil.example/callback"), "invalid_request"),
        (("redirect_uri", "https://ledger.example/callback/"), "invalid_request"),
        (("redirect_uri", "https://ledger.example/callback?x=1"), "invalid_request"),
        (("redirect_uri", "javascript:alert(1)"), "invalid_request"),
    ] {
        for method in ["GET", "POST"] {
            let address = request(&[wrong]);
            let page = if method == "GET" {
                ann.visits(&address).await
            } else {
                let (path, query) = address.split_once('?').unwrap();
                let call = ann.request_at(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                let reply = ann.send(call.body(query)).await;
                assert_eq!(reply.header("location"), None);
                assert_eq!(reply.status, 400);
                continue;
            };
            let page = page.expect(400);
            assert_eq!(page.path(), "/oauth2/authorize");
            assert_eq!(page.reply.header("location"), None);
            let shown = page.text();
            assert!(page.id("oauth-error").is_some() && shown.contains(code), "{wrong:?}: {shown}");
            assert!(!page.reply.text().contains("evil.example"), "nothing leads there");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_stands_twice_or_has_a_nul_never_is_a_500() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await;
    let twice = format!("{}&client_id=ledger", request(&[]));
    let _ = ann.visits(&twice).await.expect(400);
    let nul = format!("{}&nonce=a%00b", request(&[]));
    let _ = ann.visits(&nul).await.expect(400);
    has_error(&ann.visits(&format!("{}&scope=openid", request(&[]))).await, "invalid_request");
    let _ = ann.visits(&format!("{}&login_hint=%ff%fe", request(&[("prompt", "login")]))).await.at("/ui/login");
}

#[tokio::test]
async fn a_posted_request_finds_the_session_that_its_form_did_not_bring() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await;
    let address = request(&[("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)]);
    let (path, query) = address.split_once('?').unwrap();
    let posted = || {
        let call = ann.request_at(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        call.header(ORIGIN, "https://ledger.example").body(query)
    };
    // A browser sends no `SameSite=Lax` cookie with the form of another site.
    let reply = ann.send(posted().header("cookie", "a=b")).await.expect(303);
    let location = reply.header("location").unwrap().to_owned();
    assert!(location.starts_with("/oauth2/authorize?"), "{location}");
    has_code(&ann.visits(&location).await);
    let with_cookie = ann.send(posted()).await.expect(303);
    assert!(with_cookie.header("location").unwrap().starts_with(CALLBACK));
}

#[tokio::test]
async fn a_long_posted_request_is_answered_where_it_was_sent() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.actor("ann");
    let long = "x".repeat(8000);
    let address = request(&[("ignored", long.as_str())]);
    let (path, query) = address.split_once('?').unwrap();
    let call = ann.request_at(Method::POST, path).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(query);
    let reply = ann.send(call).await.expect(303);
    assert!(reply.header("location").unwrap().starts_with("/ui/login?grant="));
    let json = ann.request_at(Method::POST, path).header(CONTENT_TYPE, "application/json").body("{}");
    let _ = ann.send(json).await.expect(415);
}

#[tokio::test]
async fn an_answer_by_form_is_a_page_with_a_button() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await;
    let page = ann.visits(&request(&[("response_mode", "form_post")])).await.at("/oauth2/authorize");
    let form = page.form("form-post-continue");
    assert_eq!(form.action.as_str(), CALLBACK);
    assert_eq!(form.get("state"), Some("a state & more"));
    assert_eq!(form.get("iss"), Some("http://localhost:8888"));
    assert!(form.get("code").is_some_and(|code| code.len() >= 43));
    assert_eq!(form.fields.len(), 3, "{:?}", form.fields);
    let script = page.tags().iter().find(|tag| tag.name == "script").unwrap();
    assert!(script.get("src").unwrap().starts_with("/ui/assets/enhance.js?v=") && script.has("defer"));
    assert!(page.tags().iter().any(|tag| tag.name == "form" && tag.has("data-submit")));

    let refused =
        ann.at_another_browser().visits(&request(&[("response_mode", "form_post"), ("prompt", "none")])).await;
    let form = refused.at("/oauth2/authorize").form("form-post-continue");
    assert_eq!((form.get("error"), form.get("code")), (Some("login_required"), None));
}

#[tokio::test]
async fn prompt_login_asks_again_and_knows_who_it_is() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await;
    let login = ann.visits(&request(&[("prompt", "login")])).await.at("/ui/login");
    assert_eq!(login.id("username").unwrap().get("value"), Some(ann.email.as_str()));
    assert!(login.id("password").unwrap().has("autofocus"));
    has_code(&sign_in(&login, &ann).await);
}

#[tokio::test]
async fn select_account_goes_on_with_the_account_or_with_another() {
    let app = TestApp::start().await;
    own(&app).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let page = ann.visits(&request(&[("prompt", "select_account")])).await.at("/ui/account");
    assert!(page.text().contains("Continue to Ledger?") && page.text().contains(&ann.email));
    has_code(&page.form("account-continue").submit().await);

    let page = ann.visits(&request(&[("prompt", "select_account")])).await;
    let login = page.follow("Use another account").await.at("/ui/login");
    assert_eq!(login.id("username").unwrap().get("value"), Some(""));
    has_code(&sign_in(&login, &bob).await);
    assert_eq!(ann.session().await["user"]["email"], bob.email.as_str());
}

#[tokio::test]
async fn a_pending_request_ends_with_its_time() {
    let app = TestApp::start().await;
    own(&app).await;
    let ann = app.user("ann").await.at_another_browser();
    let login = ann.visits(&request(&[])).await;
    app.pass(std::time::Duration::from_hours(2));
    let page = sign_in(&login, &ann).await.expect(400);
    assert!(page.id("oauth-error").is_some());
    assert!(ann.is_signed_in().await, "the session was opened all the same");
}

#[tokio::test]
async fn an_id_that_is_none_is_refused_on_every_page() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for page in ["login", "register", "forgot", "reset?token=x", "verify", "consent", "account"] {
        let separator = if page.contains('?') { '&' } else { '?' };
        for grant in ["0190-unknown", "%22%3E%3Cscript%3E", "..%2F..", &"x".repeat(500)] {
            let address = format!("/ui/{page}{separator}grant={grant}");
            let shown = ann.visits(&address).await.expect(400);
            assert!(shown.id("oauth-error").is_some(), "{address}");
        }
    }
}
