//! Proving an address on the page.

use identity_tests::TestApp;

use super::{sign_in, sign_up};

async fn app(signs_in: bool) -> TestApp {
    let builder = TestApp::builder().config(|config| {
        config.email.require_verification = true;
        config.email.sign_in_after_verification = signs_in;
    });
    builder.start().await
}

#[tokio::test]
async fn the_code_of_the_mail_signs_in_where_that_is_allowed() {
    let app = app(true).await;
    let ann = app.actor("ann");
    let page = sign_up(&ann.visits("/ui/register").await, &ann).await.at("/ui/verify");
    assert!(page.text().contains(&format!("We sent a 6-digit code to {}.", ann.email)));
    let code = app.letter_to(&ann.email, 0).await.code();
    let wrong = page.form("verify-submit").fill("code", "000 000").submit().await.expect(422);
    assert!(wrong.id("code-error").unwrap().text.contains("not right or has expired"));
    assert_eq!(wrong.id("code").unwrap().get("aria-describedby"), Some("code-hint code-error"));
    let empty = wrong.form("verify-submit").submit().await.expect(422);
    let (first, last) = code.split_at(3);
    let home = empty.form("verify-submit").fill("code", &format!(" {first} {last} ")).submit().await;
    assert_eq!(home.path(), "/");
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn the_code_leads_to_the_sign_in_where_it_does_not_sign_in() {
    let app = app(false).await;
    let ann = app.actor("ann");
    let page = sign_up(&ann.visits("/ui/register").await, &ann).await;
    let code = app.letter_to(&ann.email, 0).await.code();
    let login = page.form("verify-submit").fill("code", &code).submit().await.at("/ui/login");
    assert!(login.text().contains("Your email is verified."));
    assert_eq!(login.id("username").unwrap().get("value"), Some(ann.email.as_str()));
    assert_eq!(sign_in(&login, &ann).await.path(), "/");
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn the_link_of_the_mail_does_the_same() {
    for signs_in in [true, false] {
        let app = app(signs_in).await;
        let ann = app.actor("ann");
        let _ = sign_up(&ann.visits("/ui/register").await, &ann).await.at("/ui/verify");
        let link = app.letter_to(&ann.email, 0).await.link();
        let page = ann.visits(&link).await;
        if signs_in {
            let _ = page.at("/ui/account");
            assert!(ann.is_signed_in().await);
        } else {
            assert!(page.at("/ui/login").text().contains("Your email is verified."));
            assert!(!ann.is_signed_in().await);
        }
    }
}

#[tokio::test]
async fn a_dead_link_leads_to_a_page_that_offers_another_mail() {
    let app = app(false).await;
    let ann = app.actor("ann");
    let _ = sign_up(&ann.visits("/ui/register").await, &ann).await;
    let link = app.letter_to(&ann.email, 0).await.link();
    app.until_mails_have_left().await;
    let dead = link.replace("token=", "token=x");
    let page = ann.visits(&dead).await.at("/ui/verify");
    assert!(page.text().contains("That link does not work any more."));
    let page = page.form("verify-send").submit().await.at("/ui/verify");
    assert!(page.text().contains("We sent a 6-digit code"));
    let code = app.letter_to(&ann.email, 1).await.code();
    let _ = page.form("verify-submit").fill("code", &code).submit().await.at("/ui/login");
    let stranger = ann.at_another_browser().visits(&dead).await.at("/ui/verify");
    let wrong = stranger.form("verify-send").fill("email", "ann").submit().await.expect(422);
    assert_eq!(wrong.id("email").unwrap().get("value"), Some("ann"));
}

#[tokio::test]
async fn a_sign_in_with_an_unproved_address_leads_to_the_proof() {
    let app = app(true).await;
    let ann = app.actor("ann");
    let _ = sign_up(&ann.visits("/ui/register").await, &ann).await;
    let _ = app.letter_to(&ann.email, 0).await;
    let later = ann.at_another_browser();
    let page = sign_in(&later.visits("/ui/login").await, &later).await.at("/ui/verify");
    assert!(page.text().contains(&format!("Before you can sign in, show that mail to {} reaches you.", ann.email)));
    assert!(page.id("verify-submit").is_none(), "no mail was sent");
    let page = page.form("verify-send").submit().await.at("/ui/verify");
    let code = app.letter_to(&ann.email, 1).await.code();
    assert_eq!(page.form("verify-submit").fill("code", &code).submit().await.path(), "/");
    assert!(later.is_signed_in().await);
}

#[tokio::test]
async fn three_wrong_codes_are_said_to_be_too_many() {
    let app = app(true).await;
    let ann = app.actor("ann");
    let page = sign_up(&ann.visits("/ui/register").await, &ann).await;
    for _ in 0..3 {
        let _ = page.form("verify-submit").fill("code", "000000").submit().await.expect(422);
    }
    let code = app.letter_to(&ann.email, 0).await.code();
    let page = page.form("verify-submit").fill("code", &code).submit().await.expect(422);
    assert!(page.id("code-error").unwrap().text.contains("Too many wrong codes"), "{}", page.text());
    let page = page.form("verify-again").submit().await.at("/ui/verify");
    let code = app.letter_to(&ann.email, 1).await.code();
    assert_eq!(page.form("verify-submit").fill("code", &code).submit().await.path(), "/");
}
