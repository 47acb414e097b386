use std::time::Duration;

use identity_core::code::Code;
use identity_core::time::{Clock as _, after};
use identity_core::user::Ban;
use identity_tests::TestApp;
use serde_json::json;

use super::{row, sessions};

const FOR_GOOD: Ban = Ban { reason: None, expires_at: None };

#[tokio::test]
async fn a_banned_user_is_out_at_once_and_everywhere() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let users = app.identity.users();
    users.ban(&row(&app, &alice).await.id, &FOR_GOOD).await.unwrap();
    assert!(!alice.is_signed_in().await && !at_work.is_signed_in().await && bob.is_signed_in().await);
    alice.signs_in().await.expect_error(403, "BANNED_USER");
    assert_eq!(sessions(&app).await, 1);
    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let token = app.letter_to(&alice.email, 0).await.token();
    let body = json!({ "newPassword": "another password", "token": token });
    let _ = alice.post("/reset-password", body).await.expect(200);
    let body = json!({ "email": alice.email, "password": "another password" });
    alice.post("/sign-in/email", body).await.expect_error(403, "BANNED_USER");
}

#[tokio::test]
async fn a_session_that_a_ban_has_missed_is_worth_nothing() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(app.database().change("UPDATE identity_users SET banned = TRUE").await, 1);
    assert!(!alice.is_signed_in().await);
    alice.get("/me").await.expect_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_ban_that_has_run_out_lets_in_and_is_gone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let until = after(app.clock.now(), Duration::from_hours(1));
    let ban = Ban { reason: Some("rude".to_owned()), expires_at: Some(until) };
    app.identity.users().ban(&id, &ban).await.unwrap();
    app.pass(Duration::from_mins(59));
    alice.signs_in().await.expect_error(403, "BANNED_USER");
    assert_eq!(row(&app, &alice).await.ban, Some(ban));
    app.pass(Duration::from_mins(1));
    let _ = alice.signs_in().await.expect(200);
    assert!(alice.is_signed_in().await);
    assert_eq!(row(&app, &alice).await.ban, None);
}

#[tokio::test]
async fn an_unbanned_user_signs_in_again() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (users, id) = (app.identity.users(), row(&app, &alice).await.id);
    users.ban(&id, &FOR_GOOD).await.unwrap();
    users.unban(&id).await.unwrap();
    assert!(!alice.is_signed_in().await, "the old sessions stay ended");
    let _ = alice.signs_in().await.expect(200);
}

#[tokio::test]
async fn the_last_superadmin_cannot_be_banned_or_demoted() {
    let app = TestApp::start().await;
    let (root, alice) = (app.user("root").await, app.user("alice").await);
    let (users, root_id, alice_id) = (app.identity.users(), row(&app, &root).await.id, row(&app, &alice).await.id);
    users.set_role(&root_id, "superadmin").await.unwrap();
    assert_eq!(users.ban(&root_id, &FOR_GOOD).await.unwrap_err().code(), Code::LastAdministrator);
    assert_eq!(users.set_role(&root_id, "admin").await.unwrap_err().code(), Code::LastAdministrator);
    users.set_role(&root_id, "superadmin,admin").await.unwrap();
    // One who merely sounds like one, or who is banned, is none.
    users.set_role(&alice_id, "not-a-superadmin").await.unwrap();
    assert_eq!(users.set_role(&root_id, "user").await.unwrap_err().code(), Code::LastAdministrator);
    users.set_role(&alice_id, "superadmin").await.unwrap();
    users.ban(&alice_id, &FOR_GOOD).await.unwrap();
    assert_eq!(users.ban(&root_id, &FOR_GOOD).await.unwrap_err().code(), Code::LastAdministrator);
    assert!(root.is_signed_in().await);
    users.unban(&alice_id).await.unwrap();
    users.ban(&root_id, &FOR_GOOD).await.unwrap();
}
