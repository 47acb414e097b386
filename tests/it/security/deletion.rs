//! What is left of somebody who has left.

use std::fmt::Write as _;

use http::Method;
use identity_core::config::ProvisioningTarget;
use identity_core::token::{Token, kind};
use identity_tests::TestApp;
use serde_json::{Value, json};

use crate::better_auth::link_provider;
use crate::flows::row;

/// Case 99: no credential of a deleted account works, and no row but the record of what happened knows its id.
#[tokio::test]
async fn nothing_of_a_deleted_account_works_or_stays() {
    let builder = TestApp::builder().config(|config| {
        config.http.bearer = true;
        config.http.cookie_cache = true;
        config.limits.enabled = true;
        let secret = "the-secret-of-the-wallet".into();
        config.provisioning.push(ProvisioningTarget { name: "wallet".to_owned(), secret });
    });
    let app = builder.start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    link_provider(&app, "google").await;
    let (user, bobs) = (row(&app, &alice).await, row(&app, &bob).await);
    let _ = app.identity.provisioning().complete(&user.id, "wallet").await.unwrap();
    let at_work = alice.at_another_browser().from_ip([192, 0, 2, 1]);
    let _ = at_work.signs_in().await.expect(200);
    let wrong = json!({ "email": alice.email, "password": "a wrong password" });
    let _ = alice.from_ip([192, 0, 2, 2]).post("/sign-in/email", wrong).await.expect(401);
    let from = |number: u8| alice.from_ip([192, 0, 2, number]);
    let _ = from(3).post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    let verification = app.letter_to(&alice.email, 0).await;
    let _ = from(4).post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let reset = app.letter_to(&alice.email, 1).await.token();
    let _ = from(5).post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
    let change = app.letter_to("new@example.test", 0).await.token();
    let sessions: Vec<Value> = vec![alice.session().await, at_work.session().await];
    let stolen = [alice.browser(|browser| browser.clone()), at_work.browser(|browser| browser.clone())];

    let _ = from(6).post("/delete-user", json!({ "password": alice.password })).await.expect(200);

    for (browser, session) in stolen.into_iter().zip(&sessions) {
        let thief = app.actor("thief").from_ip([192, 0, 2, 7]);
        thief.browser(|own| *own = browser);
        for path in ["/me", "/list-sessions", "/list-accounts", "/has-password"] {
            thief.get(path).await.expect_error(401, "UNAUTHORIZED");
        }
        assert_eq!(thief.get("/get-session?disableCookieCache=true").await.json(), Value::Null);
        let bearer = format!("Bearer {}", session["session"]["token"].as_str().unwrap());
        let visitor = app.actor("visitor").from_ip([192, 0, 2, 8]);
        let call = visitor.request(Method::GET, "/me").header("authorization", bearer);
        visitor.send(call).await.expect_error(401, "UNAUTHORIZED");
    }
    let visitor = app.actor("visitor").from_ip([192, 0, 2, 9]);
    let body = json!({ "newPassword": "another password", "token": reset });
    visitor.post("/reset-password", body).await.expect_error(400, "INVALID_TOKEN");
    for token in [verification.token(), change] {
        visitor.get(&format!("/verify-email?token={token}")).await.expect_error(401, "INVALID_TOKEN");
        visitor.post("/verify-email", json!({ "token": token })).await.expect_error(401, "INVALID_TOKEN");
    }
    let body = json!({ "email": alice.email, "otp": verification.code() });
    visitor.post("/email-otp/verify-email", body).await.expect_error(400, "INVALID_OTP");
    let body = json!({ "email": alice.email, "password": alice.password });
    visitor.post("/sign-in/email", body).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(app.identity.provisioning().complete(&user.id, "wallet").await.is_err());

    app.until_mails_have_left().await;
    let dump = app.database().dump().await;
    assert!(dump.contains(bobs.id.as_str()) && dump.contains(user.id.as_str()), "{dump}");
    for line in dump.lines() {
        let remembered = line.starts_with("identity_events: ");
        assert!(remembered || !line.contains(user.id.as_str()), "{line}");
        assert!(!line.contains(&alice.email) && !line.contains("new@example.test"), "{line}");
        assert!(!remembered || !line.contains(user.id.as_str()) || !line.contains("192.0.2."), "{line}");
    }
    for session in &sessions {
        let token = Token::<kind::Session>::presented(session["session"]["token"].as_str().unwrap());
        let hex = token.digest().as_bytes().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        assert!(!dump.contains(&hex), "{dump}");
    }
    assert!(bob.is_signed_in().await);
}

/// Case 100: a deletion that was asked for long ago still takes the owner's own session, and a confirmation.
#[tokio::test]
async fn a_deletion_link_serves_its_owner_after_a_new_sign_in_and_nobody_else() {
    let app = TestApp::builder().config(|config| config.user.delete_by_mail = true).start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let _ = alice.post("/delete-user", json!({})).await.expect(200);
    let letter = app.letter_to(&alice.email, 0).await;
    let token = letter.token();
    let _ = alice.signs_out().await.expect(200);
    for nobody in [&alice, &app.actor("scanner")] {
        nobody.opens(&letter.link()).await.expect_error(401, "UNAUTHORIZED");
        nobody.post("/delete-user/callback", json!({ "token": token })).await.expect_error(401, "UNAUTHORIZED");
    }
    mallory.post("/delete-user/callback", json!({ "token": token })).await.expect_error(404, "INVALID_TOKEN");
    let _ = alice.signs_in().await.expect(200);
    for _ in 0..3 {
        let _ = alice.opens(&letter.link()).await.expect(200);
    }
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 2);
    let forged = alice.request(Method::POST, "/delete-user/callback").header("origin", "https://evil.example");
    alice.send(forged.json(&json!({ "token": token }))).await.expect_error(403, "INVALID_ORIGIN");
    let _ = alice.post("/delete-user/callback", json!({ "token": token })).await.expect(200);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
    assert!(mallory.is_signed_in().await);
}
