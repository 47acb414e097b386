//! The module of oidcc-config-certification-test-plan.

use serde_json::{Value, json};

use super::{Mode, Suite};

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let suite = Suite::start(Mode::Query).await;
    let reply = suite.backend.opens("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let metadata = reply.json();
    let members = metadata.as_object().unwrap();
    for (name, value) in members {
        if name.ends_with("_endpoint") || name == "jwks_uri" || name == "issuer" {
            assert!(value.as_str().unwrap().starts_with("https://"), "{name}: {value}");
        }
        assert_ne!(value, &json!([]), "{name} says nothing");
    }
    let needed = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "registration_endpoint", "jwks_uri"];
    for name in needed {
        assert!(members.contains_key(name), "{name}");
    }
    let has = |name: &str, value: &str| members[name].as_array().unwrap().contains(&json!(value));
    assert!(has("subject_types_supported", "public") && has("subject_types_supported", "pairwise"));
    assert!(has("id_token_signing_alg_values_supported", "RS256"));
    assert!(has("response_types_supported", "code") && has("scopes_supported", "openid"));
    assert!(has("claims_supported", "sub") && has("code_challenge_methods_supported", "S256"));
    let unsigned = |value: &Value| value.as_array().is_some_and(|all| all.contains(&json!("none")));
    let with_none: Vec<&String> = members.iter().filter(|(_, value)| unsigned(value)).map(|(name, _)| name).collect();
    let public = [
        "prompt_values_supported",
        "revocation_endpoint_auth_methods_supported",
        "token_endpoint_auth_methods_supported",
    ];
    assert_eq!(
        with_none, public,
        "a public client has no method, a silent request no page, and no token goes unsigned"
    );
    for locale in members["ui_locales_supported"].as_array().unwrap() {
        assert!(locale.as_str().unwrap().bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'));
    }
}
