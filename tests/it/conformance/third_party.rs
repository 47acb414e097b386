//! The modules of oidcc-3rdparty-init-login-certification-test-plan.

use http::Method;
use http::header::AUTHORIZATION;
use identity_tests::Call;
use serde_json::json;

use super::suite::CALLBACK;
use super::{Mode, Suite};

#[tokio::test]
async fn oidcc_3rd_party_init_login() {
    let suite = Suite::start(Mode::Query).await;
    let uri = "https://suite.example.test/start";
    let client = suite.register(json!({ "initiate_login_uri": uri })).await;
    assert_eq!(client.document["initiate_login_uri"], uri);
    let path = client.word("registration_client_uri").strip_prefix(&suite.issuer()).unwrap();
    let credential = format!("Bearer {}", client.word("registration_access_token"));
    let read = suite.backend.send(Call::at(Method::GET, path).header(AUTHORIZATION, credential)).await.expect(200);
    assert_eq!(read.header("content-type"), Some("application/json"));
    assert_eq!(read.json()["initiate_login_uri"], uri);
}

#[tokio::test]
async fn oidcc_3rd_party_init_login_nohttps() {
    let suite = Suite::start(Mode::Query).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "initiate_login_uri": "http://suite.example.test/start" });
    suite.registers(&metadata).await.expect_oauth(400, "invalid_client_metadata");
}
