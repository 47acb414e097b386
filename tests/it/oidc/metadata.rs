//! What everybody may know.

use std::time::Duration;

use axum::body::to_bytes;
use http::header::{HOST, IF_NONE_MATCH, ORIGIN};
use http::{HeaderMap, Method, Request};
use identity_axum::Published;
use identity_core::config::Registration;
use identity_tests::{Call, Reply, TestApp};
use serde_json::{Value, json};

/// What everybody may fetch. The server gives it before it looks for a route; a `HEAD` is answered by the routes.
pub(crate) const PUBLISHED: [&str; 6] = [
    "/oauth2/jwks",
    "/.well-known/openid-configuration",
    "/api/auth/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/api/auth/.well-known/oauth-authorization-server",
    "/.well-known/oauth-authorization-server/api/auth",
];

async fn get(app: &TestApp, path: &str) -> Reply {
    app.actor("client").send(Call::at(Method::GET, path)).await
}

#[tokio::test]
async fn both_documents_are_the_same_and_say_what_there_is() {
    let app = TestApp::start().await;
    let reply = get(&app, "/.well-known/openid-configuration").await.expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let told = reply.json();
    assert_eq!(get(&app, "/.well-known/oauth-authorization-server").await.expect(200).json(), told);
    assert_eq!(told["issuer"], "http://localhost:8888");
    assert_eq!(told["response_types_supported"], json!(["code"]));
    assert_eq!(told["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(told["id_token_signing_alg_values_supported"], json!(["RS256", "PS256", "ES256", "EdDSA"]));
    assert_eq!(told["scopes_supported"], json!(["address", "email", "offline_access", "openid", "phone", "profile"]));
    assert_eq!(told["authorization_response_iss_parameter_supported"], true);
    assert_eq!(
        (&told["request_parameter_supported"], &told["request_uri_parameter_supported"]),
        (&json!(false), &json!(false))
    );
    assert!(!reply.text().contains("\"none\",\"HS") && told.get("registration_endpoint").is_none());
    for (name, value) in told.as_object().unwrap() {
        assert!(value.as_array().is_none_or(|values| !values.is_empty()), "{name} is empty");
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("http://localhost:8888/oauth2/"), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_advertised_is_what_is_enabled() {
    let app = TestApp::builder()
        .config(|config| {
            config.oauth.registration = Registration::Open;
            config.oauth.scopes = vec!["jobs:run".to_owned()];
            config.oauth.algorithms.retain(|algorithm| algorithm.as_str() != "EdDSA");
        })
        .start()
        .await;
    let told = get(&app, "/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(told["registration_endpoint"], "http://localhost:8888/oauth2/register");
    assert!(told["scopes_supported"].as_array().unwrap().contains(&json!("jobs:run")));
    assert_eq!(told["userinfo_signing_alg_values_supported"], json!(["RS256", "PS256", "ES256"]));
    let keys = get(&app, "/oauth2/jwks").await.expect(200).json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_copy_is_good_until_the_document_changes() {
    let app = TestApp::start().await;
    for path in ["/.well-known/openid-configuration", "/oauth2/jwks"] {
        let tag = get(&app, path).await.expect(200).header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let call = Call::at(Method::GET, path).header(IF_NONE_MATCH, known);
            let reply = app.actor("client").send(call).await.expect(304);
            assert!(reply.body.is_empty() && reply.header("cache-control").is_some());
        }
        let call = Call::at(Method::GET, path).header(IF_NONE_MATCH, "\"other\"");
        let _ = app.actor("client").send(call).await.expect(200);
    }
}

/// Which requests a server may answer before it looks for a route.
#[tokio::test]
async fn the_documents_are_given_at_once_to_those_who_just_get_them() {
    let app = TestApp::start().await;
    let published = Published::new(&app.identity, HeaderMap::new());
    let answered = |method: Method, path: &str, host: &str| {
        published.answer(&Request::builder().method(method).uri(path).header(HOST, host).body(()).unwrap()).is_some()
    };
    assert!(!answered(Method::GET, "/oauth2/jwks", "localhost:8888"), "no key has been made yet");
    let _ = get(&app, "/oauth2/jwks").await.expect(200);
    for path in PUBLISHED {
        assert!(answered(Method::GET, path, "localhost:8888"), "{path}");
        assert!(!answered(Method::GET, path, "evil.test"), "{path}");
        assert!(!answered(Method::GET, &format!("{path}/"), "localhost:8888"), "{path}");
        for method in [Method::HEAD, Method::OPTIONS, Method::POST] {
            assert!(!answered(method.clone(), path, "localhost:8888"), "{method} {path}");
        }
    }
    assert!(!answered(Method::GET, "/oauth2/userinfo", "localhost:8888"));
    app.pass(Duration::from_secs(5));
    assert!(!answered(Method::GET, "/oauth2/jwks", "localhost:8888"), "the keys have to be read again");
}

/// Who rotates may be another process: then it takes as long as keys are used unread.
#[tokio::test]
async fn a_new_key_is_given_at_once_here_and_within_seconds_by_another_node() {
    let here = TestApp::start().await;
    let _ = get(&here, "/oauth2/jwks").await.expect(200);
    let there = TestApp::builder().beside(&here).start().await;
    let before = get(&there, "/oauth2/jwks").await.expect(200).json();
    let [at_home, elsewhere] = [&here, &there].map(|app| Published::new(&app.identity, HeaderMap::new()));
    let given = async |published: &Published| {
        let request = Request::get("/oauth2/jwks").header(HOST, "localhost:8888").body(()).unwrap();
        let body = published.answer(&request)?.into_body();
        Some(serde_json::from_slice::<Value>(&to_bytes(body, usize::MAX).await.unwrap()).unwrap())
    };
    assert_eq!(given(&at_home).await, Some(before.clone()));
    let staged = here.identity.signing_keys().rotate(false).await.unwrap();
    let after = get(&here, "/oauth2/jwks").await.expect(200).json();
    let count = |keys: &Value| keys["keys"].as_array().map_or(0, Vec::len);
    assert_eq!(count(&after), count(&before) + staged.len());
    assert_eq!(given(&at_home).await, Some(after.clone()));
    assert_eq!(given(&elsewhere).await, Some(before));
    here.pass(Duration::from_secs(5));
    assert_eq!(given(&elsewhere).await, None, "it has to read them");
    assert_eq!(get(&there, "/oauth2/jwks").await.expect(200).json(), after);
    assert_eq!(given(&elsewhere).await, Some(after));
}

#[tokio::test]
async fn the_keys_are_public_ones_with_distinct_names() {
    let app = TestApp::start().await;
    let reply = get(&app, "/oauth2/jwks").await.expect(200);
    let keys = reply.json()["keys"].as_array().unwrap().clone();
    let mut names: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), keys.len());
    for key in &keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{key}");
        }
    }
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_without_cookies_and_only_where_they_need_to() {
    let app = TestApp::start().await;
    let preflight = async |path: &str| {
        let call = Call::at(Method::OPTIONS, path).header(ORIGIN, "https://page.example.test");
        app.actor("page").send(call.header("access-control-request-method", "POST")).await
    };
    for path in
        ["/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke", "/oauth2/jwks", "/.well-known/openid-configuration"]
    {
        let reply = preflight(path).await.expect(204);
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    }
    for path in ["/oauth2/introspect", "/oauth2/device", "/oauth2/register"] {
        assert_eq!(preflight(path).await.expect(405).header("access-control-allow-origin"), None, "{path}");
    }
}

#[tokio::test]
async fn other_hosts_are_not_answered() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::GET, "/.well-known/openid-configuration"),
        (Method::GET, "/.well-known/oauth-protected-resource"),
        (Method::GET, "/oauth2/jwks"),
        (Method::POST, "/oauth2/token"),
        (Method::OPTIONS, "/oauth2/token"),
        (Method::GET, "/oauth2/userinfo"),
        (Method::POST, "/oauth2/introspect"),
        (Method::GET, "/oauth2/introspect"),
        (Method::GET, "/oauth2/register/app"),
    ] {
        let call = Call::at(method, path).header("host", "evil.test").header("access-control-request-method", "POST");
        let reply = app.actor("client").send(call).await;
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
        reply.expect_oauth(421, "invalid_request");
    }
}
