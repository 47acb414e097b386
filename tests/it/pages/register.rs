//! Making an account on the page.

use identity_core::config::{FieldKind, FieldSpec};
use identity_tests::TestApp;

use super::sign_up;

#[tokio::test]
async fn somebody_makes_an_account_and_is_signed_in() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let page = ann.visits("/ui/login").await.follow("Create an account").await.at("/ui/register");
    assert_eq!(sign_up(&page, &ann).await.path(), "/");
    let session = ann.session().await;
    assert_eq!(session["user"]["name"], "Jonas Adeyemi");
    assert_eq!(session["user"]["email"], ann.email.as_str());
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once_and_what_was_typed_stays() {
    let app = TestApp::start().await;
    let page = app.actor("ann").visits("/ui/register").await;
    let form = page.form("register-submit").fill("reg_name", "Jonas").fill("reg_email", "jonas at home");
    let page = form.submit().await.expect(422);
    assert_eq!(page.id("reg-name").unwrap().get("value"), Some("Jonas"));
    assert_eq!(page.id("reg-email").unwrap().get("value"), Some("jonas at home"));
    for id in ["reg-email", "reg-password"] {
        let field = page.id(id).unwrap();
        assert_eq!(field.get("aria-invalid"), Some("true"));
        assert!(field.get("aria-describedby").unwrap().ends_with(&format!("{id}-error")));
        assert!(page.tags().iter().any(|tag| tag.get("href") == Some(&format!("#{id}"))), "the summary leads to {id}");
    }
    assert!(page.text().contains("2 things need your attention."));
    assert!(page.id("reg-email").unwrap().has("autofocus"));
    assert_eq!(page.tags().iter().filter(|tag| tag.has("autofocus")).count(), 1);
}

#[tokio::test]
async fn what_the_flow_refuses_is_said_at_its_field() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let page = app.actor("bob").visits("/ui/register").await;
    let long = "x".repeat(300);
    for (name, email, password, field, text) in [
        ("Bob", ann.email.as_str(), "a good password", "reg-email", "already is an account"),
        ("Bob", "bob@example.test", "short", "reg-password", "at least 8 characters"),
        ("Bob", "bob@example.test", long.as_str(), "reg-password", "at most 128 characters"),
        (long.as_str(), "bob@example.test", "a good password", "reg-name", "at most 256 characters"),
    ] {
        let form = page.form("register-submit").fill("reg_name", name).fill("reg_email", email);
        let page = form.fill("reg_password", password).submit().await.expect(422);
        let error = page.id(&format!("{field}-error")).unwrap_or_else(|| panic!("{field}: {}", page.text()));
        assert!(error.text.contains(text), "{error:?}");
        assert_eq!(page.tags().iter().filter(|tag| tag.has("aria-invalid")).count(), 1);
        assert_eq!(page.id("reg-password").unwrap().get("value"), None);
    }
}

#[tokio::test]
async fn fields_that_everybody_has_to_give_are_asked_for() {
    let spec = |kind, required| FieldSpec { kind, required, input: true, default: None };
    let builder = TestApp::builder().config(|config| {
        config.user.fields.insert("team".to_owned(), spec(FieldKind::String, true));
        config.user.fields.insert("badge".to_owned(), spec(FieldKind::Number, true));
        config.user.fields.insert("remote".to_owned(), spec(FieldKind::Boolean, true));
        config.user.fields.insert("nickname".to_owned(), spec(FieldKind::String, false));
    });
    let app = builder.start().await;
    let ann = app.actor("ann");
    let page = ann.visits("/ui/register").await;
    assert!(page.id("extra.nickname").is_none());
    let wrong = page.form("register-submit").fill("reg_name", "Ann").fill("reg_email", &ann.email);
    let wrong = wrong.fill("reg_password", &ann.password).fill("extra.badge", "seven").submit().await.expect(422);
    assert_eq!(wrong.id("extra.badge").unwrap().get("value"), Some("seven"));
    assert_eq!(wrong.tags().iter().filter(|tag| tag.get("aria-invalid") == Some("true")).count(), 2);
    let form = wrong.form("register-submit").fill("reg_password", &ann.password).fill("extra.badge", "7");
    let _ = form.fill("extra.team", "Finance").fill("extra.remote", "true").submit().await;
    let session = ann.session().await;
    assert_eq!(session["user"]["team"], "Finance");
    assert_eq!(session["user"]["badge"], 7);
    assert_eq!(session["user"]["remote"], true);
}

#[tokio::test]
async fn where_addresses_are_proved_a_taken_one_looks_like_a_free_one() {
    let app = TestApp::builder().config(|config| config.email.require_verification = true).start().await;
    let (ann, bob) = (app.user("ann").await, app.actor("bob"));
    let mut pages = Vec::new();
    for email in [&ann.email, &bob.email] {
        let actor = app.actor("somebody");
        let form = actor.visits("/ui/register").await.form("register-submit").fill("reg_name", "Somebody");
        let page =
            form.fill("reg_email", email).fill("reg_password", "a good password").submit().await.at("/ui/verify");
        let csrf = page.form("verify-submit").get("csrf").unwrap().to_owned();
        pages.push(page.reply.text().replace(email.as_str(), "EMAIL").replace(&csrf, "CSRF"));
    }
    assert_eq!(pages[0], pages[1]);
}
