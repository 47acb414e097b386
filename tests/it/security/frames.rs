//! Pages in the frame of another site.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::Method;
use http::header::ORIGIN;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Call, Page, RelyingParty, Reply, Server, TestApp};
use serde_json::json;

use super::over_http::{address, trusted};

/// Checks that no site shows an answer in a frame, if there is anything to be shown.
#[track_caller]
fn is_not_framed(reply: &Reply, what: &str) {
    assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{what}: {} {:?}", reply.status, reply.headers);
    let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("{what}: {:?}", reply.headers));
    assert_eq!(policy.matches("frame-ancestors").count(), 1, "{what}: {policy}");
    assert!(policy.split(';').any(|part| part.trim() == "frame-ancestors 'none'"), "{what}: {policy}");
}

/// Every path that the pages are mounted at, as it stands in their source.
fn mounted() -> BTreeSet<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity-axum/src");
    let files = ["pages/mod.rs", "facade/route.rs"].map(|file| fs::read_to_string(sources.join(file)).unwrap());
    let words = files.iter().flat_map(|source| source.split('"').skip(1).step_by(2));
    words.filter(|word| word.starts_with("/ui") || word.starts_with("/oauth2")).map(str::to_owned).collect()
}

/// What each page is at, in the states that it has.
async fn each_state(app: &TestApp, ann: &Actor) -> Vec<(String, Page)> {
    let visitor = ann.at_another_browser();
    let party = RelyingParty::with(app, "page", AuthMethod::None, |metadata, _| {
        metadata.post_logout_redirect_uris = vec!["https://app.example.test/bye".to_owned()];
    })
    .await;
    let own = trusted(app, "own", AuthMethod::None, |_| ()).await;
    let mut pages = Vec::new();
    let mut seen = |what: &str, page: Page| pages.push((what.to_owned(), page));
    let login = visitor.visits(&address(&party.ask())).await.at("/ui/login");
    seen("a wrong password", login.form("login-submit").fill("username", "x").submit().await);
    seen("a forged form", login.form("login-submit").without("csrf").submit().await);
    seen("the sign-in", login);
    seen("the sign-up", visitor.visits(&address(&party.ask().with("prompt", "create"))).await.at("/ui/register"));
    seen("an error", visitor.visits("/oauth2/authorize").await.expect(400));
    let consent = ann.visits(&address(&party.ask())).await.at("/ui/consent");
    seen("an answer", consent.form("consent-allow").submit().await.expect(303));
    seen("an answer twice", consent.form("consent-allow").submit().await.expect(400));
    seen("the consent", consent);
    seen("the account", ann.visits(&address(&own.ask().with("prompt", "select_account"))).await.at("/ui/account"));
    for mode in ["query", "form_post"] {
        let ask = own.ask().with("response_mode", mode);
        seen(&format!("a code by {mode}"), ann.visits(&address(&ask)).await);
        seen(&format!("an error by {mode}"), ann.visits(&address(&ask.with("scope", "x"))).await);
    }
    let tv = party.post("/oauth2/device", &[("scope", "openid")]).await.expect(200).json();
    let code = tv["user_code"].as_str().unwrap();
    let device = ann.visits(tv["verification_uri_complete"].as_str().unwrap()).await.at("/ui/device");
    let confirm = device.form("device-submit").submit().await.at("/ui/device/confirm");
    seen("the code of a device", device.clone());
    seen("a wrong code", device.form("device-submit").fill("user_code", "BBBB-BBBB").submit().await.expect(422));
    seen("a device", confirm.clone());
    seen("a device that is let in", confirm.form("consent-allow").submit().await.at("/ui/device"));
    seen("a device for nobody", visitor.visits(&format!("/ui/device/confirm?user_code={code}")).await);
    let sent = visitor.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    seen("a mail that was sent", sent.at("/ui/forgot"));
    seen("a new password", visitor.visits(&app.letter_to(&ann.email, 0).await.link()).await.at("/ui/reset"));
    seen("a proof", visitor.visits("/ui/verify").await.form("verify-send").fill("email", &ann.email).submit().await);
    let bye = "/oauth2/logout?client_id=page&post_logout_redirect_uri=https%3A%2F%2Fapp.example.test%2Fbye";
    let asked = ann.visits(bye).await.at("/ui/logout");
    seen("a logout that leads elsewhere", ann.at_another_browser().visits(bye).await);
    seen("a logout", asked);
    pages
}

