//! What certification does not ask, and a provider owes its clients all the same.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use identity_core::jwt::peek;
use identity_tests::{Call, Server, challenge, race};
use serde_json::{Map, Value, json};

use super::party::random;
use super::suite::{CALLBACK, ago};
use super::{Mode, Suite};

/// What a client of the token endpoint must send.
const CODE: (&str, &str) = ("grant_type", "authorization_code");

#[tokio::test]
async fn token_endpoint_duplicate_parameter() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    for twice in [("code", answer.code()), CODE, ("redirect_uri", CALLBACK), ("unknown", "x")] {
        let fields = [CODE, ("code", answer.code()), ("redirect_uri", CALLBACK), ("unknown", "x"), twice];
        client.posts("token_endpoint", &fields).await.expect_oauth(400, "invalid_request");
    }
    let _ = client.tokens(&request, &answer).await;
}

#[tokio::test]
async fn token_endpoint_get() {
    let suite = Suite::start(Mode::Query).await;
    let path = format!("{}?grant_type=client_credentials", suite.path("token_endpoint"));
    let reply = suite.backend.send(Call::at(Method::GET, &path)).await;
    reply.expect_oauth(405, "invalid_request");
    assert_eq!(reply.header("allow"), Some("POST"));
}

#[tokio::test]
async fn token_endpoint_json_body() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let call = client.call("token_endpoint", &[]).json(&json!({ "grant_type": "authorization_code", "code": "x" }));
    suite.backend.send(call).await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn token_endpoint_wrong_secret() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let credential = STANDARD.encode(format!("{}:not the secret", client.id()));
    let call = client.call("token_endpoint", &[CODE]).header(AUTHORIZATION, format!("Basic {credential}"));
    let reply = suite.backend.send(call).await;
    reply.expect_oauth(401, "invalid_client");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Basic realm="));
}

#[tokio::test]
async fn token_endpoint_percent_encoded_credentials() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    let encoded = |text: &str| text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
    let credential = STANDARD.encode(format!("{}:{}", encoded(client.id()), encoded(client.word("client_secret"))));
    let fields = [CODE, ("code", answer.code()), ("redirect_uri", CALLBACK)];
    let call = client.call("token_endpoint", &fields).header(AUTHORIZATION, format!("Basic {credential}"));
    let reply = suite.backend.send(call).await.expect(200);
    let _ = client.checked(&request, &reply).await;
}

#[tokio::test]
async fn code_verifier_without_challenge() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let request = client.request();
    let answer = suite.browse(&request).await;
    let verifier = random(64);
    let fields = [CODE, ("code", answer.code()), ("redirect_uri", CALLBACK), ("code_verifier", &verifier)];
    client.posts("token_endpoint", &fields).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn redirects_are_303() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    let request = client.request();
    let address = format!("{}?{}", suite.path("authorization_endpoint"), request.query());
    let posted = suite.person.request_at(Method::POST, &suite.path("authorization_endpoint"));
    let posted = posted.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(request.query());
    assert_eq!(suite.person.opens(&address).await.status, 303);
    assert_eq!(suite.person.send(posted).await.status, 303);
    let login = suite.person.visits(&address).await.form("login-submit");
    let login = login.fill("username", &suite.person.email).fill("password", &suite.person.password);
    assert_eq!(suite.person.send(login.call()).await.status, 303, "a 307 would hand the password on");
}

#[tokio::test]
async fn loopback_ports_are_free_for_addresses_alone() {
    let suite = Suite::start(Mode::Query).await;
    let registered = ["http://127.0.0.1/cb", "http://[::1]:8000/cb", "http://localhost:8000/cb"];
    let client = suite.register(json!({ "application_type": "native", "redirect_uris": registered })).await;
    for uri in
        ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]:51234/cb", "http://localhost:8000/cb"]
    {
        let request = client.request().with("redirect_uri", uri);
        let answer = suite.browse(&request).await;
        let _ = client.tokens(&request, &answer).await;
    }
    for uri in [
        "http://localhost:8001/cb",
        "http://127.0.0.1.example.test:80/cb",
        "https://127.0.0.1:5/cb",
        "http://127.0.0.1:5/cb/",
        "http://127.0.0.2:5/cb",
        "http://2130706433:5/cb",
        "http://127.1:5/cb",
        "http://user@127.0.0.1:5/cb",
        "http://127.0.0.1:99999/cb",
    ] {
        suite.is_shown_an_error(&client.request().with("redirect_uri", uri)).await;
    }
}

