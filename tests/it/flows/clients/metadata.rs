//! What may be said of a client, and how its redirect URIs are compared.

use identity_core::Code;
use identity_core::id::ClientId;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::{AuthMethod, NewClient, RefreshPolicy, SubjectType, redirect_uri_matches};
use identity_core::oauth::{ClientPolicy, GrantType};
use identity_tests::TestApp;
use serde_json::json;

use super::{Key, REDIRECT, create, new};

/// The field that a client is refused for.
async fn refused(app: &TestApp, client: NewClient) -> String {
    let error = app.identity.clients().create(client).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidClientMetadata, "{error}");
    error.field().unwrap().to_owned()
}

#[tokio::test]
async fn nonsense_about_a_client_is_refused_with_the_field() {
    type Change = fn(&mut NewClient);
    let app = TestApp::start().await;
    let table: &[(&str, Change)] = &[
        ("client_id", |new| new.id = Some(ClientId::from_text(""))),
        ("client_id", |new| new.id = Some(ClientId::from_text("a b"))),
        ("client_id", |new| new.id = Some(ClientId::from_text("a/b"))),
        ("client_id", |new| new.id = Some(ClientId::from_text("x".repeat(129)))),
        ("client_name", |new| new.name = String::new()),
        ("client_name", |new| new.name = "<b>Bank</b>".to_owned()),
        ("client_name", |new| new.name = "Bank\u{202e}".to_owned()),
        ("client_name", |new| new.name = "Ba\u{ad}nk".to_owned()),
        ("client_name", |new| new.name = "Ba\u{200b}nk\u{61c}".to_owned()),
        ("client_name", |new| new.name = "Bank\n".to_owned()),
        ("client_name", |new| new.name = "x".repeat(129)),
        ("redirect_uris", |new| new.metadata.redirect_uris = vec![]),
        ("redirect_uris", |new| new.metadata.redirect_uris.push("https://app.example.com/#x".to_owned())),
        ("redirect_uris", |new| new.metadata.redirect_uris.push("javascript:alert(1)".to_owned())),
        ("redirect_uris", |new| new.metadata.redirect_uris = vec![REDIRECT.to_owned(); 51]),
        ("post_logout_redirect_uris", |new| new.metadata.post_logout_redirect_uris = vec!["data:,x".to_owned()]),
        ("response_types", |new| new.metadata.response_types = vec![]),
        ("response_types", |new| new.metadata.response_types = vec!["token".to_owned()]),
        ("response_types", |new| new.metadata.response_types = vec!["code id_token".to_owned()]),
        ("response_types", |new| new.metadata.grant_types = vec![GrantType::ClientCredentials]),
        ("grant_types", |new| {
            new.metadata.grant_types = vec![GrantType::RefreshToken];
            new.metadata.response_types = vec![];
        }),
        ("grant_types", |new| new.metadata.grant_types = vec![GrantType::AuthorizationCode; 5]),
        ("grant_types", |new| {
            new.auth_method = AuthMethod::None;
            new.metadata.grant_types = vec![GrantType::ClientCredentials];
            new.metadata.response_types = vec![];
        }),
        ("application_type", |new| new.metadata.application_type = Some("toaster".to_owned())),
        ("client_uri", |new| new.metadata.client_uri = Some("javascript:alert(1)".to_owned())),
        ("logo_uri", |new| new.metadata.logo_uri = Some("data:image/png;base64,AA==".to_owned())),
        ("tos_uri", |new| new.metadata.tos_uri = Some("https://user@example.com/".to_owned())),
        ("policy_uri", |new| new.metadata.policy_uri = Some("/policy".to_owned())),
        ("initiate_login_uri", |new| new.metadata.initiate_login_uri = Some("http://app.example.com/".to_owned())),
        ("backchannel_logout_uri", |new| {
            new.metadata.backchannel_logout_uri = Some("http://app.example.com/".to_owned());
        }),
        ("backchannel_logout_uri", |new| {
            new.metadata.backchannel_logout_uri = Some("https://app.example.com/#x".to_owned());
        }),
        ("contacts", |new| new.metadata.contacts = vec!["a".to_owned(); 21]),
        ("contacts", |new| new.metadata.contacts = vec!["a\r\nb".to_owned()]),
        ("jwks", |new| new.auth_method = AuthMethod::PrivateKeyJwt),
        ("jwks", |new| {
            new.metadata.jwks = Some(Key::new(1, "one").jwks());
            new.metadata.jwks_uri = Some("https://app.example.com/jwks".to_owned());
        }),
        ("jwks", |new| new.metadata.jwks = Some(json!({ "keys": [] }))),
        ("jwks", |new| new.metadata.jwks = Some(json!([]))),
        ("jwks", |new| new.metadata.jwks = Some(json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }))),
        ("jwks", |new| {
            let mut key = Key::new(1, "one").jwk();
            key["d"] = json!("AAAA");
            new.metadata.jwks = Some(json!({ "keys": [key] }));
        }),
        ("jwks", |new| {
            new.auth_method = AuthMethod::PrivateKeyJwt;
            new.metadata.token_endpoint_auth_signing_alg = Some(Algorithm::Rs256);
            new.metadata.jwks = Some(Key::new(1, "one").jwks());
        }),
        ("sector_identifier_uri", |new| {
            new.metadata.subject_type = SubjectType::Pairwise;
            new.metadata.redirect_uris.push("https://other.example.com/callback".to_owned());
        }),
        ("require_pkce", |new| {
            new.auth_method = AuthMethod::None;
            new.policy.require_pkce = false;
        }),
        ("refresh_token_idle", |new| {
            new.auth_method = AuthMethod::None;
            new.policy.refresh = RefreshPolicy::Static;
        }),
        ("refresh_token_idle", |new| {
            new.auth_method = AuthMethod::None;
            new.policy.refresh = RefreshPolicy::Static;
            new.policy.refresh_token_idle = Some(8 * 24 * 3600);
        }),
        ("code_lifetime", |new| new.policy.code_lifetime = Some(601)),
        ("access_token_lifetime", |new| new.policy.access_token_lifetime = Some(0)),
        ("resources", |new| new.policy.resources = vec!["https://api.example.com/#x".to_owned()]),
        ("resources", |new| new.policy.resources = vec!["api".to_owned()]),
    ];
    for (number, (field, change)) in table.iter().enumerate() {
        let mut client = new("app", AuthMethod::ClientSecretBasic);
        change(&mut client);
        assert_eq!(refused(&app, client).await, *field, "row {number}");
    }
    assert!(app.identity.clients().list(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_makes_sense_about_a_client_is_kept() {
    let app = TestApp::start().await;
    let mut client = new("My-app_1.0~x", AuthMethod::PrivateKeyJwt);
    client.name = "Böse & Söhne".to_owned();
    client.metadata.redirect_uris.push("com.example.app:/callback".to_owned());
    client.metadata.post_logout_redirect_uris = vec!["http://localhost:3000/".to_owned()];
    client.metadata.grant_types = vec![
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::DeviceCode,
    ];
    client.metadata.application_type = Some("native".to_owned());
    client.metadata.client_uri = Some("http://app.example.com/#about".to_owned());
    client.metadata.initiate_login_uri = Some("https://app.example.com/start".to_owned());
    client.metadata.backchannel_logout_uri = Some("https://app.example.com/logout".to_owned());
    client.metadata.jwks = Some(Key::new(1, "one").jwks());
    client.metadata.contacts = vec!["ops@example.com".to_owned()];
    client.policy = ClientPolicy { require_pkce: false, code_lifetime: Some(30), ..ClientPolicy::default() };
    let expected = client.clone();
    create(&app, client).await;
    let stored = app.identity.clients().find(&ClientId::from_text("My-app_1.0~x")).await.unwrap().unwrap();
    assert_eq!((stored.name, stored.metadata, stored.policy), (expected.name, expected.metadata, expected.policy));
    assert_eq!((stored.created_at, stored.updated_at), (app.identity.now(), app.identity.now()));
}

#[tokio::test]
async fn redirect_uris_are_compared_character_by_character_but_for_the_port_of_a_loopback_address() {
    let app = TestApp::start().await;
    let mut client = new("app", AuthMethod::None);
    client.metadata.redirect_uris = [
        "https://app.example.com/callback?tenant=1",
        "http://127.0.0.1/cb",
        "http://[::1]:1234/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
    ]
    .map(str::to_owned)
    .to_vec();
    let client = create(&app, client).await.client;
    let same = [
        "https://app.example.com/callback?tenant=1",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]/cb",
        "http://[::1]:4321/cb",
        "http://localhost:3000/cb",
        "com.example.app:/cb",
    ];
    for uri in same {
        assert!(redirect_uri_matches(&client, uri), "{uri}");
    }
    let other = [
        "",
        "https://app.example.com/callback",
        "https://app.example.com/callback?tenant=2",
        "https://app.example.com/callback?tenant=1&x=1",
        "https://app.example.com/callback?tenant=1#",
        "https://app.example.com:443/callback?tenant=1",
        "https://APP.example.com/callback?tenant=1",
        "https://app.example.com/Callback?tenant=1",
        "https://app.example.com/callback/?tenant=1",
        "https://app.example.com/x/../callback?tenant=1",
        "https://app.example.com/%63allback?tenant=1",
        "https://app.example.com.evil.example/callback?tenant=1",
        "https://evil.example/https://app.example.com/callback?tenant=1",
        "http://app.example.com/callback?tenant=1",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:80x/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.1:1/cb2",
        "http://127.0.0.1:1/cb?x",
        "http://127.0.0.2:1/cb",
        "https://127.0.0.1:1/cb",
        "http://[::1]:1/",
        "http://[::2]:1/cb",
        "http://localhost/cb",
        "http://localhost:3001/cb",
        "com.example.app:/cb/",
        "com.example.app://cb",
        "COM.example.app:/cb",
    ];
    for uri in other {
        assert!(!redirect_uri_matches(&client, uri), "{uri}");
    }
}
