//! Addresses that clients say of themselves, and that people could be led to.

use http::Method;
use http::header::AUTHORIZATION;
use identity_core::config::Registration;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Call, RelyingParty, TestApp};
use serde_json::{Value, json};

use super::over_http::{RUNNING, address, registers};

const CALLBACK: &str = "https://app.example.test/callback";
const CLIENTS: &str = "SELECT COUNT(*) FROM identity_clients";

fn with(name: &str, value: Value) -> Value {
    let mut metadata = json!({ "client_name": "An application", "redirect_uris": [CALLBACK] });
    metadata[name] = value;
    metadata
}

/// Case 90: no address of a client is kept that a browser would run.
#[tokio::test]
async fn no_url_that_runs_is_kept_of_a_client() {
    let app = TestApp::builder().config(|config| config.oauth.registration = Registration::Open).start().await;
    let client = app.actor("client");
    let registered = registers(&client, &with("scope", json!("openid"))).await.expect(201).json();
    let id = registered["client_id"].as_str().unwrap();
    let bearer = format!("Bearer {}", registered["registration_access_token"].as_str().unwrap());
    let alone = [
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "jwks_uri",
        "sector_identifier_uri",
        "backchannel_logout_uri",
    ];
    let lists = ["redirect_uris", "post_logout_redirect_uris"];
    for url in
        RUNNING.into_iter().chain(["//evil.example/", "javascript:/callback", "com.example.app:alert(1)", "/page"])
    {
        let one = alone.map(|name| (name, json!(url)));
        let many = lists.map(|name| (name, json!([CALLBACK, url])));
        for (name, value) in one.into_iter().chain(many) {
            let code = if name == "redirect_uris" { "invalid_redirect_uri" } else { "invalid_client_metadata" };
            let mut body = with(name, value);
            registers(&client, &body).await.expect_oauth(400, code);
            body["client_id"] = json!(id);
            let call = Call::at(Method::PUT, &format!("/oauth2/register/{id}")).json(&body);
            client.send(call.header(AUTHORIZATION, &bearer)).await.expect_oauth(400, code);
        }
    }
    assert_eq!(app.database().number(CLIENTS).await, 1);
}

/// Case 90: an address that got into the database another way is no link.
#[tokio::test]
async fn a_url_that_runs_is_no_link_on_a_page() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (number, url) in RUNNING.into_iter().chain(["//evil.example/", "com.example.app:/x"]).enumerate() {
        let place = format!("https://app.example.test/{number}");
        let party = RelyingParty::with(&app, &format!("app{number}"), AuthMethod::None, |metadata, _| {
            for field in
                [&mut metadata.client_uri, &mut metadata.policy_uri, &mut metadata.tos_uri, &mut metadata.logo_uri]
            {
                *field = Some(place.clone());
            }
        })
        .await;
        let kind = if app.database().is_postgres() { "JSONB" } else { "TEXT" };
        let (stored, written) = (json!(place).to_string(), json!(url).to_string());
        let sql = format!(
            "UPDATE identity_clients SET metadata = CAST(replace(CAST(metadata AS TEXT), '{stored}', '{written}') AS {kind}) \
             WHERE id = 'app{number}'"
        );
        assert_eq!(app.database().change(&sql).await, 1);
        for (actor, path) in [
            (&app.actor("visitor"), address(&party.ask())),
            (&ann, address(&party.ask())),
            (&ann, address(&party.ask().with("prompt", "select_account"))),
            (&ann, format!("/ui/logged-out?client_id=app{number}")),
        ] {
            leads_nowhere(actor, &path, url).await;
        }
    }
}

async fn leads_nowhere(actor: &Actor, path: &str, url: &str) {
    let page = actor.visits(path).await.expect(200);
    for address in
        page.tags().iter().flat_map(|tag| ["href", "src", "action", "data", "content"].map(|name| tag.get(name)))
    {
        let Some(address) = address else { continue };
        let scheme = address.trim().split(':').next().unwrap_or_default().to_ascii_lowercase();
        let known =
            address.starts_with(['/', '#', '?']) && !address.starts_with("//") || ["http", "https"].contains(&&*scheme);
        assert!(known || !address.contains(':'), "{path}: {address}");
        assert!(!address.contains("evil.example") && !address.contains(url), "{path}: {address}");
    }
}
