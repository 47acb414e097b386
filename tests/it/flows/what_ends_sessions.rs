//! Who is still signed in afterwards: the caller, the user's other browser, somebody else.

use identity_core::user::Ban;
use identity_tests::{Actor, TestApp};
use serde_json::{Value, json};

use super::row;

struct People {
    app: TestApp,
    alice: Actor,
    at_work: Actor,
    bob: Actor,
}

async fn people() -> People {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    People { app, alice, at_work, bob }
}

impl People {
    async fn signed_in(&self) -> [bool; 3] {
        [self.alice.is_signed_in().await, self.at_work.is_signed_in().await, self.bob.is_signed_in().await]
    }

    async fn post(&self, path: &str, body: Value) {
        let _ = self.alice.post(path, body).await.expect(200);
    }
}

const NEW: &str = "another password";

#[tokio::test]
async fn a_reset_ends_all() {
    let people = people().await;
    people.post("/request-password-reset", json!({ "email": people.alice.email })).await;
    let token = people.app.letter_to(&people.alice.email, 0).await.token();
    people.post("/reset-password", json!({ "newPassword": NEW, "token": token })).await;
    assert_eq!(people.signed_in().await, [false, false, true]);
}

#[tokio::test]
async fn a_changed_password_ends_the_others_unless_the_body_says_no() {
    for (revoke, other) in [
        (json!({}), false),
        (json!({ "revokeOtherSessions": true }), false),
        (json!({ "revokeOtherSessions": false }), true),
    ] {
        let people = people().await;
        let mut body = json!({ "currentPassword": people.alice.password, "newPassword": NEW });
        body.as_object_mut().unwrap().extend(revoke.as_object().unwrap().clone());
        people.post("/change-password", body).await;
        assert_eq!(people.signed_in().await, [true, other, true], "{revoke}");
    }
}

#[tokio::test]
async fn a_changed_address_ends_the_others() {
    let people = people().await;
    people.post("/change-email", json!({ "newEmail": "new@example.test" })).await;
    let link = people.app.letter_to("new@example.test", 0).await.link();
    assert_eq!(people.signed_in().await, [true, true, true]);
    let _ = people.alice.opens(&link).await.expect(302);
    assert_eq!(people.signed_in().await, [true, false, true]);
}

#[tokio::test]
async fn a_password_that_is_set_for_the_first_time_ends_none() {
    let people = people().await;
    let sql = format!("DELETE FROM identity_accounts WHERE user_id = '{}'", row(&people.app, &people.alice).await.id);
    assert_eq!(people.app.database().change(&sql).await, 1);
    people.post("/set-password", json!({ "newPassword": NEW })).await;
    assert_eq!(people.signed_in().await, [true, true, true]);
}

#[tokio::test]
async fn a_ban_a_recovery_and_a_deletion_end_all() {
    let people = people().await;
    let id = row(&people.app, &people.alice).await.id;
    people.app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    assert_eq!(people.signed_in().await, [false, false, true]);
    people.app.identity.users().recover(&id, NEW).await.unwrap();
    for browser in [&people.alice, &people.at_work] {
        let body = json!({ "email": browser.email, "password": NEW });
        let _ = browser.post("/sign-in/email", body).await.expect(200);
    }
    people.app.identity.users().recover(&id, NEW).await.unwrap();
    assert_eq!(people.signed_in().await, [false, false, true]);
    for browser in [&people.alice, &people.at_work] {
        let body = json!({ "email": browser.email, "password": NEW });
        let _ = browser.post("/sign-in/email", body).await.expect(200);
    }
    people.post("/delete-user", json!({ "password": NEW })).await;
    assert_eq!(people.signed_in().await, [false, false, true]);
}

#[tokio::test]
async fn a_changed_profile_and_a_proved_address_end_none() {
    let people = people().await;
    people.post("/update-user", json!({ "name": "A" })).await;
    people.post("/send-verification-email", json!({ "email": people.alice.email })).await;
    let _ = people.alice.opens(&people.app.letter_to(&people.alice.email, 0).await.link()).await.expect(302);
    assert_eq!(people.signed_in().await, [true, true, true]);
}
