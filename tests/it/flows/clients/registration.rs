//! Clients that register themselves.

use identity_core::Code;
use identity_core::config::Registration;
use identity_core::id::ClientId;
use identity_core::oauth::{ErrorCode, OAuthError};
use identity_core::request::RequestInfo;
use identity_core::secret::Secret;
use identity_core::token::Token;
use identity_tests::TestApp;
use serde_json::{Map, Value, json};

use super::{DAY, Key, REDIRECT, basic, call, events};

type Document = Map<String, Value>;

/// The member by which the JSON library knows text that it shall not read.
const RAW_VALUE: &str = "$serde_json::private::RawValue";
/// A member that stands before it in the order of names, and behind it in that of PostgreSQL, which has shorter ones first.
const LONG: &str = "!a member with a name that is longer";

async fn open_app() -> TestApp {
    TestApp::builder().config(|config| config.oauth.registration = Registration::Open).without_worker().start().await
}

fn object(value: Value) -> Document {
    let Value::Object(object) = value else { panic!("{value} is no object") };
    object
}

async fn register(app: &TestApp, body: Value) -> Result<Document, OAuthError> {
    app.identity.oauth().register(&object(body), None, &RequestInfo::default()).await
}

fn word(document: &Document, name: &str) -> String {
    document.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("{name} in {document:?}")).to_owned()
}

#[tokio::test]
async fn a_client_gets_back_what_it_registered_with_the_defaults_and_its_credentials() {
    let app = open_app().await;
    let document = register(&app, json!({ "redirect_uris": [REDIRECT], "client_name": "App", "unknown": 1 })).await;
    let document = document.unwrap();
    let (id, secret) = (word(&document, "client_id"), word(&document, "client_secret"));
    let mut expected = json!({
        "client_id": id,
        "client_secret": secret,
        "client_secret_expires_at": 0,
        "client_id_issued_at": app.identity.now().timestamp(),
        "registration_client_uri": format!("http://localhost:8888/oauth2/register/{id}"),
        "registration_access_token": word(&document, "registration_access_token"),
        "client_name": "App",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "subject_type": "public",
        "require_auth_time": false,
        "backchannel_logout_session_required": false,
    });
    assert_eq!(Value::Object(document.clone()), expected);
    let client = call(&app, Some(&basic(&id, &secret)), &[]).await.unwrap();
    assert!(client.registered && client.policy.require_pkce);
    let token = Token::presented(word(&document, "registration_access_token"));
    let read = app.identity.oauth().registration(&client.id, &token).await.unwrap();
    expected.as_object_mut().unwrap().retain(|name, _| !name.starts_with("client_secret"));
    assert_eq!(Value::Object(read), expected);
    let none: [&str; 0] = [];
    assert_eq!(events(&app).await, [("client.registered".to_owned(), json!({ "client": id, "deviations": none }))]);
    let dump = app.database().dump().await;
    assert!(!dump.contains(&secret) && !dump.contains(token.expose()));
}

