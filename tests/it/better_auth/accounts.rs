use identity_tests::TestApp;
use serde_json::{Value, json};

use super::{STALE, keys};

/// Links a provider to every user who has a password, as a provider's callback will.
pub(crate) async fn link_provider(app: &TestApp, provider: &str) -> u64 {
    let sql = format!(
        "INSERT INTO identity_accounts (id, user_id, provider_id, account_id, password_hash, scopes, created_at, updated_at) \
         SELECT '{provider}-' || user_id, user_id, '{provider}', 'at-{provider}-' || user_id, NULL, 'openid,email', created_at, updated_at \
         FROM identity_accounts WHERE provider_id = 'credential'"
    );
    app.database().change(&sql).await
}

async fn listed(actor: &identity_tests::Actor) -> Vec<Value> {
    actor.get("/list-accounts").await.expect(200).json().as_array().unwrap().clone()
}

#[tokio::test]
async fn the_ways_to_sign_in_are_listed_without_their_secrets() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let _ = app.user("bob").await;
    assert_eq!(link_provider(&app, "google").await, 2);
    let accounts = listed(&alice).await;
    assert_eq!(accounts.len(), 2);
    for account in &accounts {
        assert_eq!(keys(account), ["accountId", "createdAt", "id", "providerId", "scopes", "updatedAt", "userId"]);
    }
    let user = &alice.session().await["user"]["id"];
    let credential = accounts.iter().find(|account| account["providerId"] == "credential").unwrap();
    assert_eq!((&credential["accountId"], &credential["userId"], &credential["scopes"]), (user, user, &json!([])));
    let google = accounts.iter().find(|account| account["providerId"] == "google").unwrap();
    assert_eq!((&google["userId"], &google["scopes"]), (user, &json!(["openid", "email"])));
}

#[tokio::test]
async fn one_of_two_accounts_can_be_unlinked_and_the_last_one_stays() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    link_provider(&app, "google").await;
    let accounts = listed(&alice).await;
    let credential = accounts.iter().find(|account| account["providerId"] == "credential").unwrap();
    let reply = alice.post("/unlink-account", json!({ "accountId": credential["id"] })).await.expect(200);
    assert_eq!(reply.json(), json!({ "status": true }));
    assert_eq!(alice.get("/has-password").await.expect(200).json(), json!({ "hasPassword": false }));
    alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let [last] = &listed(&alice).await[..] else { panic!() };
    for id in [&last["id"], &credential["id"]] {
        let reply = alice.post("/unlink-account", json!({ "accountId": id })).await;
        reply.expect_error(400, "FAILED_TO_UNLINK_LAST_ACCOUNT");
    }
}

#[tokio::test]
async fn an_account_of_somebody_else_cannot_be_unlinked() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    link_provider(&app, "google").await;
    for account in listed(&alice).await {
        for id in [&account["id"], &account["accountId"], &account["providerId"]] {
            let reply = mallory.post("/unlink-account", json!({ "accountId": id })).await;
            reply.expect_error(400, "ACCOUNT_NOT_FOUND");
        }
    }
    assert_eq!((listed(&alice).await.len(), listed(&mallory).await.len()), (2, 2));
}

#[tokio::test]
async fn unlinking_needs_a_recent_sign_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    link_provider(&app, "google").await;
    let id = listed(&alice).await[0]["id"].clone();
    app.pass(STALE);
    let reply = alice.post("/unlink-account", json!({ "accountId": id })).await;
    reply.expect_error(403, "SESSION_NOT_FRESH");
    assert_eq!(listed(&alice).await.len(), 2, "a list needs none");
}
