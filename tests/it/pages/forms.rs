//! Only our own forms are taken, and only from the browser that they were shown to.

use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use identity_tests::{Form, Page, TestApp};

use super::{client, ledger, request};

/// Every form, by the button that sends it.
async fn each_form(app: &TestApp) -> Vec<(&'static str, Form)> {
    client(app, "own", |new| new.policy.first_party = true).await;
    let (ann, visitor) = (app.user("ann").await, app.actor("visitor"));
    let of = async |path: &str, button: &'static str| (button, visitor.visits(path).await.form(button));
    let own = async |path: &str, button: &'static str| (button, ann.visits(path).await.form(button));
    let sent = visitor.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    vec![
        of("/ui/login", "login-submit").await,
        of(&request(&[]), "login-cancel").await,
        of("/ui/register", "register-submit").await,
        of("/ui/forgot", "forgot-submit").await,
        ("forgot-again", sent.form("forgot-again")),
        ("reset-submit", visitor.visits(&app.letter_to(&ann.email, 0).await.link()).await.form("reset-submit")),
        of("/ui/verify?state=sent", "verify-submit").await,
        of("/ui/verify", "verify-send").await,
        own(&request(&[]), "consent-allow").await,
        own("/ui/account", "account-continue").await,
        own("/ui/logout", "logout-confirm").await,
    ]
}

#[track_caller]
fn is_refused(page: &Page, what: &str, button: &str) {
    assert_eq!(page.reply.status, 403, "{button}, {what}: {}", page.text());
    assert!(page.id("oauth-error").is_some(), "{button}, {what}");
    assert!(page.reply.header("location").is_none());
}

#[tokio::test]
async fn a_form_that_is_forged_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let forms = each_form(&app).await;
    app.until_mails_have_left().await;
    let before = app.database().dump().await;
    let foreign = app.actor("mallory").visits("/ui/login").await.form("login-submit").get("csrf").unwrap().to_owned();
    for (button, form) in &forms {
        for origin in ["https://evil.example", "null", "http://localhost:8889", "https://localhost:8888"] {
            is_refused(&form.clone().submit_from(origin).await, origin, button);
        }
        is_refused(&form.clone().without("csrf").submit().await, "no proof", button);
        is_refused(&form.clone().fill("csrf", "").submit().await, "an empty proof", button);
        is_refused(&form.clone().fill("csrf", &foreign).submit().await, "the proof of another browser", button);
        let cut = form.get("csrf").unwrap()[1..].to_owned();
        is_refused(&form.clone().fill("csrf", &cut).submit().await, "a part of the proof", button);
    }
    assert_eq!(before, app.database().dump().await);
}

#[tokio::test]
async fn a_form_without_the_cookie_of_its_browser_is_refused() {
    let app = TestApp::start().await;
    ledger(&app).await;
    for (button, form) in each_form(&app).await {
        let visitor = app.actor("visitor");
        let reply = visitor.send(form.call().header("cookie", "a=b")).await;
        assert_eq!(reply.status, 403, "{button}");
    }
}

#[tokio::test]
async fn other_methods_and_types_of_bodies_are_refused_with_a_page() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let form = ann.visits("/ui/login").await.form("login-submit");
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let reply = ann.send(ann.request_at(method.clone(), "/ui/login")).await.expect(405);
        assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{method}");
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let mut elsewhere = form.clone();
    elsewhere.action.set_path("/ui/error");
    let _ = ann.send(elsewhere.call()).await.expect(405);
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let _ = ann.send(form.call().header(CONTENT_TYPE, kind)).await.expect(415);
    }
    let large = form.clone().fill("username", &"x".repeat(70_000)).call();
    let _ = ann.send(large).await.expect(413);
    let mut twice = form;
    twice.fields.push(("username".to_owned(), "a".to_owned()));
    let _ = ann.send(twice.call()).await.expect(400);
    let _ = ann.visits("/ui/nowhere").await.expect(404);
    let _ = ann.visits("/ui").await.at("/ui/login");
}

#[tokio::test]
async fn the_origin_may_be_hidden_by_a_browser_that_says_where_it_is() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let form = ann.visits("/ui/login").await.form("login-submit");
    let call = form.fill("username", &ann.email).fill("password", &ann.password).call();
    let reply = ann.send(call.header(ORIGIN, "null").header("sec-fetch-site", "same-origin")).await;
    assert_eq!(reply.status, 303);
}

#[tokio::test]
async fn a_browser_keeps_its_proof_over_a_sign_in() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let tabs = [ann.visits("/ui/login").await, ann.visits("/ui/login").await];
    for tab in &tabs {
        let _ = super::sign_in(tab, &ann).await;
        assert!(ann.is_signed_in().await);
    }
}
