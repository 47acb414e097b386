//! Signing out: who can make somebody do it, and what a browser still shows afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::ORIGIN;
use identity_core::jwt::Algorithm;
use identity_core::keys::Signer;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Browser, Call, RelyingParty, TestApp, claims};
use serde_json::{Value, json};
use std::time::Duration;
use url::form_urlencoded::Serializer;

use super::over_http::{address, trusted};

const BYE: &str = "https://app.example.test/bye";

async fn id_token(app: &TestApp, party: &RelyingParty, user: &Actor) -> String {
    party.tokens(app, user, "openid").await["id_token"].as_str().unwrap().to_owned()
}

/// Case 117: another site signs nobody out, whatever it knows of others or of earlier.
#[tokio::test]
async fn another_site_signs_nobody_out() {
    let app = TestApp::start().await;
    let party = trusted(&app, "app", AuthMethod::ClientSecretBasic, |metadata| {
        metadata.post_logout_redirect_uris = vec![BYE.to_owned()];
    })
    .await;
    let (victim, eve) = (app.user("victim").await, app.user("eve").await);
    let earlier = id_token(&app, &party, &victim).await;
    let elsewhere = victim.at_another_browser();
    let _ = elsewhere.signs_in().await.expect(200);
    let at_another = id_token(&app, &party, &elsewhere).await;
    let of_eve = id_token(&app, &party, &eve).await;
    // The session that is attacked is a new one, and all these hints are old enough to have run out.
    app.pass(Duration::from_hours(2));
    let _ = victim.signs_out().await.expect(200);
    let _ = victim.signs_in().await.expect(200);
    let access = party.tokens(&app, &victim, "openid").await["access_token"].as_str().unwrap().to_owned();
    let current = id_token(&app, &party, &victim).await;
    let forged = Signer::generate("theirs", Algorithm::EdDsa).unwrap().sign("JWT", &claims(&current)).unwrap();
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string()),
        current.split('.').nth(1).unwrap()
    );
    let hints: [(&str, Option<&str>); 8] = [
        ("no hint", None),
        ("the hint of another user", Some(&of_eve)),
        ("the hint of another session", Some(&at_another)),
        ("the hint of a session that is over", Some(&earlier)),
        ("an access token", Some(&access)),
        ("a hint that somebody else signed", Some(&forged)),
        ("a hint that nobody signed", Some(&unsigned)),
        ("nonsense", Some("x")),
    ];
    for (what, hint) in hints {
        for more in [
            [].as_slice(),
            &[("post_logout_redirect_uri", BYE)],
            &[("client_id", "app"), ("post_logout_redirect_uri", BYE), ("state", "s")],
        ] {
            let fields: Vec<(&str, &str)> =
                hint.map(|hint| ("id_token_hint", hint)).iter().chain(more).copied().collect();
            let query = Serializer::new(String::new()).extend_pairs(&fields).finish();
            for path in ["/oauth2/logout", "/api/auth/oauth2/end-session"] {
                // A picture, a frame, a link and a form; cookies come along, as where they are not held to the site.
                let picture = Call::at(Method::GET, &format!("{path}?{query}"));
                let picture = picture.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "no-cors");
                let frame = Call::at(Method::GET, &format!("{path}?{query}")).header("sec-fetch-dest", "iframe");
                let form = || Call::at(Method::POST, path).form(&fields).header(ORIGIN, "https://evil.example");
                let confirming = [fields.as_slice(), &[("decision", "confirm"), ("csrf", "x")]].concat();
                let confirmed = Call::at(Method::POST, path).form(&confirming).header(ORIGIN, "null");
                for call in [picture, frame, form(), form().header("sec-fetch-site", "cross-site"), confirmed] {
                    let reply = victim.send(call).await;
                    assert_eq!(reply.status, 303, "{what} at {path}: {}", reply.text());
                    let location = reply.header("location").unwrap();
                    assert!(location.starts_with("/ui/logout"), "{what} at {path} {more:?}: {location}");
                    assert!(reply.cookies().iter().all(|cookie| !cookie.is_deletion()), "{what}");
                    assert!(victim.is_signed_in().await, "{what} at {path} {more:?}");
                }
            }
        }
    }
    // Nor by the page that asks, or by the API.
    let own = victim.visits("/ui/logout").await.form("logout-confirm");
    let csrf = eve.visits("/ui/logout").await.form("logout-confirm").get("csrf").unwrap().to_owned();
    for origin in ["https://evil.example", "null"] {
        let _ = own.clone().submit_from(origin).await.expect(403);
        let _ = own.clone().fill("csrf", &csrf).submit_from(origin).await.expect(403);
        let api = victim.request(Method::POST, "/sign-out").header(ORIGIN, origin).json(&json!({}));
        assert_eq!(victim.send(api).await.status, 403);
    }
    let _ = own.clone().fill("csrf", &csrf).submit().await.expect(403);
    for path in ["/oauth2/logout", "/ui/logout"] {
        assert!(victim.send(Call::at(Method::HEAD, path)).await.cookies().iter().all(|cookie| !cookie.is_deletion()));
    }
    assert!(victim.is_signed_in().await && eve.is_signed_in().await && elsewhere.is_signed_in().await);
    // The hint of this very session is the client's word that it is its user who leaves.
    let query = Serializer::new(String::new()).append_pair("id_token_hint", &current).finish();
    let _ = victim.visits(&format!("/oauth2/logout?{query}")).await.at("/ui/logged-out");
    assert!(!victim.is_signed_in().await && eve.is_signed_in().await && elsewhere.is_signed_in().await);
}

