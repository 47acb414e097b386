//! Removing what has run out is for administrators.

use http::StatusCode;
use identity_core::id::UserId;
use identity_tests::{Actor, TestApp};
use serde_json::json;

use super::*;

const ROWS: &str = "SELECT COUNT(*) FROM identity_device_sessions";

/// Makes the sessions of a device run out, without moving the clock: the worker cleans up too, every ten minutes.
async fn age(app: &TestApp, device: &str) -> u64 {
    let sql = "UPDATE identity_device_sessions SET last_active_at = '2025-12-01T00:00:00+00:00' WHERE device_id = ";
    app.database().change(&format!("{sql}'{device}'")).await
}

async fn cleans(actor: &Actor) -> Reply {
    actor.send(actor.request_at(Method::DELETE, "/device-sessions/cleanup")).await
}

async fn gets_role(app: &TestApp, actor: &Actor, role: &str) {
    let id = UserId::from_text(actor.session().await["user"]["id"].as_str().unwrap());
    app.identity.users().set_role(&id, role).await.unwrap();
}

#[tokio::test]
async fn only_administrators_clean_up_and_only_what_has_run_out_goes() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let (_over, live) = (open(&phone, "over").await, open(&phone, "live").await);
    let ann = app.user("ann").await;
    assert_eq!(age(&app, "over").await, 1);
    refused(&cleans(&phone).await, StatusCode::UNAUTHORIZED, "unauthorized");
    refused(&cleans(&ann).await, StatusCode::FORBIDDEN, "permission_denied");
    gets_role(&app, &ann, "analyst").await;
    refused(&cleans(&ann).await, StatusCode::FORBIDDEN, "permission_denied");
    assert_eq!(app.database().number(ROWS).await, 2, "a refusal removes nothing");
    gets_role(&app, &ann, "analyst,admin").await;
    let reply = cleans(&ann).await.expect(200).json();
    assert_eq!((&reply["deletedCount"], reply["message"].is_string()), (&json!(1), true));
    assert_eq!(cleans(&ann).await.expect(200).json()["deletedCount"], 0);
    assert!(is_valid(&phone, &live).await);
    let _ = ann.signs_out().await.expect(200);
    refused(&cleans(&ann).await, StatusCode::UNAUTHORIZED, "unauthorized");
}

#[tokio::test]
async fn an_administrator_is_one_where_roles_are_not_shown() {
    let app = TestApp::builder().config(|config| config.user.expose_role = false).start().await;
    let ann = app.user("ann").await;
    refused(&cleans(&ann).await, StatusCode::FORBIDDEN, "permission_denied");
    gets_role(&app, &ann, "superadmin").await;
    let _ = cleans(&ann).await.expect(200);
}

#[tokio::test]
async fn more_than_one_batch_goes_at_once() {
    let app = TestApp::start().await;
    let (phone, ann) = (app.actor("phone"), app.user("ann").await);
    gets_role(&app, &ann, "admin").await;
    let _ = open(&phone, "phone").await;
    // Copies with ids and digests of their own.
    let copy = if app.database().is_postgres() { "decode(md5(random()::text), 'hex')" } else { "randomblob(32)" };
    let series = if app.database().is_postgres() {
        "(SELECT generate_series(1, 1200) AS n) s"
    } else {
        "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1200) SELECT n FROM c) s"
    };
    let sql = format!(
        "INSERT INTO identity_device_sessions \
         (id, device_id, token_digest, preferred_currency, created_at, last_active_at, expires_at) \
         SELECT 'copy-' || s.n, d.device_id, {copy}, d.preferred_currency, d.created_at, d.last_active_at, d.expires_at \
         FROM identity_device_sessions d, {series}"
    );
    assert_eq!(app.database().change(&sql).await, 1200);
    assert_eq!(cleans(&ann).await.expect(200).json()["deletedCount"], 0);
    assert_eq!(age(&app, "phone").await, 1201);
    assert_eq!(cleans(&ann).await.expect(200).json()["deletedCount"], 1201);
    assert_eq!(app.database().number(ROWS).await, 0);
}

#[tokio::test]
async fn what_has_run_out_goes_by_itself() {
    let app = TestApp::start().await;
    let phone = app.actor("phone");
    let _ = open(&phone, "over").await;
    app.pass(std::time::Duration::from_hours(24 * 30));
    let _worker = app.identity.spawn_worker();
    app.database().until(ROWS, 0).await;
}
