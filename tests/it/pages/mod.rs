//! The pages as people meet them, in a browser without scripts.

mod authorize;
mod consent;
mod device;
mod forms;
mod headers;
mod hostile;
mod languages;
mod login;
mod logo;
mod logout;
mod pending;
mod register;
mod reset;
mod verify;

use identity_core::id::ClientId;
use identity_core::oauth::client::{AuthMethod, NewClient};
use identity_core::oauth::{ClientMetadata, ClientPolicy, GrantType};
use identity_tests::{Actor, Page, TestApp};
use url::form_urlencoded::Serializer;

/// Where the answers of the application of these tests go.
const CALLBACK: &str = "https://ledger.example/callback";

/// The challenge of a verifier that nobody redeems (RFC 7636, appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An application called Ledger that anybody may sign in to.
async fn ledger(app: &TestApp) {
    client(app, "ledger", |_| ()).await;
}

/// An application, changed before it is made.
async fn client(app: &TestApp, id: &str, change: impl FnOnce(&mut NewClient)) {
    let metadata = ClientMetadata {
        redirect_uris: vec![CALLBACK.to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        response_types: vec!["code".to_owned()],
        policy_uri: Some("https://ledger.example/privacy".to_owned()),
        tos_uri: Some("https://ledger.example/terms".to_owned()),
        ..ClientMetadata::default()
    };
    let mut new = NewClient {
        id: Some(ClientId::from_text(id)),
        name: "Ledger".to_owned(),
        auth_method: AuthMethod::None,
        metadata,
        policy: ClientPolicy::default(),
    };
    change(&mut new);
    let created = app.identity.clients().create(new).await.unwrap();
    assert!(created.secret.is_none());
}

/// The address of an authorization request, with other parameters than the usual ones.
fn request(more: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "ledger"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email"),
        ("state", "a state & more"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !more.iter().any(|(other, _)| name == other));
    let query = Serializer::new(String::new()).extend_pairs(kept).extend_pairs(more).finish();
    format!("/oauth2/authorize?{query}")
}

/// Signs in on the page of the login.
async fn sign_in(page: &Page, actor: &Actor) -> Page {
    page.form("login-submit").fill("username", &actor.email).fill("password", &actor.password).submit().await
}

/// Signs up on the page of the registration.
async fn sign_up(page: &Page, actor: &Actor) -> Page {
    let form = page.form("register-submit").fill("reg_name", "Jonas Adeyemi").fill("reg_email", &actor.email);
    form.fill("reg_password", &actor.password).submit().await
}

/// Checks that the browser was sent to the application with a code.
#[track_caller]
fn has_code(page: &Page) {
    assert_eq!(page.reply.status, 303, "{}: {}", page.url, page.text());
    assert!(page.url.as_str().starts_with(CALLBACK), "{}", page.url);
    assert_eq!(page.query("state").as_deref(), Some("a state & more"), "{}", page.url);
    assert_eq!(page.query("iss").as_deref(), Some("http://localhost:8888"), "{}", page.url);
    assert!(page.query("code").is_some_and(|code| code.len() >= 43), "{}", page.url);
}

/// Checks that the browser was sent to the application with an error.
#[track_caller]
fn has_error(page: &Page, error: &str) {
    assert_eq!(page.reply.status, 303, "{}: {}", page.url, page.text());
    assert!(page.url.as_str().starts_with(CALLBACK), "{}", page.url);
    assert_eq!(page.query("error").as_deref(), Some(error), "{}", page.url);
    assert_eq!(page.query("state").as_deref(), Some("a state & more"), "{}", page.url);
    assert_eq!(page.query("code"), None);
}
