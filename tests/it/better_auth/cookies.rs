use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_core::config::HttpOptions;
use identity_tests::TestApp;
use serde_json::{Value, json};

async fn app(change: impl FnOnce(&mut HttpOptions)) -> TestApp {
    TestApp::builder().config(|config| change(&mut config.http)).start().await
}

#[tokio::test]
async fn a_session_cookie_is_for_the_server_of_this_host_alone() {
    let app = TestApp::start().await;
    let reply = app.actor("alice").signs_up().await.expect(200);
    let line = reply.headers["set-cookie"].to_str().unwrap();
    let attributes = line.split_once("; ").unwrap().1;
    assert_eq!(attributes, "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax");
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    let value = line.strip_prefix(&format!("better-auth.session_token={token}.")).unwrap();
    let signature = value.split_once(';').unwrap().0;
    assert!(signature.ends_with("%3D") && !signature.contains(['+', '/', '=']), "{signature}");
}

#[tokio::test]
async fn over_tls_cookies_are_secure_and_say_so_in_their_name() {
    let app = app(|http| http.base_url = "https://id.example.test".to_owned()).await;
    let alice = app.actor("alice");
    let cookies = alice.signs_up().await.expect(200).cookies();
    assert_eq!(cookies[0].name, "__Secure-better-auth.session_token");
    assert!(cookies[0].secure && cookies[0].http_only && cookies[0].domain.is_none());
    assert_eq!((cookies[0].path.as_deref(), cookies[0].same_site.as_deref()), (Some("/"), Some("Lax")));
    assert!(alice.is_signed_in().await);
    // A cookie without the prefix could have been set by a neighbour over plain http.
    let value = cookies[0].value.clone();
    let visitor = app.actor("visitor");
    visitor.browser(|browser| browser.set("better-auth.session_token", value));
    assert!(!visitor.is_signed_in().await);
    assert!(alice.signs_out().await.expect(200).cookies().iter().all(|cookie| cookie.secure && cookie.is_deletion()));
}

#[tokio::test]
async fn security_can_be_decided_against_the_scheme() {
    let behind_proxy = app(|http| http.secure_cookies = Some(true)).await;
    let cookies = behind_proxy.actor("alice").signs_up().await.expect(200).cookies();
    assert!(cookies[0].secure && cookies[0].name.starts_with("__Secure-"));
    let plain = app(|http| {
        http.base_url = "https://id.example.test".to_owned();
        http.secure_cookies = Some(false);
    });
    let cookies = plain.await.actor("alice").signs_up().await.expect(200).cookies();
    assert!(!cookies[0].secure && cookies[0].name == "better-auth.session_token");
}

#[tokio::test]
async fn cookies_cross_subdomains_when_a_domain_is_configured() {
    let app = app(|http| {
        http.base_url = "https://id.example.test".to_owned();
        http.cookie_domain = Some("example.test".to_owned());
    })
    .await;
    let alice = app.actor("alice");
    let line = alice.signs_up().await.expect(200).headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(line.ends_with("; Max-Age=604800; Domain=example.test; Path=/; HttpOnly; Secure; SameSite=Lax"), "{line}");
    for cookie in alice.signs_out().await.expect(200).cookies() {
        assert_eq!((cookie.domain.as_deref(), cookie.is_deletion()), (Some("example.test"), true));
    }
}

#[tokio::test]
async fn a_forged_wish_not_to_be_remembered_is_not_believed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let shared = alice.at_another_browser();
    let body = json!({ "email": alice.email, "password": alice.password, "rememberMe": false });
    let _ = shared.post("/sign-in/email", body).await.expect(200);
    let forgotten = shared.browser(|browser| browser.get("dont_remember").unwrap().to_owned());
    // A remembered session stays remembered with the cookie of another one, and slides.
    alice.browser(|browser| browser.set("better-auth.dont_remember", forgotten));
    app.pass(Duration::from_hours(23));
    let shared_token = shared.browser(|browser| browser.get("session_token").unwrap().to_owned());
    app.pass(Duration::from_mins(59));
    // A session that is not remembered stays so without its cookie: it never slides, and its cookie gets no lifetime.
    shared.browser(|browser| {
        browser.clear();
        browser.set("better-auth.session_token", shared_token);
    });
    let reply = shared.post("/update-user", json!({ "name": "A" })).await.expect(200);
    assert_eq!(reply.cookies()[0].max_age, None);
    app.pass(Duration::from_mins(1));
    assert!(!shared.is_signed_in().await);
    let reply = alice.get("/get-session").await.expect(200);
    assert_eq!(reply.json()["session"]["expiresAt"], "2026-01-09T00:00:00.000Z");
    assert_eq!(reply.cookies()[0].max_age, Some(604_800));
}

