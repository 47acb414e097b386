use identity_tests::TestApp;
use serde_json::{Value, json};

use super::{STALE, app_where_codes_sign_in, user_without_password};

const NEW: &str = "another password";

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let mut alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let body = json!({ "currentPassword": alice.password, "newPassword": NEW });
    let reply = alice.post("/change-password", body).await.expect(200);
    assert_eq!(reply.json(), json!({ "token": null, "user": alice.session().await["user"] }));
    assert!(reply.cookies().is_empty() && !at_work.is_signed_in().await);
    assert_eq!(app.letter_to(&alice.email, 0).await.subject, "Your password for Identity was changed");
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    alice.password = NEW.to_owned();
    let _ = alice.signs_in().await.expect(200);
}

#[tokio::test]
async fn a_changed_password_replaces_all_sessions_when_asked_to() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (at_work, thief) = (alice.at_another_browser(), alice.at_another_browser());
    let _ = at_work.signs_in().await.expect(200);
    let stolen = alice.browser(|browser| browser.clone());
    thief.browser(|browser| *browser = stolen);
    let body = json!({ "currentPassword": alice.password, "newPassword": NEW, "revokeOtherSessions": true });
    let reply = alice.post("/change-password", body).await.expect(200);
    assert_eq!(reply.json()["token"], alice.session().await["session"]["token"]);
    assert_ne!(reply.json()["token"], Value::Null);
    assert!(!at_work.is_signed_in().await && !thief.is_signed_in().await);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_sessions").await, 1);
}

#[tokio::test]
async fn a_changed_password_leaves_the_other_sessions_when_asked_to() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let body = json!({ "currentPassword": alice.password, "newPassword": NEW, "revokeOtherSessions": false });
    assert_eq!(alice.post("/change-password", body).await.expect(200).json()["token"], Value::Null);
    assert!(at_work.is_signed_in().await && alice.is_signed_in().await);
}

#[tokio::test]
async fn changing_takes_the_current_password_and_a_good_new_one() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = [
        ("a wrong password", NEW.to_owned(), "INVALID_PASSWORD"),
        ("", NEW.to_owned(), "INVALID_PASSWORD"),
        (alice.password.as_str(), "1234567".to_owned(), "PASSWORD_TOO_SHORT"),
        (alice.password.as_str(), "x".repeat(129), "PASSWORD_TOO_LONG"),
    ];
    for (current, new, code) in refused {
        let body = json!({ "currentPassword": current, "newPassword": new });
        alice.post("/change-password", body).await.expect_error(400, code);
    }
    let _ = alice.signs_in().await.expect(200);
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
}

#[tokio::test]
async fn a_user_without_a_password_gives_themselves_one_once() {
    let app = app_where_codes_sign_in().await;
    let mut guest = user_without_password(&app, "guest").await;
    assert_eq!(guest.get("/has-password").await.expect(200).json(), json!({ "hasPassword": false }));
    let unknown = [
        ("/verify-password", json!({ "password": "whatever" })),
        ("/change-password", json!({ "currentPassword": "whatever", "newPassword": NEW })),
    ];
    for (path, body) in unknown {
        guest.post(path, body).await.expect_error(400, "CREDENTIAL_ACCOUNT_NOT_FOUND");
    }
    guest.post("/set-password", json!({ "newPassword": "short" })).await.expect_error(400, "PASSWORD_TOO_SHORT");
    app.pass(STALE);
    guest.post("/set-password", json!({ "newPassword": NEW })).await.expect_error(403, "SESSION_NOT_FRESH");
    assert_eq!(guest.get("/has-password").await.expect(200).json(), json!({ "hasPassword": false }));

    let guest_again = user_without_password(&app, "other").await;
    let at_work = guest_again.at_another_browser();
    let _ = guest_again.post("/set-password", json!({ "newPassword": NEW })).await.expect(200);
    assert_eq!(guest_again.get("/has-password").await.expect(200).json(), json!({ "hasPassword": true }));
    let again = guest_again.post("/set-password", json!({ "newPassword": "yet another one" })).await;
    again.expect_error(400, "PASSWORD_ALREADY_SET");
    assert!(guest_again.is_signed_in().await);
    guest.email.clone_from(&at_work.email);
    guest.password = NEW.to_owned();
    let _ = guest.signs_in().await.expect(200);
}

#[tokio::test]
async fn verify_password_confirms_and_changes_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let reply = alice.post("/verify-password", json!({ "password": alice.password })).await.expect(200);
    assert_eq!(reply.json(), json!({ "status": true }));
    for wrong in ["a wrong password", "", &"x".repeat(129)] {
        alice.post("/verify-password", json!({ "password": wrong })).await.expect_error(400, "INVALID_PASSWORD");
    }
    assert_eq!(alice.get("/has-password").await.expect(200).json(), json!({ "hasPassword": true }));
}
