use http::Method;
use http::header::ORIGIN;
use identity_tests::{Actor, Call, TestApp};
use serde_json::json;

async fn app() -> TestApp {
    let builder = TestApp::builder().config(|config| {
        let trusted = ["https://app.example.test", "https://*.wild.test", "myapp://"];
        config.http.trusted_origins = trusted.map(str::to_owned).to_vec();
    });
    builder.start().await
}

fn harmless(actor: &Actor) -> Call {
    actor.request(Method::POST, "/update-user").without(ORIGIN).json(&json!({ "name": "A" }))
}

#[tokio::test]
async fn a_browser_with_cookies_may_call_from_a_trusted_origin_alone() {
    let app = app().await;
    let alice = app.user("alice").await;
    let trusted = [
        "http://localhost:8888",
        "http://127.0.0.1:8888",
        "https://app.example.test",
        "https://a.wild.test",
        "https://a.b.wild.test",
        "myapp://",
        "myapp://open",
    ];
    for origin in trusted {
        let reply = alice.send(harmless(&alice).header(ORIGIN, origin)).await;
        assert_eq!(reply.status, 200, "{origin}: {}", reply.text());
    }
    let foreign = [
        "https://evil.test",
        "http://localhost:8889",
        "https://localhost:8888",
        "http://localhost",
        "http://localhost:8888.evil.test",
        "http://app.example.test",
        "https://app.example.test.evil.test",
        "https://app.example.test:8443",
        "https://evilapp.example.test",
        "https://wild.test",
        "https://evil.test/.wild.test",
        "https://evilwild.test",
        "http://a.wild.test",
        "https://192.0.2.1.wild.test.",
        "otherapp://",
        "file://",
        "nonsense",
        "",
    ];
    for origin in foreign {
        let reply = alice.send(harmless(&alice).header(ORIGIN, origin)).await;
        reply.expect_error(403, "INVALID_ORIGIN");
        let reply = alice.send(harmless(&alice).header("referer", format!("{origin}/page"))).await;
        assert_eq!(reply.status, 403, "{origin} as referer");
    }
    assert_eq!(alice.session().await["user"]["name"], "A");
}

#[tokio::test]
async fn cookies_without_an_origin_are_refused_and_a_referer_may_stand_in() {
    let app = app().await;
    let alice = app.user("alice").await;
    alice.send(harmless(&alice)).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
    alice.send(harmless(&alice).header(ORIGIN, "null")).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
    let cross = harmless(&alice).header(ORIGIN, "null").header("sec-fetch-site", "cross-site");
    alice.send(cross).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
    let missing = harmless(&alice).header("sec-fetch-site", "same-origin");
    alice.send(missing).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
    let sandboxed = harmless(&alice).header(ORIGIN, "null").header("sec-fetch-site", "same-origin");
    let _ = alice.send(sandboxed).await.expect(200);
    let _ = alice.send(harmless(&alice).header("referer", "http://localhost:8888/settings")).await.expect(200);
    // A cookie of any kind makes it a browser's request.
    let visitor = app.actor("visitor");
    let foreign_cookie = visitor.request(Method::POST, "/sign-out").without(ORIGIN).header("cookie", "theme=dark");
    visitor.send(foreign_cookie).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
}