/// The pages that say something about who is signed in.
async fn personal(app: &TestApp, ann: &Actor) -> Vec<String> {
    let party = RelyingParty::public(app, "page").await;
    let consent = ann.visits(&address(&party.ask())).await.at("/ui/consent");
    let tv = party.post("/oauth2/device", &[("scope", "openid email")]).await.expect(200).json();
    let code = tv["user_code"].as_str().unwrap().to_owned();
    let account = ann.visits(&address(&party.ask().with("prompt", "select_account"))).await.at("/ui/account");
    let path = |url: &url::Url| format!("{}?{}", url.path(), url.query().unwrap_or_default());
    vec![
        path(&consent.url),
        path(&account.url),
        "/ui/account".to_owned(),
        "/ui/login".to_owned(),
        "/ui/logout".to_owned(),
        format!("/ui/device/confirm?user_code={code}"),
        address(&party.ask()),
        address(&party.ask().with("prompt", "none")),
        "/api/auth/get-session".to_owned(),
        "/api/auth/list-sessions".to_owned(),
        "/api/auth/list-accounts".to_owned(),
    ]
}

/// Case 118: nothing about a person is left in the browser that they have signed out of.
#[tokio::test]
async fn the_way_back_shows_nothing_of_who_has_signed_out() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let paths = personal(&app, &ann).await;
    for path in &paths {
        let reply = ann.opens(path).await;
        assert!(reply.status == 200 || reply.status == 303, "{path}: {}", reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!((reply.header("etag"), reply.header("last-modified"), reply.header("expires")), (None, None, None));
    }
    let open = ann.visits("/ui/account").await.at("/ui/account");
    assert!(open.text().contains(&ann.email));
    let reply = ann.send(ann.visits("/ui/logout").await.form("logout-confirm").call()).await.expect(303);
    assert_eq!(reply.header("clear-site-data"), Some("\"cache\""));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let deleted: Vec<String> =
        reply.cookies().into_iter().filter(identity_tests::SetCookie::is_deletion).map(|cookie| cookie.name).collect();
    for name in ["better-auth.session_token", "better-auth.session_data", "identity.address"] {
        assert!(deleted.iter().any(|deleted| deleted == name), "{name}: {deleted:?}");
    }
    // The way back, with the cookies that are left.
    for path in &paths {
        let reply = ann.opens(path).await;
        for word in [ann.email.as_str(), "Continue as"] {
            assert!(!reply.text().contains(word), "{path}: {}", reply.text());
        }
        assert!(!reply.header("location").unwrap_or_default().contains("?code="), "{path}");
    }
    let _ = open.form("account-continue").submit().await.at("/ui/login");
    // At the wish of a client it is the same.
    let party = trusted(&app, "app", AuthMethod::None, |metadata| {
        metadata.post_logout_redirect_uris = vec![BYE.to_owned()];
    })
    .await;
    for (name, more) in [("bob", [].as_slice()), ("cid", &[("post_logout_redirect_uri", BYE)])] {
        let bob = app.user(name).await;
        let hint = id_token(&app, &party, &bob).await;
        let fields = [[("id_token_hint", hint.as_str())].as_slice(), more].concat();
        let query = Serializer::new(String::new()).extend_pairs(&fields).finish();
        let reply = bob.opens(&format!("/oauth2/logout?{query}")).await.expect(303);
        assert_eq!(reply.header("clear-site-data"), Some("\"cache\""), "{more:?}");
        assert!(!bob.is_signed_in().await);
    }
}

/// Case 118: a browser that was not to remember anybody does not, and sessions are as many as the browsers that somebody uses.
#[tokio::test]
async fn a_closed_browser_has_forgotten_who_was_not_to_be_remembered() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let shared = ann.at_another_browser();
    let form = shared.visits("/ui/login").await.form("login-submit");
    let form = form.fill("username", &ann.email).fill("password", &ann.password).without("remember");
    let reply = shared.send(form.call()).await.expect(303);
    let session = reply.cookies().into_iter().find(|cookie| cookie.name.ends_with("session_token")).unwrap();
    assert_eq!(session.max_age, None);
    let by_api = ann.at_another_browser();
    let body = json!({ "email": ann.email, "password": ann.password, "rememberMe": false });
    let _ = by_api.post("/sign-in/email", body).await.expect(200);
    for browser in [&shared, &by_api] {
        assert!(browser.is_signed_in().await);
        browser.browser(Browser::restart);
        assert!(!browser.is_signed_in().await);
        let page = browser.visits("/ui/account").await.at("/ui/login");
        assert!(!page.reply.text().contains(&ann.email), "{}", page.text());
    }
    // No session takes the place of another: each is listed, and ended by its owner.
    let mut browsers = vec![ann.clone()];
    for _ in 0..30 {
        let browser = ann.at_another_browser();
        let _ = browser.signs_in().await.expect(200);
        browsers.push(browser);
    }
    for browser in &browsers {
        assert!(browser.is_signed_in().await);
    }
    let listed = ann.get("/list-sessions").await.expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(33), "with those that were forgotten");
    let _: Value = ann.post("/revoke-other-sessions", json!({})).await.expect(200).json();
    assert_eq!(ann.get("/list-sessions").await.expect(200).json().as_array().map(Vec::len), Some(1));
}
