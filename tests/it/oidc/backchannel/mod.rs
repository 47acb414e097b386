//! OpenID Connect Back-Channel Logout 1.0: who is told that a session has ended, and how often.

mod delivery;
mod who;

use identity_core::logout::{LogoutDelivery, LogoutState};
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{ClientMetadata, ClientPolicy};
use identity_tests::{Actor, RelyingParty, TestApp, TestAppBuilder, Told, claims};
use serde_json::{Map, Value};

/// Every logout that is written down.
const ALL: &str = "SELECT COUNT(*) FROM identity_logout_deliveries";

fn builder() -> TestAppBuilder {
    TestApp::builder().config(|config| config.oauth.outbound.allow_private = true)
}

/// A client that is told of logouts.
async fn client(app: &TestApp, id: &str, told: &Told) -> RelyingParty {
    changed_client(app, id, told, |_| {}).await
}

async fn changed_client(
    app: &TestApp,
    id: &str,
    told: &Told,
    change: impl FnOnce(&mut ClientMetadata),
) -> RelyingParty {
    let uri = told.uri();
    let metadata = |metadata: &mut ClientMetadata, _: &mut ClientPolicy| {
        metadata.backchannel_logout_uri = Some(uri);
        metadata.post_logout_redirect_uris = vec!["https://app.example.test/bye".to_owned()];
        change(metadata);
    };
    RelyingParty::with(app, id, AuthMethod::ClientSecretBasic, metadata).await
}

/// Signs somebody in to a client, and answers the claims of the ID token.
async fn sign_in(app: &TestApp, client: &RelyingParty, user: &Actor) -> Map<String, Value> {
    let tokens = client.tokens(app, user, "openid").await;
    claims(tokens["id_token"].as_str().unwrap())
}

async fn rows(app: &TestApp) -> Vec<LogoutDelivery> {
    app.identity.logouts().list(None, None, 100).await.unwrap()
}

async fn until(app: &TestApp, state: LogoutState, count: i64) {
    let sql = format!("{ALL} WHERE state = '{}'", state.as_str());
    app.database().until(&sql, count).await;
}
