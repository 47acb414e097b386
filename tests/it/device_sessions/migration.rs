//! From a device to a user: once, and for good.

use std::fmt::Write as _;
use std::sync::Arc;

use http::StatusCode;
use identity_core::id::UserId;
use identity_core::request::RequestInfo;
use identity_core::user::Ban;
use identity_tests::{Actor, TestApp, race};
use serde_json::json;

use super::*;

async fn id(actor: &Actor) -> String {
    actor.session().await["user"]["id"].as_str().unwrap().to_owned()
}

/// How many device sessions are this user's.
async fn owned(app: &TestApp, user: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM identity_device_sessions WHERE migrated_to_user_id = '{user}'");
    app.database().number(&sql).await
}

#[tokio::test]
async fn a_session_becomes_the_callers_and_its_token_is_dead() {
    let app = TestApp::start().await;
    let (phone, ann, bob) = (app.actor("phone"), app.user("ann").await, app.user("bob").await);
    let (ann_id, bob_id) = (id(&ann).await, id(&bob).await);
    let token = open(&phone, "phone").await;
    refused(&post(&phone, "/migrate", &token).await, StatusCode::UNAUTHORIZED, "unauthorized");
    assert_eq!(eligibility(&phone, &token).await, json!({ "canMigrate": true }));

    let forged = json!({ "sessionToken": token, "userId": bob_id, "user": { "id": bob_id } });
    let call = ann.request_at(Method::POST, &format!("/device-sessions/migrate?userId={bob_id}"));
    let reply = ann.send(call.header("x-user-id", &bob_id).json(&forged)).await.expect(200).json();
    assert_eq!((&reply["success"], reply["message"].is_string()), (&json!(true), true));
    assert_eq!((owned(&app, &ann_id).await, owned(&app, &bob_id).await), (1, 0));

    assert!(!is_valid(&phone, &token).await);
    refused(&beats(&phone, &token).await, StatusCode::NOT_FOUND, "device_session_not_found");
    refused(&info(&phone, &token).await, StatusCode::NOT_FOUND, "device_session_not_found");
    let migrated = json!({ "canMigrate": false, "reason": "already migrated" });
    assert_eq!(eligibility(&phone, &token).await, migrated);
    for user in [&bob, &ann] {
        let again = post(user, "/migrate", &token).await;
        refused(&again, StatusCode::BAD_REQUEST, "already_migrated");
        assert_eq!(again.json()["error"]["details"], "already migrated");
    }
    let unknown = post(&ann, "/migrate", UNKNOWN).await;
    refused(&unknown, StatusCode::BAD_REQUEST, "not_migratable");
    assert_eq!(unknown.json()["error"]["details"], "not found or expired");
    // The record of it stays, whoever holds the token.
    let _ = ends(&phone, &token).await.expect(200);
    assert_eq!(owned(&app, &ann_id).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_users_who_migrate_one_session_at_once_one_wins() {
    let app = Arc::new(TestApp::start().await);
    let (phone, users) = (app.actor("phone"), [app.user("ann").await, app.user("bob").await]);
    let ids = [id(&users[0]).await, id(&users[1]).await];
    for round in 1..=20 {
        let token = open(&phone, &format!("phone-{round}")).await;
        let replies = race(2, |number| {
            let (user, token) = (users[number].clone(), token.clone());
            async move { post(&user, "/migrate", &token).await }
        })
        .await;
        let winner = usize::from(replies[0].status != StatusCode::OK);
        assert_eq!(replies[winner].status, StatusCode::OK, "round {round}: {}", replies[winner].text());
        refused(&replies[1 - winner], StatusCode::BAD_REQUEST, "already_migrated");
        let won = format!(
            "SELECT COUNT(*) FROM identity_device_sessions WHERE device_id = 'phone-{round}' AND migrated_to_user_id = '{}'",
            ids[winner]
        );
        assert_eq!(app.database().number(&won).await, 1, "round {round}");
    }
    assert_eq!(owned(&app, &ids[0]).await + owned(&app, &ids[1]).await, 20);
}

#[tokio::test]
async fn what_became_a_users_goes_with_the_user() {
    let app = TestApp::start().await;
    let (phone, ann) = (app.actor("phone"), app.user("ann").await);
    let ann_id = id(&ann).await;
    let (mine, nobodys) = (open(&phone, "phone").await, open(&phone, "phone").await);
    let _ = post(&ann, "/migrate", &mine).await.expect(200);
    let _ = ann.post("/delete-user", json!({ "password": ann.password })).await.expect(200);
    assert_eq!(owned(&app, &ann_id).await, 0);
    let reason = json!({ "canMigrate": false, "reason": "not found or expired" });
    assert_eq!(eligibility(&phone, &mine).await, reason);
    assert!(is_valid(&phone, &nobodys).await);
}

#[tokio::test]
async fn nothing_becomes_a_users_who_is_gone_or_shut_out() {
    let app = TestApp::start().await;
    let (phone, ann) = (app.actor("phone"), app.user("ann").await);
    let ann_id = UserId::from_text(id(&ann).await);
    let text = open(&phone, "phone").await;
    let token = identity_core::token::Token::parse(&text).unwrap();
    app.identity.users().ban(&ann_id, &Ban { reason: None, expires_at: None }).await.unwrap();
    refused(&post(&ann, "/migrate", &text).await, StatusCode::UNAUTHORIZED, "unauthorized");
    // A ban that comes between the check of the session and the migration.
    let code = async |user: &UserId| {
        let migrated = app.identity.device_sessions().migrate(&token, user, &RequestInfo::default()).await;
        migrated.unwrap_err().code()
    };
    assert_eq!(code(&ann_id).await, identity_core::Code::Unauthorized);
    assert_eq!(code(&UserId::from_text("nobody")).await, identity_core::Code::Unauthorized);
    assert_eq!(eligibility(&phone, &text).await, json!({ "canMigrate": true }));
}

#[tokio::test]
async fn a_dump_of_the_database_holds_no_token_of_a_device_and_nothing_in_it_opens_anything() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let token = open(&phone, "phone").await;
    let dump = app.database().dump().await;
    assert!(dump.contains("identity_device_sessions"), "{dump}");
    let bare = token.replace('-', "");
    for form in [&token, &bare] {
        let hex = form.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        assert!(!dump.contains(form.as_str()) && !dump.contains(&hex), "{form} is there:\n{dump}");
    }
    let words = dump.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    let uuids: Vec<&str> = words.filter(|word| word.len() == 36).collect();
    assert!(!uuids.is_empty(), "the id of the session is there");
    for word in uuids {
        assert!(!is_valid(&phone, word).await, "{word} opens a session");
    }
}
