//! What UserInfo tells, by scope and by claim.

use http::Method;
use serde_json::{Value, json};

use crate::conformance::{Party, Suite, in_both_modes};

in_both_modes! {
    oidcc_userinfo_get,
    oidcc_userinfo_post_header,
    oidcc_userinfo_post_body,
    oidcc_scope_profile,
    oidcc_scope_email,
    oidcc_scope_address,
    oidcc_scope_phone,
    oidcc_scope_all,
    oidcc_claims_essential,
}

const PROFILE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
];
const EMAIL: [&str; 2] = ["email", "email_verified"];
const ADDRESS: [&str; 1] = ["address"];
const PHONE: [&str; 2] = ["phone_number", "phone_number_verified"];

async fn oidcc_userinfo_get(suite: &Suite) {
    let client = suite.client().await;
    let tokens = client.signs_in(&client.request()).await;
    let reply = suite.userinfo(Method::GET, tokens.word("access_token")).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.json(), json!({ "sub": tokens.id["sub"] }), "openid alone opens nothing else");
}

async fn oidcc_userinfo_post_header(suite: &Suite) {
    let client = suite.client().await;
    let tokens = client.signs_in(&client.request()).await;
    let reply = suite.userinfo(Method::POST, tokens.word("access_token")).await.expect(200);
    assert_eq!(reply.json()["sub"], tokens.id["sub"]);
}

async fn oidcc_userinfo_post_body(suite: &Suite) {
    let client = suite.client().await;
    let tokens = client.signs_in(&client.request()).await;
    let call = identity_tests::Call::at(Method::POST, &suite.path("userinfo_endpoint"));
    let reply = suite.backend.send(call.form(&[("access_token", tokens.word("access_token"))])).await.expect(200);
    assert_eq!(reply.json()["sub"], tokens.id["sub"]);
}

/// Signs in with a scope, and checks that UserInfo tells exactly these claims, of the right types.
async fn opens(suite: &Suite, client: &Party<'_>, scope: &str, names: &[&str]) {
    let scopes = suite.metadata["scopes_supported"].as_array().unwrap();
    assert!(scope.split(' ').all(|name| scopes.contains(&json!(name))), "{scopes:?}");
    let tokens = client.signs_in(&client.request().with("scope", format!("openid {scope}"))).await;
    let info = suite.userinfo(Method::GET, tokens.word("access_token")).await.expect(200).json();
    let mut told: Vec<&str> =
        info.as_object().unwrap().keys().map(String::as_str).filter(|&name| name != "sub").collect();
    let mut expected = names.to_vec();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    for (name, value) in info.as_object().unwrap() {
        let fits = match name.as_str() {
            "updated_at" => value.is_u64(),
            "email_verified" | "phone_number_verified" => value.is_boolean(),
            "address" => value["formatted"].is_string() && value["country"].is_string(),
            _ => value.as_str().is_some_and(|text| !text.is_empty()),
        };
        assert!(fits, "{name}: {value}");
    }
}

async fn oidcc_scope_profile(suite: &Suite) {
    opens(suite, &suite.client().await, "profile", &PROFILE).await;
}

async fn oidcc_scope_email(suite: &Suite) {
    opens(suite, &suite.client().await, "email", &EMAIL).await;
}

async fn oidcc_scope_address(suite: &Suite) {
    opens(suite, &suite.client().await, "address", &ADDRESS).await;
}

async fn oidcc_scope_phone(suite: &Suite) {
    opens(suite, &suite.client().await, "phone", &PHONE).await;
}

async fn oidcc_scope_all(suite: &Suite) {
    let all = [&PROFILE[..], &EMAIL, &ADDRESS, &PHONE].concat();
    opens(suite, &suite.client().await, "profile email address phone", &all).await;
}

async fn oidcc_claims_essential(suite: &Suite) {
    let client = suite.client().await;
    let claims: Value = json!({ "userinfo": { "name": { "essential": true } } });
    let tokens = client.signs_in(&client.request().with("claims", claims.to_string())).await;
    assert!(!tokens.id.contains_key("name"));
    let info = suite.userinfo(Method::GET, tokens.word("access_token")).await.expect(200).json();
    assert_eq!(info, json!({ "sub": tokens.id["sub"], "name": "Connie Ann Formance" }));
}
