//! A pending authorization survives every detour.

use identity_tests::{Actor, Page, TestApp};

use super::{client, has_code, request, sign_in, sign_up};

async fn app(require: bool, signs_in: bool) -> TestApp {
    let builder = TestApp::builder().config(|config| {
        config.email.require_verification = require;
        config.email.sign_in_after_verification = signs_in;
    });
    let app = builder.start().await;
    client(&app, "ledger", |new| new.policy.first_party = true).await;
    app
}

async fn begins(actor: &Actor) -> Page {
    actor.visits(&request(&[("ui_locales", "fr")])).await.at("/ui/login")
}

#[tokio::test]
async fn signing_up_leads_back() {
    let app = app(false, false).await;
    let ann = app.actor("ann");
    let page = begins(&ann).await.follow("Créer un compte").await.at("/ui/register");
    assert!(page.text().contains("pour continuer vers Ledger"));
    has_code(&sign_up(&page, &ann).await);
}

#[tokio::test]
async fn asking_to_sign_up_begins_there() {
    let app = app(false, false).await;
    let ann = app.actor("ann");
    let page = ann.visits(&request(&[("prompt", "create")])).await.at("/ui/register");
    has_code(&sign_up(&page, &ann).await);
    let bob = app.user("bob").await.at_another_browser();
    let page = bob.visits(&request(&[("prompt", "create")])).await.at("/ui/register");
    has_code(&sign_in(&page.follow("Sign in").await.at("/ui/login"), &bob).await);
}

#[tokio::test]
async fn a_new_password_leads_back_in_this_browser_and_in_another() {
    let app = app(false, false).await;
    let ann = app.user("ann").await;
    for browser in [ann.at_another_browser(), ann.at_another_browser()] {
        let page = begins(&browser).await.follow("Mot de passe oublié\u{202f}?").await.at("/ui/forgot");
        let sent = page.form("forgot-submit").fill("email", &ann.email).submit().await.at("/ui/forgot");
        assert!(sent.text().contains("Consultez votre messagerie"));
    }
    let first = app.letter_to(&ann.email, 0).await.link();
    assert!(first.contains("grant%3D"), "{first}");
    let link = app.letter_to(&ann.email, 1).await.link();
    for browser in [ann.at_another_browser()] {
        let page = browser.visits(&link).await.at("/ui/reset");
        has_code(&page.form("reset-submit").fill("new_password", "a new password").submit().await);
    }
}

#[tokio::test]
async fn proving_an_address_leads_back_by_code_and_by_link() {
    for signs_in in [true, false] {
        for by_link in [true, false] {
            let app = app(true, signs_in).await;
            let ann = app.actor("ann");
            let page = begins(&ann).await.follow("Créer un compte").await;
            let page = sign_up(&page, &ann).await.at("/ui/verify");
            let letter = app.letter_to(&ann.email, 0).await;
            let page = if by_link {
                ann.visits(&letter.link()).await
            } else {
                page.form("verify-submit").fill("code", &letter.code()).submit().await
            };
            if signs_in {
                has_code(&page);
            } else {
                has_code(&sign_in(&page.at("/ui/login"), &ann).await);
            }
        }
    }
}

#[tokio::test]
async fn a_sign_in_that_has_to_prove_its_address_first_leads_back() {
    let app = app(true, true).await;
    let ann = app.actor("ann");
    let _ = ann.signs_up().await.expect(200);
    let _ = app.letter_to(&ann.email, 0).await;
    let later = ann.at_another_browser();
    let page = sign_in(&begins(&later).await, &later).await.at("/ui/verify");
    let page = page.form("verify-send").submit().await.at("/ui/verify");
    let code = app.letter_to(&ann.email, 1).await.code();
    has_code(&page.form("verify-submit").fill("code", &code).submit().await);
}

#[tokio::test]
async fn errors_and_changes_of_language_keep_it() {
    let app = app(false, false).await;
    let ann = app.user("ann").await.at_another_browser();
    let page = begins(&ann).await;
    let page = page.form("login-submit").fill("username", &ann.email).fill("password", "no").submit().await.expect(400);
    assert!(page.text().contains("Se connecter à Ledger"), "{}", page.text());
    let page = page.follow("English").await.at("/ui/login");
    assert!(page.text().contains("Sign in to Ledger"), "{}", page.text());
    let page = page.form("login-submit").fill("username", "").submit().await.expect(422);
    assert!(page.text().contains("Enter your email."));
    let page = page.follow("Create an account").await.at("/ui/register");
    let page = page.form("register-submit").submit().await.expect(422).follow("Sign in").await.at("/ui/login");
    has_code(&sign_in(&page, &ann).await);
}

#[tokio::test]
async fn it_goes_on_by_itself_when_another_tab_has_signed_in() {
    let app = app(false, false).await;
    let ann = app.user("ann").await.at_another_browser();
    let page = begins(&ann).await;
    let _ = ann.signs_in().await.expect(200);
    has_code(&ann.visits(page.url.as_str()).await);
}
