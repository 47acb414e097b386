//! Codes and refresh tokens, used as they should be and as they should not.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::conformance::party::random;
use crate::conformance::suite::ago;
use crate::conformance::{Party, Suite, Tokens, in_both_modes};

in_both_modes! {
    oidcc_codereuse,
    oidcc_codereuse_30seconds,
    oidcc_refresh_token,
}

/// How long a token may look like the one before it: its time counts seconds.
const PATIENCE: Duration = Duration::from_secs(10);

async fn oidcc_codereuse(suite: &Suite) {
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    let _ = client.tokens(&request, &answer).await;
    client.redeems(&request, answer.code()).await.expect_oauth(400, "invalid_grant");
}

async fn oidcc_codereuse_30seconds(suite: &Suite) {
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    let tokens = client.tokens(&request, &answer).await;
    let database = suite.server.database();
    database.set_moment("identity_authorization_grants", "created_at", ago(30)).await;
    database.set_moment("identity_token_families", "created_at", ago(30)).await;
    client.redeems(&request, answer.code()).await.expect_oauth(400, "invalid_grant");
    let refused = suite.userinfo(Method::GET, tokens.word("access_token")).await.expect(401);
    assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
}

/// A client that may refresh, and its first tokens.
async fn refreshing(suite: &Suite, nonce: usize) -> (Party<'_>, Tokens) {
    let client = suite.register(json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let request = client.request().with("scope", "openid offline_access").with("prompt", "consent");
    let tokens = client.signs_in(&request.with("nonce", random(nonce))).await;
    (client, tokens)
}

async fn oidcc_refresh_token(suite: &Suite) {
    assert!(suite.metadata["scopes_supported"].as_array().unwrap().contains(&json!("offline_access")));
    assert!(suite.metadata["grant_types_supported"].as_array().unwrap().contains(&json!("refresh_token")));
    let (one, first) = refreshing(suite, 20).await;
    let (two, theirs) = refreshing(suite, 43).await;
    for (client, tokens, scope) in [(&one, &first, Some("openid offline_access")), (&two, &theirs, None)] {
        let refresh_token = tokens.word("refresh_token");
        assert!(refresh_token.len() * 6 >= 128);
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        fields.extend(scope.map(|scope| ("scope", scope)));
        // Its client proves itself, so the refresh token stays, and asking again is no reuse.
        let renewed = tokio::time::timeout(PATIENCE, async {
            loop {
                let reply = client.posts("token_endpoint", &fields).await.expect(200);
                assert_eq!(reply.header("content-type"), Some("application/json"));
                let renewed = client.checked(&without_nonce(client, &reply), &reply).await;
                if renewed.id["iat"] != tokens.id["iat"] {
                    return renewed;
                }
            }
        });
        let renewed = renewed.await.expect("a new ID token has a time of its own");
        assert_ne!(renewed.word("access_token"), tokens.word("access_token"));
        renewed.are_of_the_sign_in_of(tokens);
        for same in ["iss", "aud"] {
            assert_eq!(renewed.id[same], tokens.id[same]);
        }
        assert_eq!(renewed.id.get("azp"), tokens.id.get("azp"));
    }
    let fields = [("grant_type", "refresh_token"), ("refresh_token", theirs.word("refresh_token"))];
    one.posts("token_endpoint", &fields).await.expect_oauth(400, "invalid_grant");
}

/// The request that the answer to a refresh is checked against: its ID token has the nonce of the first or none.
fn without_nonce(client: &Party<'_>, reply: &identity_tests::Reply) -> crate::conformance::Request {
    let body = reply.json();
    let told = identity_tests::claims(body["id_token"].as_str().unwrap());
    match told.get("nonce").and_then(serde_json::Value::as_str) {
        Some(nonce) => client.request().with("nonce", nonce),
        None => client.request().without("nonce"),
    }
}
