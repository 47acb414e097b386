//! What applications and people are called, on the pages that say it.

use identity_core::Code;
use identity_core::id::ClientId;
use identity_core::oauth::ClientMetadata;
use identity_core::oauth::client::{AuthMethod, ClientChange};
use identity_tests::{Actor, Page, RelyingParty, TestApp};
use serde_json::json;

use super::browsers::MARKUP;
use super::over_http::{address, goes};

/// Names beside the usual markup: what an attribute, a comment, a title, a script or a template would end at.
const ALSO: [&str; 7] = [
    "\" onmouseover=alert(1) x=\"",
    "' autofocus onfocus=alert(1) x='",
    "javascript:alert(1)",
    "</title><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
];

/// Checks that a name is text: pages of ours have no elements that it could have made.
#[track_caller]
fn is_text(page: &Page, name: &str) {
    let what = format!("{name} on {}", page.url.path());
    for tag in page.tags() {
        let strange = ["img", "iframe", "object", "embed", "style", "base"].contains(&tag.name.as_str());
        assert!(!strange, "{what}: {tag:?}");
        assert!(tag.name != "script" || tag.get("src").is_some_and(|src| src.starts_with("/ui/assets/")), "{what}");
        let acts =
            |name: &String| name.starts_with("on") || name.starts_with("hx-") || name == "style" || name == "srcdoc";
        assert!(!tag.attributes.keys().any(acts), "{what}: {tag:?}");
        for address in ["href", "action", "src", "formaction"].iter().filter_map(|attribute| tag.get(attribute)) {
            assert!(!address.trim_start().to_ascii_lowercase().starts_with("javascript:"), "{what}: {tag:?}");
        }
    }
    let html = page.reply.text();
    for evil in ["<script>", "<img", "<svg onload", "<div hx"] {
        assert!(!html.contains(evil), "{what}: {evil}");
    }
    let policy = page.reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{what}: {policy}");
}

/// Every page that names an application, for somebody and for nobody.
async fn pages(party: &RelyingParty, ann: &Actor) -> Vec<Page> {
    let visitor = ann.at_another_browser();
    let tv = party.post("/oauth2/device", &[("scope", "openid email")]).await.expect(200).json();
    let device = ann.visits(tv["verification_uri_complete"].as_str().unwrap()).await.at("/ui/device");
    let id = party.client.id.as_str();
    let bye = "https%3A%2F%2Fapp.example.test%2Fbye";
    let all = party.ask().with("scope", "openid profile email").with("prompt", "consent");
    vec![
        visitor.visits(&address(&party.ask())).await.at("/ui/login"),
        visitor.visits(&address(&party.ask().with("prompt", "create"))).await.at("/ui/register"),
        ann.visits(&address(&all)).await.at("/ui/consent"),
        ann.visits(&address(&party.ask().with("prompt", "select_account"))).await.at("/ui/account"),
        ann.visits(&address(&party.ask().with("response_mode", "form_post").with("prompt", "none"))).await.expect(200),
        device.form("device-submit").submit().await.at("/ui/device/confirm"),
        ann.visits(&format!("/oauth2/logout?client_id={id}&post_logout_redirect_uri={bye}")).await.at("/ui/logout"),
        visitor.visits(&format!("/ui/logged-out?client_id={id}")).await.at("/ui/logged-out"),
        ann.visits("/ui/account").await.at("/ui/account"),
        ann.visits("/ui/login").await.expect(200),
    ]
}

/// Case 89: what an application or a person is called is text on every page.
#[tokio::test]
async fn markup_in_the_name_of_an_application_or_a_user_is_text_on_every_page() {
    let app = TestApp::start().await;
    for (number, name) in MARKUP.into_iter().chain(ALSO).enumerate() {
        let id = format!("app{number}");
        let describe = |metadata: &mut ClientMetadata| {
            let page = |path: &str| Some(format!("https://app.example.test/{path}"));
            metadata.post_logout_redirect_uris = vec!["https://app.example.test/bye".to_owned()];
            (metadata.client_uri, metadata.policy_uri, metadata.tos_uri) = (page(""), page("privacy"), page("terms"));
        };
        let party = RelyingParty::with(&app, &id, AuthMethod::None, |metadata, _| describe(metadata)).await;
        let change = ClientChange { name: Some(name.to_owned()), ..ClientChange::default() };
        let renamed = app.identity.clients().update(&ClientId::from_text(&id), change).await;
        if name.contains(['<', '>']) {
            assert_eq!(renamed.unwrap_err().code(), Code::InvalidClientMetadata, "{name}");
            // Pages do not rely on that.
            let sql = format!("UPDATE identity_clients SET name = '{}' WHERE id = '{id}'", name.replace('\'', "''"));
            assert_eq!(app.database().change(&sql).await, 1);
        } else {
            let _ = renamed.unwrap();
        }
        let mut ann = app.actor(&format!("ann{number}"));
        name.clone_into(&mut ann.name);
        let agent = ann.request(http::Method::POST, "/sign-up/email").header("user-agent", name);
        let body = json!({ "name": name, "email": ann.email, "password": ann.password });
        let _ = ann.send(agent.json(&body)).await.expect(200);
        let _ = goes(&ann, &party.ask()).await;
        let mut named = 0;
        for page in pages(&party, &ann).await {
            is_text(&page, name);
            named += usize::from(page.text().contains(&name.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        assert!(named >= 6, "{name} is said on {named} pages");
        // What the API tells of it is JSON, which no browser takes for a page.
        for path in ["/get-session", "/list-sessions"] {
            let reply = ann.get(path).await.expect(200);
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert!(reply.text().contains(json!(name).to_string().trim_matches('"')), "{path}: {}", reply.text());
        }
    }
}