#[tokio::test]
async fn a_request_without_cookies_needs_no_origin_except_where_a_browser_signs_in() {
    let app = app().await;
    let alice = app.user("alice").await;
    let visitor = app.actor("visitor");
    let body = json!({ "email": alice.email, "password": alice.password });
    let sign_in = || visitor.request(Method::POST, "/sign-in/email").without(ORIGIN).json(&body);
    let send = async |call: Call| {
        let reply = visitor.send(call).await;
        visitor.browser(identity_tests::Browser::clear);
        reply
    };
    let _ = send(sign_in()).await.expect(200);
    let _ = send(sign_in().header(ORIGIN, "http://localhost:8888")).await.expect(200);
    send(sign_in().header(ORIGIN, "https://evil.test")).await.expect_error(403, "INVALID_ORIGIN");
    send(sign_in().header("referer", "https://evil.test/")).await.expect_error(403, "INVALID_ORIGIN");
    send(sign_in().header("sec-fetch-site", "cross-site")).await.expect_error(403, "MISSING_OR_NULL_ORIGIN");
    let posted = sign_in().header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
    send(posted.clone()).await.expect_error(403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
    send(posted.header(ORIGIN, "http://localhost:8888")).await.expect_error(403, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED");
    let others = [
        ("/sign-up/email", json!({ "name": "x", "email": "x@example.test", "password": "a long password" })),
        ("/email-otp/send-verification-otp", json!({ "email": alice.email, "type": "email-verification" })),
        ("/email-otp/verify-email", json!({ "email": alice.email, "otp": "123456" })),
    ];
    for (path, body) in others {
        let call = visitor.request(Method::POST, path).header(ORIGIN, "https://evil.test").json(&body);
        send(call).await.expect_error(403, "INVALID_ORIGIN");
    }
    let elsewhere = visitor.request(Method::POST, "/request-password-reset").header(ORIGIN, "https://evil.test");
    let _ = send(elsewhere.json(&json!({ "email": alice.email }))).await.expect(200);
}

#[tokio::test]
async fn the_origin_is_checked_before_anything_is_told() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (method, path) in [("POST", "/delete-user"), ("PUT", "/profile"), ("DELETE", "/account"), ("POST", "/sign-out")]
    {
        let call = alice.request(method.parse().unwrap(), path).header(ORIGIN, "https://evil.test");
        alice.send(call).await.expect_error(403, "INVALID_ORIGIN");
    }
    assert!(alice.is_signed_in().await);
    let read = alice.request(Method::GET, "/get-session").header(ORIGIN, "https://evil.test");
    let reply = alice.send(read).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), None, "the browser keeps it from the page");
}

#[tokio::test]
async fn trusted_origins_get_cors_and_others_get_none() {
    let app = app().await;
    let alice = app.user("alice").await;
    let preflight = |origin: &str| {
        alice
            .request(Method::OPTIONS, "/sign-in/email")
            .header(ORIGIN, origin)
            .header("access-control-request-method", "POST")
    };
    let reply = alice.send(preflight("https://app.example.test")).await.expect(204);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example.test"));
    assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("content-type, authorization"));
    assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"));
    for origin in ["https://evil.test", "null", "https://wild.test"] {
        let reply = alice.send(preflight(origin)).await;
        assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (404, None), "{origin}");
    }
    // Answers carry it too, also refusals; and what differs by origin says so to caches.
    for path in ["/get-session", "/list-sessions?x=%00"] {
        let reply = alice.send(alice.request(Method::GET, path).header(ORIGIN, "https://a.wild.test")).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.wild.test"), "{path}");
        assert_eq!(reply.header("vary"), Some("origin"), "{path}");
        assert!(reply.header("access-control-expose-headers").unwrap().contains("set-auth-token"));
    }
}

#[tokio::test]
async fn requests_for_other_hosts_are_not_answered() {
    let app = TestApp::builder().config(|config| config.http.allowed_hosts = vec!["identity".to_owned()]).start().await;
    let alice = app.user("alice").await;
    for host in ["localhost:8888", "127.0.0.1:8888", "identity:9999", "IDENTITY"] {
        let _ = alice.send(alice.request(Method::GET, "/ok").header("host", host)).await.expect(200);
    }
    for host in ["evil.test", "identity.evil.test", "localhost.evil.test:8888", "evil.test:8888", "a@localhost:8888"] {
        let reply = alice.send(alice.request(Method::GET, "/get-session").header("host", host)).await;
        reply.expect_error(421, "HOST_NOT_ALLOWED");
    }
    // Mails are written with the base URL, whatever the request was called.
    let call = alice.request(Method::POST, "/request-password-reset").header("host", "identity");
    let call = call.header("x-forwarded-host", "evil.test").header("x-forwarded-proto", "https");
    let _ = alice.send(call.json(&json!({ "email": alice.email }))).await.expect(200);
    assert!(app.letter_to(&alice.email, 0).await.link().starts_with("http://localhost:8888/api/auth/"));
}
