use http::Method;
use identity_core::config::ProvisioningTarget;
use identity_core::secret::Secret;
use identity_tests::{Actor, Reply, TestApp};
use serde_json::{Value, json};

const WALLET: &str = "wallet.the-secret-of-the-wallet";
const HISTORY: &str = "order-history.the-secret-of-the-history";

async fn app() -> TestApp {
    let target = |credential: &str| {
        let (name, secret) = credential.split_once('.').unwrap();
        ProvisioningTarget { name: name.to_owned(), secret: Secret::from(secret) }
    };
    let builder = TestApp::builder().config(|config| config.provisioning = vec![target(WALLET), target(HISTORY)]);
    builder.start().await
}

/// A service calls for a user, with the cookie that the user came with.
async fn provisions(actor: &Actor, credential: Option<&str>, body: Value) -> Reply {
    let mut call = actor.request(Method::POST, "/provision").without(http::header::ORIGIN);
    if let Some(credential) = credential {
        call = call.header("x-service-authorization", format!("Bearer {credential}"));
    } else {
        call = call.header("origin", "http://localhost:8888");
    }
    actor.send(call.json(&body)).await
}

fn flags(user: &Value) -> Value {
    json!([user["hasWalletAccount"], user["hasOrderHistoryAccount"]])
}

#[tokio::test]
async fn a_service_reports_once_and_for_good_that_its_part_is_ready() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    assert_eq!(flags(&alice.session().await["user"]), json!([false, false]));
    for _ in 0..2 {
        let reply = provisions(&alice, Some(WALLET), json!({ "app": "wallet" })).await.expect(200);
        assert_eq!(flags(&reply.json()["user"]), json!([true, false]));
    }
    assert_eq!(flags(&alice.session().await["user"]), json!([true, false]));
    let _ = provisions(&alice, Some(HISTORY), json!({ "app": "order-history" })).await.expect(200);
    assert_eq!(flags(&alice.get("/me").await.json()), json!([true, true]));
    assert_eq!(flags(&bob.session().await["user"]), json!([false, false]));
}

#[tokio::test]
async fn only_the_named_service_may_say_so_and_only_for_a_user_who_is_there() {
    let app = app().await;
    let alice = app.user("alice").await;
    let body = json!({ "app": "wallet" });
    let code = "SERVICE_CREDENTIAL_REQUIRED";
    provisions(&alice, None, body.clone()).await.expect_error(403, code);
    for wrong in [HISTORY, "wallet.wrong", "wallet", "wallet.", ".", "", "unknown.the-secret-of-the-wallet"] {
        provisions(&alice, Some(wrong), body.clone()).await.expect_error(403, code);
    }
    provisions(&app.actor("visitor"), Some(WALLET), body).await.expect_error(401, "UNAUTHORIZED");
    let unknown = provisions(&alice, Some(WALLET), json!({ "app": "unknown" })).await;
    unknown.expect_error(404, "UNKNOWN_APPLICATION");
    provisions(&alice, Some(WALLET), json!({ "app": "" })).await.expect_error(400, "VALIDATION_ERROR");
    alice.post("/update-user", json!({ "hasWalletAccount": true })).await.expect_error(400, "FIELD_NOT_ALLOWED");
    assert_eq!(flags(&alice.session().await["user"]), json!([false, false]));
}

#[tokio::test]
async fn a_wrong_proof_of_a_service_is_an_error_everywhere_and_not_an_anonymous_call() {
    let app = app().await;
    let alice = app.user("alice").await;
    for value in ["Bearer wallet.wrong", "Basic d2FsbGV0", "wallet", ""] {
        let call = alice.request(Method::GET, "/get-session").header("x-service-authorization", value);
        alice.send(call).await.expect_error(403, "SERVICE_CREDENTIAL_REQUIRED");
    }
}