#[tokio::test]
async fn private_use_schemes_have_a_dot() {
    let suite = Suite::start(Mode::Query).await;
    let native = |uri: &str| json!({ "application_type": "native", "redirect_uris": [uri] });
    for uri in ["myapp:/callback", "myapp://callback", "data:/callback", "javascript:alert(1)"] {
        suite.registers(&native(uri)).await.expect_oauth(400, "invalid_redirect_uri");
    }
    let _ = suite.registers(&native("com.example.app:/callback")).await.expect(201);
}

#[tokio::test]
async fn metadata_of_rfc_8414() {
    let suite = Suite::start(Mode::Query).await;
    let document = suite.backend.opens("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(document.json(), suite.metadata);
}

#[tokio::test]
async fn protected_resource_metadata() {
    let suite = Suite::start(Mode::Query).await;
    let refused = suite.userinfo(Method::GET, "nonsense").await.expect(401);
    let challenge = refused.header("www-authenticate").unwrap();
    let place = format!("{}/.well-known/oauth-protected-resource", suite.issuer());
    assert!(
        challenge.starts_with("Bearer ") && challenge.contains(&format!("resource_metadata=\"{place}\"")),
        "{challenge}"
    );
    let document = suite.backend.opens("/.well-known/oauth-protected-resource").await.expect(200).json();
    assert_eq!(document["resource"], suite.issuer());
    assert_eq!(document["authorization_servers"], json!([suite.issuer()]));
    assert_eq!(document["bearer_methods_supported"], json!(["header"]));
}

/// Resources in the configuration of a suite: one for everybody, and one that is not for clients that registered themselves.
const RESOURCES: &str = r#"
[[oauth.resources]]
uri = "https://api.example.test"
scopes = ["orders:read", "orders:write"]

[[oauth.resources]]
uri = "https://other.example.test"

[[oauth.resources]]
uri = "https://inner.example.test"
registered_clients = false
"#;

fn sorted(scope: &str) -> Vec<String> {
    let mut scopes: Vec<String> = scope.split(' ').map(str::to_owned).collect();
    scopes.sort_unstable();
    scopes
}

fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    sorted(claims["scope"].as_str().unwrap())
}

#[tokio::test]
async fn resource_indicators_and_scopes_narrow_and_never_widen() {
    const API: &str = "https://api.example.test";
    const OTHER: &str = "https://other.example.test";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("identity.toml");
    std::fs::write(&file, RESOURCES).unwrap();
    let suite = Suite::with(Mode::Query, Server::builder().env("IDENTITY_CONFIG", file.display().to_string())).await;
    let client = suite.register(json!({ "grant_types": ["authorization_code", "refresh_token"] })).await;
    let scope = "openid offline_access orders:read orders:write";
    let request = client.request().with("scope", scope).with("resource", API).with("prompt", "consent");
    let answer = suite.browse(&request).await;
    let fields = |more: &'static [(&'static str, &'static str)]| {
        [&[CODE, ("code", answer.code()), ("redirect_uri", CALLBACK)], more].concat()
    };
    client.posts("token_endpoint", &fields(&[("resource", OTHER)])).await.expect_oauth(400, "invalid_target");
    let tokens = client.posts("token_endpoint", &fields(&[])).await.expect(200).json();
    let of = |tokens: &Value| peek(tokens["access_token"].as_str().unwrap()).unwrap();
    assert_eq!((&of(&tokens)["aud"], scopes(&of(&tokens))), (&json!(API), sorted(scope)));
    let refresh = async |more: &[(&str, &str)]| {
        let token = tokens["refresh_token"].as_str().unwrap();
        client
            .posts("token_endpoint", &[&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat())
            .await
    };
    let less = refresh(&[("scope", "openid orders:read")]).await.expect(200).json();
    assert_eq!(scopes(&of(&less)), ["openid", "orders:read"]);
    assert_eq!(scopes(&of(&refresh(&[]).await.expect(200).json())), sorted(scope), "less is less once");
    refresh(&[("scope", "openid profile")]).await.expect_oauth(400, "invalid_scope");
    refresh(&[("resource", OTHER)]).await.expect_oauth(400, "invalid_target");
    for not_offered in ["https://nowhere.example.test", "https://inner.example.test"] {
        suite.browse(&client.request().with("resource", not_offered)).await.is_error(&["invalid_target"]);
    }
}

