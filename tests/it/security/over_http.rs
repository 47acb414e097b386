//! What the tests about clients do again and again, as browsers and programs do it.

use http::Method;
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{ClientMetadata, ClientPolicy};
use identity_tests::{Actor, Ask, Call, Page, RelyingParty, Reply, TestApp};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// Addresses that a browser would run, or read as ones that it would.
pub(super) const RUNNING: [&str; 16] = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "\tjavascript:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "\u{1}javascript:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "data:,alert(1)",
    "data:image/svg+xml,<svg onload=alert(1)>",
    "DATA:IMAGE/SVG+XML;base64,PHN2Zz4=",
    "blob:http://localhost:8888/x",
    "file:///etc/passwd",
    "view-source:x",
];

/// A client of ours, for which nobody is asked, with changes.
pub(super) async fn trusted(
    app: &TestApp,
    id: &str,
    method: AuthMethod,
    change: impl FnOnce(&mut ClientMetadata),
) -> RelyingParty {
    let both = |metadata: &mut ClientMetadata, policy: &mut ClientPolicy| {
        policy.first_party = true;
        change(metadata);
    };
    RelyingParty::with(app, id, method, both).await
}

fn encoded(ask: &Ask) -> String {
    Serializer::new(String::new()).extend_pairs(ask.params().iter()).finish()
}

/// The address of an authorization request.
pub(super) fn address(ask: &Ask) -> String {
    format!("/oauth2/authorize?{}", encoded(ask))
}

/// The answers to an authorization request by GET, by GET below the base path of Better Auth, and by a form of another site.
pub(super) async fn each_way(user: &Actor, ask: &Ask) -> [Reply; 3] {
    let form = Call::at(Method::POST, "/oauth2/authorize").header("content-type", "application/x-www-form-urlencoded");
    [
        user.opens(&address(ask)).await,
        user.opens(&format!("/api/auth{}", address(ask))).await,
        user.send(form.body(encoded(ask))).await,
    ]
}

/// Sends the browser of a user with a request; whoever is asked agrees.
pub(super) async fn goes(user: &Actor, ask: &Ask) -> Page {
    let page = user.visits(&address(ask)).await;
    if page.path() == "/ui/consent" { page.form("consent-allow").submit().await } else { page }
}

/// The code that a browser was sent away with.
#[track_caller]
pub(super) fn code_of(page: &Page) -> String {
    page.query("code").unwrap_or_else(|| panic!("no code at {}: {}", page.url, page.text()))
}

/// Checks that somebody is shown a page of ours about what is wrong, and is sent nowhere.
#[track_caller]
pub(super) fn is_a_page_about_it(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 400, "{what}: {:?} {}", reply.headers, reply.text());
    assert_eq!(reply.header("location"), None, "{what}");
    assert!(reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{what}");
    assert!(reply.text().contains("id=\"oauth-error\""), "{what}: {}", reply.text());
}

/// Describes a client at the registration endpoint.
pub(super) async fn registers(actor: &Actor, metadata: &Value) -> Reply {
    actor.send(Call::at(Method::POST, "/oauth2/register").json(metadata)).await
}

/// How often something is in the record.
pub(super) async fn events(app: &TestApp, kind: &str) -> i64 {
    app.database().number(&format!("SELECT COUNT(*) FROM identity_events WHERE kind = '{kind}'")).await
}
