//! Clients that sign assertions.

use std::sync::Arc;
use std::time::Duration;

use identity_core::oauth::client::{AuthMethod, NewClient};
use identity_core::oauth::{ErrorCode, GrantType, Params, Presented};
use identity_core::request::RequestInfo;
use identity_tests::{TestApp, race};
use serde_json::{Value, json};

use super::{Key, assert_as, call, claims, create, new};
use crate::flows::row;

fn signing(id: &str, key: &Key) -> NewClient {
    let mut client = new(id, AuthMethod::PrivateKeyJwt);
    client.metadata.jwks = Some(key.jwks());
    client
}

#[tokio::test]
async fn an_assertion_proves_a_client_once() {
    let app = TestApp::start().await;
    let key = Key::new(1, "one");
    create(&app, signing("app", &key)).await;
    let assertion = key.sign(&claims(&app, "app", "1"));
    assert_eq!(assert_as(&app, &assertion).await.unwrap().id.as_str(), "app");
    assert_eq!(assert_as(&app, &assertion).await.unwrap_err(), ErrorCode::InvalidClient);
    let mut again = claims(&app, "app", "1");
    again["exp"] = json!(app.identity.now().timestamp() + 120);
    assert!(assert_as(&app, &key.sign(&again)).await.is_err(), "the same id in another assertion");
    create(&app, signing("other", &key)).await;
    assert!(assert_as(&app, &key.sign(&claims(&app, "other", "1"))).await.is_ok(), "ids are each client's own");
}

#[tokio::test]
async fn an_assertion_is_for_us_of_the_client_and_good_for_minutes() {
    let app = TestApp::start().await;
    let key = Key::new(1, "one");
    create(&app, signing("app", &key)).await;
    create(&app, signing("other", &key)).await;
    let now = app.identity.now().timestamp();
    let base = app.identity.config().http.base_url.clone();
    let good = [
        json!({ "aud": [base] }),
        json!({ "aud": format!("{base}/oauth2/token") }),
        json!({ "aud": [base, format!("{base}/oauth2/token")] }),
        json!({ "exp": now + 300 }),
        json!({ "exp": now - 29 }),
        json!({ "iat": now + 10, "nbf": now + 10 }),
        json!({ "iat": null }),
    ];
    let bad = [
        json!({ "aud": "https://elsewhere.example" }),
        json!({ "aud": ["https://elsewhere.example", format!("{base}/oauth2/token")] }),
        json!({ "aud": [base, "https://elsewhere.example"] }),
        json!({ "aud": format!("{base}/") }),
        json!({ "aud": format!("{base}/oauth2/authorize") }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "exp": now - 31 }),
        json!({ "exp": now + 331 }),
        json!({ "exp": 1e300 }),
        json!({ "nbf": now + 60 }),
        json!({ "iat": now + 60 }),
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": "nobody", "sub": "nobody" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": 7 }),
        json!({ "jti": "x".repeat(513) }),
    ];
    let changed = |number: usize, change: &Value| {
        let mut claims = claims(&app, "app", &format!("{number}"));
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name)
            } else {
                claims.as_object_mut().unwrap().insert(name.clone(), value.clone())
            };
        }
        key.sign(&claims)
    };
    for (number, change) in good.iter().enumerate() {
        assert!(assert_as(&app, &changed(number, change)).await.is_ok(), "{change}");
    }
    for (number, change) in bad.iter().enumerate() {
        let outcome = assert_as(&app, &changed(100 + number, change)).await;
        assert_eq!(outcome.unwrap_err(), ErrorCode::InvalidClient, "{change}");
    }
}