/// Case 88: no page of ours is shown in a frame, in whatever state, nor an error, a redirect or a form that goes on by itself.
#[tokio::test]
async fn no_page_is_shown_in_a_frame() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (what, page) in each_state(&app, &ann).await {
        is_not_framed(&page.reply, &what);
    }
    // Every path, by every method, as somebody and as nobody, well asked for and not.
    let files = ["/ui/assets/app.css", "/ui/assets/enhance.js", "/ui/logo"];
    let paths: BTreeSet<String> = mounted();
    assert!(paths.len() > 20 && paths.contains("/ui/consent") && paths.contains("/oauth2/logout"), "{paths:?}");
    for path in paths.iter().filter(|path| !files.contains(&path.as_str())) {
        let path = path.replace("{*path}", "nowhere");
        let below = format!("/api/auth{}", path.replace("logout", "end-session"));
        let twice = ["/oauth2/authorize", "/oauth2/logout"].contains(&path.as_str());
        for path in [Some(path), twice.then_some(below)].into_iter().flatten() {
            for actor in [&ann, &app.actor("visitor")] {
                let calls = [
                    Call::at(Method::GET, &path),
                    Call::at(Method::GET, &format!("{path}?grant=%00&error=x&user_code=x&client_id=%22")),
                    Call::at(Method::POST, &path),
                    Call::at(Method::POST, &path).form(&[("csrf", "x"), ("decision", "allow")]),
                    Call::at(Method::POST, &path).header(ORIGIN, "https://evil.example").form(&[("a", "b")]),
                    Call::at(Method::POST, &path).json(&json!({})),
                    Call::at(Method::PUT, &path),
                    Call::at(Method::OPTIONS, &path),
                    Call::at(Method::GET, &path).header("host", "evil.example"),
                ];
                for (number, call) in calls.into_iter().enumerate() {
                    is_not_framed(&actor.send(call).await, &format!("{path}, call {number}"));
                }
            }
        }
    }
    // The few pages of the API.
    let bob = app.user("bob").await;
    let _ = bob.post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
    let link = app.letter_to("new@example.test", 0).await.link();
    is_not_framed(&app.actor("visitor").opens(&link).await.expect(200), "a change of address");
    is_not_framed(&bob.get("/error?error=X").await.expect(200), "the error page of the API");
}

/// Case 88: what the program shows beside them is in no frame either.
#[tokio::test]
async fn nothing_of_the_program_is_shown_in_a_frame() {
    let server = Server::builder().env("IDENTITY_LIMITS__ENABLED", "false").start().await;
    let ann = server.actor("ann");
    let _ = ann.signs_up().await.expect(200);
    for path in [
        "/",
        "/nowhere",
        "/dev/mailbox",
        "/dev/mailbox/1",
        "/ui/login",
        "/ui/account",
        "/ui/assets/app.css",
        "/ui/logo",
        "/oauth2/authorize",
        "/oauth2/logout",
        "/oauth2/token",
        "/api/auth/error?error=X",
        "/api/auth/verify-email?token=x&callbackURL=/a",
        "/api/auth/delete-user/callback?token=x&callbackURL=/a",
        "/api/auth/reset-password/x?callbackURL=/a",
        "/.well-known/openid-configuration",
        "/health",
    ] {
        let reply = ann.opens(path).await;
        // The mailbox shows a mail in a frame of its own.
        let own = path.starts_with("/dev/mailbox/") && reply.status == 200;
        if !own {
            is_not_framed(&reply, path);
        }
    }
}
