use std::time::Duration;

use identity_core::text::Email;
use identity_tests::{Actor, TestApp, token_of};
use serde_json::json;

use super::{DELETIONS, STALE, app_where_codes_sign_in, deleted, user_without_password};

async fn by_mail() -> TestApp {
    TestApp::builder().config(|config| config.user.delete_by_mail = true).start().await
}

/// Asks to be deleted and answers the link of the mail.
async fn deletion_link(app: &TestApp, actor: &Actor, callback: &str) -> String {
    let reply = actor.post("/delete-user", json!({ "callbackURL": callback })).await.expect(200);
    assert_eq!(reply.json(), json!({ "success": true, "message": "Verification email sent" }));
    let letter = app.letter_to(&actor.email, 0).await;
    assert_eq!(letter.subject, "Confirm that your account at Identity is to be deleted");
    letter.link()
}

#[tokio::test]
async fn a_deleted_account_leaves_no_trace() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let reset = app.letter_to(&alice.email, 0).await.token();

    let reply = alice.post("/delete-user", json!({ "password": alice.password })).await.expect(200);
    assert_eq!(reply.json(), json!({ "success": true, "message": "User deleted" }));
    assert_eq!(deleted(&reply), DELETIONS);
    assert!(!at_work.is_signed_in().await && bob.is_signed_in().await);
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let body = json!({ "newPassword": "another password", "token": reset });
    alice.post("/reset-password", body).await.expect_error(400, "INVALID_TOKEN");
    app.until_mails_have_left().await;
    assert!(!app.database().dump().await.contains("alice"));
    let again = alice.signs_up().await.expect(200).json();
    assert_eq!(alice.session().await["user"], again["user"]);
}

#[tokio::test]
async fn deleting_takes_fresh_proof() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    alice.post("/delete-user", json!({ "password": "a wrong one" })).await.expect_error(400, "INVALID_PASSWORD");
    app.pass(STALE);
    for body in [json!({}), json!({ "callbackURL": "/bye" })] {
        alice.post("/delete-user", body).await.expect_error(400, "SESSION_EXPIRED");
    }
    alice.delete("/account").await.expect_error(400, "SESSION_EXPIRED");
    assert!(alice.is_signed_in().await);
    let _ = alice.post("/delete-user", json!({ "password": alice.password })).await.expect(200);

    let bob = app.user("bob").await;
    let _ = bob.send(bob.request(http::Method::POST, "/delete-user")).await.expect(200);
    let carol = app.user("carol").await;
    let reply = carol.delete("/account").await.expect(200);
    assert_eq!(
        (reply.json(), deleted(&reply)),
        (json!({ "message": "Account deleted" }), DELETIONS.map(str::to_owned).to_vec())
    );
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 0);
}

#[tokio::test]
async fn who_has_no_password_cannot_give_one() {
    let app = app_where_codes_sign_in().await;
    let guest = user_without_password(&app, "guest").await;
    let reply = guest.post("/delete-user", json!({ "password": "whatever it is" })).await;
    reply.expect_error(400, "CREDENTIAL_ACCOUNT_NOT_FOUND");
    let _ = guest.post("/delete-user", json!({})).await.expect(200);
}

#[tokio::test]
async fn deletion_can_be_switched_off() {
    let app = TestApp::builder().config(|config| config.user.delete = false).start().await;
    let alice = app.user("alice").await;
    let replies = [
        alice.post("/delete-user", json!({ "password": alice.password })).await,
        alice.delete("/account").await,
        alice.get("/delete-user/callback?token=x").await,
        alice.post("/delete-user/callback", json!({ "token": "x" })).await,
    ];
    for reply in replies {
        assert_eq!(reply.status, 404);
    }
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn following_the_link_of_the_mail_asks_and_confirming_deletes() {
    let app = by_mail().await;
    let alice = app.user("alice").await;
    let link = deletion_link(&app, &alice, "/bye").await;
    let stranger = app.actor("stranger");
    for _ in 0..2 {
        let page = alice.opens(&link).await.expect(200);
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(page.text().contains("alice@example.test") && page.text().contains("method=\"post\""));
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        assert_eq!(
            (page.header("cache-control"), page.header("referrer-policy")),
            (Some("no-store"), Some("no-referrer"))
        );
        stranger.opens(&link).await.expect_error(401, "UNAUTHORIZED");
    }
    assert!(alice.is_signed_in().await);
    let form = format!("token={}&callbackURL=%2Fbye", token_of(&link));
    let call = alice.request(http::Method::POST, "/delete-user/callback");
    let reply =
        alice.send(call.header("content-type", "application/x-www-form-urlencoded").body(form)).await.expect(302);
    assert_eq!((reply.header("location"), deleted(&reply)), (Some("/bye"), DELETIONS.map(str::to_owned).to_vec()));
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 0);
}

#[tokio::test]
async fn a_deletion_link_works_in_the_owners_session_in_time_and_for_nothing_else() {
    let app = by_mail().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let token = token_of(&deletion_link(&app, &alice, "/").await);
    mallory.get(&format!("/delete-user/callback?token={token}")).await.expect_error(404, "INVALID_TOKEN");
    mallory.post("/delete-user/callback", json!({ "token": token })).await.expect_error(404, "INVALID_TOKEN");
    mallory.post("/delete-user", json!({ "token": token })).await.expect_error(404, "INVALID_TOKEN");
    let body = json!({ "newPassword": "another password", "token": token });
    mallory.post("/reset-password", body).await.expect_error(400, "INVALID_TOKEN");
    mallory.get(&format!("/verify-email?token={token}")).await.expect_error(401, "INVALID_TOKEN");
    app.pass(Duration::from_hours(24));
    alice.post("/delete-user", json!({ "token": token })).await.expect_error(404, "INVALID_TOKEN");
    assert!(alice.is_signed_in().await && mallory.is_signed_in().await);
}

#[tokio::test]
async fn a_deletion_link_in_time_is_proof_enough() {
    let app = by_mail().await;
    let alice = app.user("alice").await;
    let token = token_of(&deletion_link(&app, &alice, "/").await);
    app.pass(Duration::from_hours(24) - Duration::from_secs(1));
    let reply = alice.post("/delete-user", json!({ "token": token })).await.expect(200);
    assert_eq!(reply.json()["message"], "User deleted");
}

#[tokio::test]
async fn the_last_superadmin_stays() {
    let app = TestApp::start().await;
    let (root, second) = (app.user("root").await, app.user("second").await);
    let users = app.identity.users();
    let id = async |actor: &Actor| users.find_by_email(&Email::parse(&actor.email).unwrap()).await.unwrap().unwrap().id;
    let (root_id, second_id) = (id(&root).await, id(&second).await);
    users.set_role(&root_id, "superadmin").await.unwrap();
    let leave = json!({ "password": root.password });
    root.post("/delete-user", leave.clone()).await.expect_error(409, "LAST_ADMINISTRATOR");
    users.set_role(&second_id, "user,superadmin").await.unwrap();
    let _ = root.post("/delete-user", leave).await.expect(200);
    second.delete("/account").await.expect_error(409, "LAST_ADMINISTRATOR");
}