#[tokio::test]
async fn an_assertion_is_signed_with_a_key_and_an_algorithm_of_the_client() {
    let app = TestApp::start().await;
    let (key, stranger) = (Key::new(1, "one"), Key::new(2, "one"));
    create(&app, signing("app", &key)).await;
    let mut narrow = signing("narrow", &key);
    narrow.metadata.token_endpoint_auth_signing_alg = Some(identity_core::jwt::Algorithm::EdDsa);
    create(&app, narrow).await;
    create(&app, new("secret", AuthMethod::ClientSecretBasic)).await;
    assert!(assert_as(&app, &key.sign(&claims(&app, "narrow", "1"))).await.is_ok());
    let claims = |jti: &str| claims(&app, "app", jti);
    assert!(assert_as(&app, &key.sign_as(&json!({ "alg": "EdDSA" }), &claims("2"))).await.is_ok());
    let good = key.sign(&claims("3"));
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let forged = [
        stranger.sign(&claims("4")),
        key.sign_as(&json!({ "alg": "EdDSA", "kid": "two" }), &claims("5")),
        key.sign_as(&json!({ "alg": "none" }), &claims("6")),
        key.sign_as(&json!({ "alg": "HS256", "kid": "one" }), &claims("7")),
        key.sign_as(&json!({ "alg": "RS256", "kid": "one" }), &claims("8")),
        key.sign_as(&json!({ "alg": "EdDSA", "kid": "one", "crit": ["exp"] }), &claims("9")),
        key.sign_as(&json!({ "alg": "EdDSA", "jwk": stranger.jwk() }), &claims("10")).replace('.', ".x"),
        stranger.sign_as(&json!({ "alg": "EdDSA", "jwk": stranger.jwk() }), &claims("11")),
        key.sign(&super::claims(&app, "secret", "12")),
        format!("{unsigned}."),
        unsigned.to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
    ];
    for (number, assertion) in forged.iter().enumerate() {
        let outcome = assert_as(&app, assertion).await;
        assert_eq!(outcome.unwrap_err(), ErrorCode::InvalidClient, "row {number}");
    }
    assert!(assert_as(&app, &good).await.is_ok(), "a refused assertion does not spend the id of another");
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    let assertion = key.sign(&claims("13"));
    let named = |id| [("client_id", id), ("client_assertion", assertion.as_str()), kind];
    assert!(call(&app, None, &named("narrow")).await.is_err());
    assert!(call(&app, None, &named("app")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_who_present_one_assertion_at_once_one_is_the_client() {
    let app = Arc::new(TestApp::start().await);
    let key = Key::new(1, "one");
    create(&app, signing("app", &key)).await;
    let assertion = key.sign(&claims(&app, "app", "1"));
    let outcomes = race(50, |_| {
        let (app, assertion) = (Arc::clone(&app), assertion.clone());
        async move { assert_as(&app, &assertion).await.map(|_| ()) }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.into_iter().filter_map(Result::err).all(|code| code == ErrorCode::InvalidClient));
}

#[tokio::test]
async fn a_spent_assertion_is_remembered_as_long_as_it_is_good() {
    let app = TestApp::builder().without_worker().start().await;
    let key = Key::new(1, "one");
    create(&app, signing("app", &key)).await;
    let assertion = key.sign(&claims(&app, "app", "1"));
    assert!(assert_as(&app, &assertion).await.is_ok());
    app.pass(Duration::from_secs(89));
    app.identity.clean_up().await.unwrap();
    assert!(assert_as(&app, &assertion).await.is_err(), "it is within the leeway, and spent");
    app.pass(Duration::from_mins(2));
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_client_assertions").await, 0);
    assert!(assert_as(&app, &assertion).await.is_err(), "it has run out");
}

#[tokio::test]
async fn a_client_that_signs_gets_no_token_in_its_own_name_under_the_id_of_a_user() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let key = Key::new(1, "one");
    let outcome = async |id: &str, jti: &str| {
        let mut client = signing(id, &key);
        client.metadata.grant_types.push(GrantType::ClientCredentials);
        create(&app, client).await;
        let assertion = key.sign(&claims(&app, id, jti));
        let params = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        let params = Params::new(params.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let presented = Presented { authorization: None, params: &params };
        app.identity.oauth().token(presented, &RequestInfo::default()).await.map_err(|error| error.code())
    };
    assert!(outcome("app", "1").await.is_ok());
    assert_eq!(outcome(id.as_str(), "2").await.unwrap_err(), ErrorCode::UnauthorizedClient);
}