#[tokio::test]
async fn introspection_of_tokens_of_others() {
    let suite = Suite::start(Mode::Query).await;
    let (one, two) = (suite.client().await, suite.client().await);
    let tokens = one.signs_in(&one.request()).await;
    let token = [("token", tokens.word("access_token"))];
    assert_eq!(one.posts("introspection_endpoint", &token).await.expect(200).json()["active"], true);
    assert_eq!(two.posts("introspection_endpoint", &token).await.expect(200).json(), json!({ "active": false }));
}

#[tokio::test]
async fn revocation_of_an_unknown_token() {
    let suite = Suite::start(Mode::Query).await;
    let client = suite.client().await;
    for token in ["unknown", "a.b.c", "é"] {
        let _ = client.posts("revocation_endpoint", &[("token", token)]).await.expect(200);
    }
}

#[tokio::test]
async fn device_flow() {
    const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
    let suite = Suite::start(Mode::Query).await;
    let device = json!({
        "token_endpoint_auth_method": "none", "grant_types": [GRANT], "response_types": null, "redirect_uris": null,
    });
    let client = suite.register(device).await;
    let begins =
        async || client.posts("device_authorization_endpoint", &[("scope", "openid")]).await.expect(200).json();
    let polls = async |waiting: &Value| {
        let code = waiting["device_code"].as_str().unwrap();
        client.posts("token_endpoint", &[("grant_type", GRANT), ("device_code", code)]).await
    };
    let waiting = begins().await;
    polls(&waiting).await.expect_oauth(400, "authorization_pending");
    polls(&waiting).await.expect_oauth(400, "slow_down");
    let page = suite.person.visits(waiting["verification_uri_complete"].as_str().unwrap()).await;
    let login = page.form("device-submit").submit().await;
    let page = suite.signs_in(&login).await.at("/ui/device/confirm");
    let _ = page.form("consent-allow").submit().await.expect(200);
    suite.server.database().set_moment("identity_device_authorizations", "polled_at", ago(60)).await;
    assert!(polls(&waiting).await.expect(200).json()["id_token"].is_string());
    let late = begins().await;
    suite.server.database().set_moment("identity_device_authorizations", "expires_at", ago(1)).await;
    polls(&late).await.expect_oauth(400, "expired_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_and_revoking_at_once() {
    let suite = Suite::start(Mode::Query).await;
    let public =
        json!({ "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"] });
    let client = suite.register(public).await;
    let verifier = random(64);
    let request = client.request().with("scope", "openid offline_access").with("prompt", "consent");
    let request = request.with("code_challenge", challenge(&verifier)).with("code_challenge_method", "S256");
    let answer = suite.browse(&request).await;
    let fields = [CODE, ("code", answer.code()), ("redirect_uri", CALLBACK), ("code_verifier", &verifier)];
    let tokens = client.posts("token_endpoint", &fields).await.expect(200).json();
    let token = tokens["refresh_token"].as_str().unwrap().to_owned();
    let replies = race(20, |number| {
        let call = if number == 10 {
            client.call("revocation_endpoint", &[("token", &token)])
        } else {
            client.call("token_endpoint", &[("grant_type", "refresh_token"), ("refresh_token", &token)])
        };
        let backend = suite.backend.clone();
        async move { backend.send(call).await }
    })
    .await;
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.expect_oauth(400, "invalid_grant");
    }
    for reply in replies.iter().filter(|reply| reply.status == 200 && !reply.body.is_empty()) {
        let successor = reply.json()["refresh_token"].as_str().unwrap().to_owned();
        let dead =
            client.posts("token_endpoint", &[("grant_type", "refresh_token"), ("refresh_token", &successor)]).await;
        dead.expect_oauth(400, "invalid_grant");
        let _ = suite.userinfo(Method::GET, reply.json()["access_token"].as_str().unwrap()).await.expect(401);
    }
}