#[tokio::test]
async fn everything_that_is_registered_is_echoed() {
    let app = open_app().await;
    let body = json!({
        "redirect_uris": [REDIRECT, "http://127.0.0.1/cb"],
        "post_logout_redirect_uris": ["https://app.example.com/bye"],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "response_types": ["code"],
        "application_type": "native",
        "client_name": "App",
        "scope": "openid profile",
        "client_uri": "https://app.example.com/",
        "logo_uri": "https://app.example.com/logo.png",
        "policy_uri": "https://app.example.com/policy",
        "tos_uri": "https://app.example.com/tos",
        "contacts": ["ops@example.com"],
        "jwks": Key::new(1, "one").jwks(),
        "initiate_login_uri": "https://app.example.com/start",
        "backchannel_logout_uri": "https://app.example.com/logout",
        "backchannel_logout_session_required": true,
        "subject_type": "public",
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "EdDSA",
        "default_max_age": 3600,
        "require_auth_time": true,
        "default_acr_values": ["phr"],
    });
    let mut document = register(&app, body.clone()).await.unwrap();
    assert!(!document.contains_key("client_secret") && !document.contains_key("client_secret_expires_at"));
    let ours = ["client_id", "client_id_issued_at", "registration_client_uri", "registration_access_token"];
    for name in ours {
        assert!(document.remove(name).is_some(), "{name}");
    }
    assert_eq!(Value::Object(document), body);
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A public client whose users have names of their own.
fn pairwise(mut body: Value) -> Value {
    body["subject_type"] = json!("pairwise");
    body["token_endpoint_auth_method"] = json!("none");
    body
}

#[tokio::test]
async fn a_bad_registration_is_refused_in_the_words_of_the_specification() {
    let app = open_app().await;
    let with = |name: &str, value: Value| {
        let mut body = json!({ "redirect_uris": [REDIRECT] });
        body[name] = value;
        body
    };
    let uris = [
        json!({}),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": REDIRECT }),
        json!({ "redirect_uris": [7] }),
        json!({ "redirect_uris": ["https://app.example.com/#fragment"] }),
        json!({ "redirect_uris": ["http://app.example.com/"] }),
        json!({ "redirect_uris": ["javascript:alert(1)"] }),
        json!({ "redirect_uris": [REDIRECT, "myapp://callback"] }),
    ];
    let metadata = [
        with("client_name", json!("<script>alert(1)</script>")),
        with("client_name", json!(7)),
        pairwise(json!({ "grant_types": ["authorization_code", DEVICE], "redirect_uris": [REDIRECT] })),
        pairwise(json!({ "grant_types": [DEVICE], "sector_identifier_uri": "https://app.example.com/list" })),
        with("jwks", json!({ "keys": [{ "kty": "RSA", "n": "\0", "e": "AQAB" }] })),
        with("jwks", json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "x\0": 1 }] })),
        // What the JSON library reads back as something else, or not at all.
        with("jwks", json!({ "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB", "x": { LONG: 1, RAW_VALUE: "1" } }] })),
        with("grant_types", json!(["implicit"])),
        with("grant_types", json!(["password"])),
        with("grant_types", json!(["authorization_code", "client_credentials"])),
        with("response_types", json!(["code id_token"])),
        with("response_types", json!(["token"])),
        with("response_types", json!([])),
        with("token_endpoint_auth_method", json!("client_secret_jwt")),
        with("token_endpoint_auth_method", json!("tls_client_auth")),
        with("token_endpoint_auth_method", json!("private_key_jwt")),
        with("token_endpoint_auth_method", json!(1)),
        with("id_token_signed_response_alg", json!("none")),
        with("id_token_signed_response_alg", json!("HS256")),
        with("initiate_login_uri", json!("http://app.example.com/start")),
        with("logo_uri", json!("javascript:alert(1)")),
        with("logo_uri", json!("http://app.example.com/logo.png")),
        with("logo_uri", json!("https://10.0.0.1/logo.png")),
        with("jwks_uri", json!("http://169.254.169.254/")),
        with("jwks", json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })),
        with("scope", json!("openid  profile")),
        with("scope", json!(["openid"])),
        with("subject_type", json!("secret")),
        with("default_max_age", json!(-1)),
        with("contacts", json!("ops@example.com")),
    ];
    for (code, bodies) in
        [(ErrorCode::InvalidRedirectUri, uris.to_vec()), (ErrorCode::InvalidClientMetadata, metadata.to_vec())]
    {
        for body in bodies {
            let error = register(&app, body.clone()).await.unwrap_err();
            assert_eq!((error.code(), error.code().status()), (code, 400), "{body}: {error}");
        }
    }
    assert!(app.identity.clients().list(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn scopes_that_are_not_offered_are_not_kept_for_the_day_they_are() {
    let app = open_app().await;
    let body = json!({ "redirect_uris": [REDIRECT], "scope": "openid root admin" });
    assert_eq!(register(&app, body).await.unwrap()["scope"], "openid");
}

#[tokio::test]
async fn who_may_register_is_for_the_operator_to_say() {
    let off = TestApp::start().await;
    let body = json!({ "redirect_uris": [REDIRECT] });
    assert_eq!(register(&off, body.clone()).await.unwrap_err().code(), ErrorCode::AccessDenied);
    let builder = TestApp::builder().config(|config| {
        config.oauth.registration = Registration::WithToken(Secret::from("the initial access token"));
        config.oauth.relaxed_pkce = true;
    });
    let app = builder.start().await;
    let with = async |authorization: Option<&str>, body: &Value| {
        app.identity.oauth().register(&object(body.clone()), authorization, &RequestInfo::default()).await
    };
    let wrong = [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer the initial"),
        Some("Basic the initial access token"),
    ];
    for authorization in wrong {
        let error = with(authorization, &body).await.unwrap_err();
        assert_eq!((error.code(), error.code().status()), (ErrorCode::InvalidToken, 401), "{authorization:?}");
    }
    let token = Some("bearer the initial access token");
    let machine = json!({ "grant_types": ["client_credentials"], "client_name": "Machine" });
    assert!(with(token, &machine).await.is_ok());
    let confidential = word(&with(token, &body).await.unwrap(), "client_id");
    let public = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let public = word(&with(token, &public).await.unwrap(), "client_id");
    let pkce = async |id: &str| {
        app.identity.clients().find(&ClientId::from_text(id)).await.unwrap().unwrap().policy.require_pkce
    };
    assert!(!pkce(&confidential).await, "PKCE is relaxed for those who prove themselves");
    assert!(pkce(&public).await);
}

#[tokio::test]
async fn an_address_registers_a_few_clients_a_minute() {
    let builder = TestApp::builder().config(|config| {
        config.oauth.registration = Registration::Open;
        config.limits.enabled = true;
    });
    let app = builder.start().await;
    let body = object(json!({ "redirect_uris": [REDIRECT] }));
    let from = async |ip: &str| {
        let info = RequestInfo { ip: Some(ip.parse().unwrap()), ..RequestInfo::default() };
        app.identity.oauth().register(&body, None, &info).await
    };
    for _ in 0..5 {
        assert!(from("192.0.2.1").await.is_ok());
    }
    let error = from("192.0.2.1").await.unwrap_err();
    assert_eq!(error.cause().unwrap().code(), Code::RateLimited);
    assert!(from("192.0.2.2").await.is_ok());
}

#[tokio::test]
async fn a_registration_is_managed_with_its_own_token() {
    let app = open_app().await;
    let oauth = app.identity.oauth();
    let info = RequestInfo::default();
    let body = json!({ "redirect_uris": [REDIRECT], "client_name": "App", "contacts": ["ops@example.com"] });
    let mine = register(&app, body.clone()).await.unwrap();
    let other = register(&app, body).await.unwrap();
    let id = ClientId::from_text(word(&mine, "client_id"));
    let token = Token::presented(word(&mine, "registration_access_token"));
    let secret = word(&mine, "client_secret");
    let strange = [
        Token::presented(word(&other, "registration_access_token")),
        Token::presented("wrong"),
        Token::presented(""),
        Token::presented(secret.as_str()),
    ];
    for strange in strange {
        let body = mine.clone();
        assert_eq!(oauth.registration(&id, &strange).await.unwrap_err().code(), ErrorCode::InvalidToken);
        let update = oauth.update_registration(&id, &strange, &body, &info).await;
        assert_eq!(update.unwrap_err().code(), ErrorCode::InvalidToken);
        let delete = oauth.delete_registration(&id, &strange, &info).await;
        assert_eq!(delete.unwrap_err().code(), ErrorCode::InvalidToken);
    }
    let nobody = oauth.registration(&ClientId::from_text("nobody"), &token).await;
    assert_eq!(nobody.unwrap_err().code(), ErrorCode::InvalidToken);

    // What is left out is the default again.
    let change =
        object(json!({ "client_id": id, "redirect_uris": ["https://app.example.com/new"], "client_secret": secret }));
    let updated = oauth.update_registration(&id, &token, &change, &info).await.unwrap();
    assert_eq!(updated["redirect_uris"], json!(["https://app.example.com/new"]));
    assert_eq!(updated["client_name"], "app.example.com");
    assert!(!updated.contains_key("contacts") && !updated.contains_key("client_secret"));
    assert!(call(&app, Some(&basic(id.as_str(), &secret)), &[]).await.is_ok());

    let bad = [
        json!({ "redirect_uris": [REDIRECT] }),
        json!({ "client_id": word(&other, "client_id"), "redirect_uris": [REDIRECT] }),
        json!({ "client_id": id, "redirect_uris": [REDIRECT], "client_secret": "chosen by the client" }),
        json!({ "client_id": id, "redirect_uris": [REDIRECT], "client_secret": word(&other, "client_secret") }),
        json!({ "client_id": id, "grant_types": ["client_credentials"], "response_types": [] }),
        json!({ "client_id": id, "redirect_uris": [REDIRECT], "client_name": "<b>" }),
    ];
    for body in bad {
        let error = oauth.update_registration(&id, &token, &object(body.clone()), &info).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidClientMetadata, "{body}");
    }

    let public = object(json!({ "client_id": id, "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" }));
    oauth.update_registration(&id, &token, &public, &info).await.unwrap();
    assert!(call(&app, Some(&basic(id.as_str(), &secret)), &[]).await.is_err());
    assert!(call(&app, None, &[("client_id", id.as_str())]).await.is_ok());
    let again = object(json!({ "client_id": id, "redirect_uris": [REDIRECT] }));
    let updated = oauth.update_registration(&id, &token, &again, &info).await.unwrap();
    assert_eq!(updated["client_secret_expires_at"], 0);
    assert!(call(&app, Some(&basic(id.as_str(), &word(&updated, "client_secret"))), &[]).await.is_ok());

    oauth.delete_registration(&id, &token, &info).await.unwrap();
    assert_eq!(oauth.registration(&id, &token).await.unwrap_err().code(), ErrorCode::InvalidToken);
    assert!(app.identity.clients().find(&id).await.unwrap().is_none());
    let mut kinds: Vec<_> = events(&app).await.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort();
    let expected = ["deleted", "registered", "registered", "updated", "updated", "updated"];
    assert_eq!(kinds, expected.map(|kind| format!("client.{kind}")));
}

#[tokio::test]
async fn a_client_that_registered_itself_and_is_not_used_is_removed() {
    let app = open_app().await;
    let body = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let used = word(&register(&app, body.clone()).await.unwrap(), "client_id");
    let unused = word(&register(&app, body).await.unwrap(), "client_id");
    super::create(&app, super::new("made", super::AuthMethod::None)).await;
    let writes = "SELECT COUNT(*) FROM identity_clients WHERE last_used_at > created_at";
    app.pass(std::time::Duration::from_hours(23));
    assert!(call(&app, None, &[("client_id", &used)]).await.is_ok());
    assert_eq!(app.database().number(writes).await, 0, "its use is written down once a day");
    app.pass(DAY * 88);
    assert!(call(&app, None, &[("client_id", &used)]).await.is_ok());
    assert!(call(&app, None, &[("client_id", "made")]).await.is_ok());
    assert_eq!(app.database().number(writes).await, 1);
    app.pass(DAY * 2);
    app.identity.clean_up().await.unwrap();
    let left: Vec<_> = app.identity.clients().list(None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|client| client.id.as_str()).collect();
    assert!(left.contains(&used.as_str()) && left.contains(&"made") && !left.contains(&unused.as_str()), "{left:?}");
}
