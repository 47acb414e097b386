//! Which language a page speaks.

use http::Method;
use http::header::ACCEPT_LANGUAGE;
use identity_tests::TestApp;

use super::{ledger, request};

#[tokio::test]
async fn the_address_comes_before_the_cookie_and_the_cookie_before_the_browser() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let spoken = async |path: &str, accepted: &str| {
        let reply = ann.send(ann.request_at(Method::GET, path).header(ACCEPT_LANGUAGE, accepted)).await;
        if reply.text().contains("<html lang=\"fr\"") { "fr" } else { "en" }
    };
    assert_eq!(spoken("/ui/login", "de").await, "en");
    assert_eq!(spoken("/ui/login", "de, fr;q=0.9, en;q=0.8").await, "fr");
    assert_eq!(spoken("/ui/login?ui_locales=se", "fr").await, "fr", "a language that nobody speaks here is none");
    assert_eq!(spoken("/ui/login?ui_locales=se%20fr-CA%20en", "en").await, "fr");
    assert_eq!(spoken("/ui/forgot", "en").await, "fr", "what was chosen is kept");
    assert_eq!(spoken("/ui/login?ui_locales=en", "fr").await, "en");
    assert_eq!(spoken("/ui/forgot", "fr").await, "en");
}

#[tokio::test]
async fn the_application_may_ask_for_one() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let ann = app.actor("ann");
    let page = ann.visits(&request(&[("ui_locales", "se fr-FR")])).await.at("/ui/login");
    assert_eq!(page.tags()[0].get("lang"), Some("fr"));
    assert!(page.reply.cookies().iter().all(|cookie| !cookie.name.ends_with("language")), "nobody has chosen it");
    let page = page.follow("English").await;
    assert_eq!(page.tags()[0].get("lang"), Some("en"));
    let page = page.form("login-submit").submit().await.expect(422);
    assert_eq!(page.tags()[0].get("lang"), Some("en"), "the choice outlives the form");
}

#[tokio::test]
async fn the_way_to_the_other_language_keeps_the_page() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await.at_another_browser();
    let _ = ann.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    let page = ann.visits(&app.letter_to(&ann.email, 0).await.link()).await.at("/ui/reset");
    let page = page.form("reset-submit").fill("new_password", "x").submit().await.expect(422);
    let page = page.follow("Français").await.at("/ui/reset");
    assert!(page.text().contains("Choisir un nouveau mot de passe"), "{}", page.text());
    assert!(page.form("reset-submit").get("token").is_some());
    let current: Vec<_> = page.tags().iter().filter(|tag| tag.has("aria-current")).collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0].text, "Français");
}

#[tokio::test]
async fn failures_are_said_in_the_language_of_the_visitor() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let _ = ann.visits("/ui/login?ui_locales=fr").await;
    let page = ann.visits("/ui/nowhere").await.expect(404);
    assert!(page.text().contains("Il n’y a rien à cette adresse."), "{}", page.text());
    let page = ann.visits(&request(&[])).await.expect(400);
    assert_eq!(page.tags()[0].get("lang"), Some("fr"));
}