#[tokio::test]
async fn request_cookies_are_read_as_browsers_and_proxies_write_them() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let value = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    let decoded = value.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/");
    let name = "better-auth.session_token";
    for line in [
        format!("{name}={value}"),
        format!("a=b;{name}={value};c=d"),
        format!("a=b;   {name}={value}"),
        format!("{name}=\"{value}\""),
        format!("{name}={decoded}"),
        format!("=x; ;; broken; {name}={value}"),
    ] {
        let call = alice.request(http::Method::GET, "/get-session").header("cookie", &line);
        assert_eq!(alice.send(call).await.expect(200).json()["user"]["email"], alice.email, "{line}");
    }
    for line in [format!("x{name}={value}"), format!("{}={value}", name.to_uppercase()), format!("{name} {value}")] {
        let call = alice.request(http::Method::GET, "/get-session").header("cookie", &line);
        assert_eq!(alice.send(call).await.expect(200).json(), Value::Null, "{line}");
    }
}

#[tokio::test]
async fn no_copy_of_the_session_travels_unless_that_is_configured() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert!(alice.browser(|browser| browser.get("session_data").is_none()));
}

#[tokio::test]
async fn a_copy_of_the_session_is_believed_for_five_minutes() {
    let app = app(|http| http.cookie_cache = true).await;
    let alice = app.actor("alice");
    let cookies = alice.signs_up().await.expect(200).cookies();
    assert_eq!((cookies[1].name.as_str(), cookies[1].max_age), ("better-auth.session_data", Some(300)));
    let fresh = alice.session().await;
    // Behind its back the session ends.
    assert_eq!(app.database().change("DELETE FROM identity_sessions").await, 1);
    app.pass(Duration::from_secs(299));
    assert_eq!(alice.session().await, fresh);
    let asked = alice.at_another_browser();
    let copy = alice.browser(|browser| browser.clone());
    asked.browser(|browser| *browser = copy.clone());
    assert_eq!(asked.get("/get-session?disableCookieCache=true").await.expect(200).json(), Value::Null);
    alice.get("/me").await.expect_error(401, "UNAUTHORIZED");
    app.pass(Duration::from_secs(1));
    let (data, token) = (copy.get("session_data").unwrap().to_owned(), copy.get("session_token").unwrap().to_owned());
    alice.browser(|browser| {
        browser.set("better-auth.session_data", data);
        browser.set("better-auth.session_token", token);
    });
    assert!(!alice.is_signed_in().await, "also when the browser keeps it for longer");
}

#[tokio::test]
async fn a_copy_of_the_session_cannot_be_made_up_or_moved() {
    let app = app(|http| http.cookie_cache = true).await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let data = alice.browser(|browser| browser.get("session_data").unwrap().to_owned());
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&data).unwrap()).unwrap();
    let own = mallory.browser(|browser| browser.get("session_data").unwrap().to_owned());
    let own = String::from_utf8(URL_SAFE_NO_PAD.decode(own).unwrap()).unwrap();
    let tampered = [
        text,
        own.replace("\"role\":\"user\"", "\"role\":\"admin\""),
        own.replace("mallory@", "alice@"),
        own.replace("\"expiresAt\":1", "\"expiresAt\":2"),
        own.replace("\"signature\":\"", "\"signature\":\"A"),
        "{}".to_owned(),
        String::new(),
    ];
    for text in tampered {
        mallory.browser(|browser| browser.set("better-auth.session_data", URL_SAFE_NO_PAD.encode(&text)));
        let user = mallory.session().await["user"].clone();
        assert_eq!((&user["email"], &user["role"]), (&json!(mallory.email), &json!("user")), "{text}");
    }
    // Without the token that it belongs to, a copy is nothing.
    let visitor = app.actor("visitor");
    visitor.browser(|browser| browser.set("better-auth.session_data", data));
    assert!(!visitor.is_signed_in().await);
}
