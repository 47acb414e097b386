//! What other sites can make a browser do, and what our answers tell the browser.

use http::Method;
use http::header::{CONTENT_TYPE, ORIGIN};
use identity_tests::{Call, Reply, Server, TestApp};
use serde_json::json;

use super::over_http::RUNNING;
use crate::better_auth::bodies::{ENDPOINTS, app, each_endpoint};
use crate::better_auth::garbage::GETS;

/// Endpoints that answer a GET as well, and those that pages without JavaScript post to.
const ALSO_READ: [&str; 3] = ["/get-session", "/verify-email", "/delete-user/callback"];
const FORMS: [&str; 4] = ["/sign-in/email", "/sign-up/email", "/verify-email", "/delete-user/callback"];

type Variant = (&'static str, u16, fn(Call) -> Call);

/// What another site can make a browser send, and the refusal.
const FORGED: [Variant; 10] = [
    ("evil origin", 403, |call| call.header(ORIGIN, "https://evil.example")),
    ("null origin", 403, |call| call.header(ORIGIN, "null")),
    ("null origin, cross-site", 403, |call| call.header(ORIGIN, "null").header("sec-fetch-site", "cross-site")),
    ("no origin", 403, |call| call.without(ORIGIN)),
    ("cross-site alone", 403, |call| call.without(ORIGIN).header("sec-fetch-site", "cross-site")),
    ("evil referer", 403, |call| call.without(ORIGIN).header("referer", "https://evil.example/localhost:8888")),
    ("evil text", 403, |call| call.header(ORIGIN, "https://evil.example").without(CONTENT_TYPE).body("")),
    ("text", 415, |call| call.header(CONTENT_TYPE, "text/plain")),
    ("multipart", 415, |call| call.header(CONTENT_TYPE, "multipart/form-data; boundary=x")),
    ("xml", 415, |call| call.header(CONTENT_TYPE, "application/xml")),
];

/// Case 56: nothing that another site can make a browser send changes anything.
#[tokio::test]
async fn forged_requests_are_refused_by_every_endpoint_and_change_nothing() {
    let app = app().await;
    let users = each_endpoint(&app).await;
    let before = app.database().dump().await;
    for (endpoint, actor) in users {
        let (method, path) = (endpoint.0, endpoint.1);
        let honest = || endpoint.call(&actor).json(&endpoint.body());
        for (what, status, forge) in FORGED {
            let reply = actor.send(forge(honest())).await;
            assert_eq!(reply.status.as_u16(), status, "{method} {path}, {what}: {}", reply.text());
        }
        if !FORMS.contains(&path) {
            let form = honest().header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("a=b");
            assert_eq!(actor.send(form).await.status, 415, "{path} as a form");
        }
        let posted = actor.request(Method::POST, path).header("x-http-method-override", method);
        for (what, call) in [
            ("HEAD", actor.request(Method::HEAD, path)),
            ("PATCH", actor.request(Method::PATCH, path).json(&endpoint.body())),
            ("OPTIONS", actor.request(Method::OPTIONS, path)),
        ] {
            assert_eq!(actor.send(call).await.status, 404, "{what} {path}");
        }
        if method != "POST" {
            assert_eq!(actor.send(posted.json(&endpoint.body())).await.status, 404, "override {path}");
        }
        for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
            let read = actor.request(Method::GET, path).header(name, method);
            let status = actor.send(read).await.status.as_u16();
            assert!(status == 404 || ALSO_READ.contains(&path) && status < 500, "GET {path}: {status}");
        }
    }
    assert_eq!(before, app.database().dump().await);
}

/// Case 57: an origin that is not trusted is never told that it may read an answer.
#[tokio::test]
async fn no_untrusted_origin_gets_cross_origin_answers() {
    let builder = TestApp::builder().config(|config| {
        config.http.trusted_origins = vec!["https://app.example".to_owned()];
        config.http.bearer = true;
    });
    let app = builder.start().await;
    let alice = app.user("alice").await;
    let each = |origin: &str| {
        let preflight =
            alice.request(Method::OPTIONS, "/sign-in/email").header("access-control-request-method", "POST");
        [
            alice.request(Method::GET, "/get-session"),
            alice.request(Method::GET, "/nowhere"),
            alice.request(Method::POST, "/sign-in/email").json(&json!({})),
            alice.request(Method::POST, "/update-user").json(&json!({ "name": "A" })),
            preflight.header("access-control-request-headers", "content-type"),
        ]
        .map(|call| call.header(ORIGIN, origin))
    };
    let foreign = [
        "https://evil.example",
        "null",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:444",
        "https://sub.app.example",
        "https://app.example.",
        "*",
    ];
    for origin in foreign {
        for call in each(origin) {
            let reply = alice.send(call).await;
            let told: Vec<_> =
                reply.headers.keys().filter(|name| name.as_str().starts_with("access-control-allow")).collect();
            assert!(told.is_empty(), "{origin}: {told:?}");
        }
    }
    for call in each("https://app.example") {
        let reply = alice.send(call).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(reply.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(reply.header("vary"), Some("origin"));
    }
}

/// Case 86: no cache keeps what is about a person.
#[tokio::test]
async fn nothing_that_sets_a_cookie_or_shows_somebody_may_be_stored() {
    let app = app().await;
    let mut replies: Vec<(String, Reply)> = Vec::new();
    for (endpoint, actor) in each_endpoint(&app).await {
        let body = json!({
            "name": "A", "email": actor.email, "password": actor.password, "newEmail": "new@example.test",
            "currentPassword": actor.password, "newPassword": "another password", "type": "email-verification",
            "token": "x", "otp": "123456", "sessionId": "x", "accountId": "x", "app": "wallet", "theme": "dark",
        });
        for path in GETS {
            replies.push((format!("GET {path}"), actor.get(path).await));
        }
        let visitor = app.actor("visitor");
        replies.push((format!("{} by nobody", endpoint.1), visitor.send(endpoint.call(&visitor).json(&body)).await));
        replies.push((endpoint.1.to_owned(), actor.send(endpoint.call(&actor).json(&body)).await));
        replies.push((format!("{} after it", endpoint.1), actor.get("/get-session").await));
    }
    let alice = app.user("alice").await;
    let _ =
        alice.post("/request-password-reset", json!({ "email": alice.email, "redirectTo": "/r" })).await.expect(200);
    let _ = alice.post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    for index in 0..2 {
        let link = app.letter_to(&alice.email, index).await.link();
        replies.push((link.clone(), alice.opens(&link).await.expect(302)));
    }
    assert!(replies.iter().filter(|(_, reply)| !reply.cookies().is_empty()).count() > 5);
    for (what, reply) in replies {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}: {} {}", reply.status, reply.text());
    }
}

/// Case 127: every answer carries the headers that tell a browser to be careful, whatever its status.
#[tokio::test]
async fn every_answer_of_the_program_carries_the_security_headers() {
    let local = Server::builder().env("IDENTITY_LIMITS__ENABLED", "false").start().await;
    let public = Server::builder()
        .env("IDENTITY_LIMITS__ENABLED", "false")
        .env("IDENTITY_HTTP__BASE_URL", "https://id.example.com")
        .env("IDENTITY_SECRETS__SECRET", "mJ4x8Qw2Lr7Ty0Zc5Vb9Nk3Hf6Gd1Sa4")
        .env("IDENTITY_EMAIL__VERIFICATION", "false")
        .env("IDENTITY_PASSWORD__RESET", "false")
        .start()
        .await;
    let mut seen = std::collections::BTreeSet::new();
    for (server, host) in [(&local, None), (&public, Some("id.example.com"))] {
        let alice = server.actor("alice");
        let at_host = |call: Call| match host {
            Some(host) => call.header("host", host).header(ORIGIN, format!("https://{host}")),
            None => call,
        };
        let body = json!({ "name": "alice", "email": alice.email, "password": alice.password });
        let mut calls = vec![
            alice.request(Method::POST, "/sign-up/email").json(&body),
            alice.request(Method::GET, "/error?error=X"),
            alice.request(Method::GET, "/verify-email?token=x&callbackURL=/a"),
            alice.request(Method::GET, "/nowhere"),
            alice.request(Method::POST, "/sign-in/email").header(ORIGIN, "https://evil.example").json(&body),
            alice.request(Method::POST, "/sign-in/email").json(&json!({})),
            alice.request(Method::POST, "/sign-in/email").json(&body).body("x".repeat(70_000)),
            alice.request(Method::POST, "/sign-in/email").header(CONTENT_TYPE, "text/plain").body("x"),
            alice.request(Method::GET, "/ok").header("host", "evil.example"),
            alice.request(Method::OPTIONS, "/ok"),
            alice.request(Method::DELETE, "/ok"),
        ];
        for path in ["/", "/nowhere", "/health", "/health/live", "/health/ready", "/dev/mailbox", "/api/auth", "/api/"]
        {
            calls.push(alice.request_at(Method::GET, path));
            calls.push(alice.request_at(Method::POST, path));
            calls.push(alice.request_at(Method::GET, path).header("accept", "application/json"));
        }
        calls.extend(GETS.iter().map(|path| alice.request(Method::GET, path)));
        calls.extend(ENDPOINTS.iter().map(|endpoint| endpoint.call(&alice).json(&endpoint.body())));
        for (number, call) in calls.into_iter().enumerate() {
            let evil = number == 8;
            let reply = alice.send(if evil { call } else { at_host(call) }).await;
            seen.insert(reply.status.as_u16());
            guarded(&reply, number, host.is_some());
        }
    }
    for status in [200, 302, 400, 401, 403, 404, 405, 413, 415, 421] {
        assert!(seen.contains(&status), "{status} not among {seen:?}");
    }
    let mailbox = public.actor("visitor");
    let call = mailbox.request_at(Method::GET, "/dev/mailbox").header("host", "id.example.com");
    assert_eq!(mailbox.send(call).await.status, 404, "mail is shown on this machine alone");
}

#[track_caller]
fn guarded(reply: &Reply, number: usize, https: bool) {
    let what = format!("call {number}: {} {:?}", reply.status, reply.headers);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name} of {what}");
    }
    let policy = reply.header("content-security-policy").unwrap_or_else(|| panic!("{what}"));
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action "] {
        assert!(policy.contains(part), "{part} in {what}");
    }
    assert!(!policy.contains("script"), "{what}");
    assert!(reply.header("permissions-policy").is_some_and(|policy| policy.contains("camera=()")), "{what}");
    let year = https.then_some("max-age=31536000; includeSubDomains");
    assert_eq!(reply.header("strict-transport-security"), year, "{what}");
    let kind = reply.header("content-type").unwrap_or_default();
    let known = ["", "application/json", "text/html; charset=utf-8"];
    assert!(known.contains(&kind) && (reply.body.is_empty() || !kind.is_empty()), "{what}");
    assert!(reply.header("server").is_none() && reply.header("x-powered-by").is_none(), "{what}");
}

pub(super) const MARKUP: [&str; 7] = [
    "</script><img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'><a href='javascript:alert(1)'>x</a>",
    "{{7*7}}",
    "${7*7} {% include 'layout' %}",
    "<div hx-get=\"/evil\" hx-trigger=\"load\">",
    "&lt;b&gt; <!-- -->",
];

/// Case 89: what people write about themselves is text in every mail.
#[tokio::test]
async fn markup_in_a_name_is_text_in_every_mail() {
    let app = TestApp::builder().config(|config| config.user.delete_by_mail = true).start().await;
    for (number, name) in MARKUP.iter().enumerate() {
        let mut alice = app.actor(&format!("alice{number}"));
        (*name).clone_into(&mut alice.name);
        let _ = alice.signs_up().await.expect(200);
        assert_eq!(alice.session().await["user"]["name"], *name, "kept as it was written");
        let posts = [
            ("/request-password-reset", json!({ "email": alice.email })),
            ("/send-verification-email", json!({ "email": alice.email })),
            ("/email-otp/send-verification-otp", json!({ "email": alice.email, "type": "email-verification" })),
            ("/change-email", json!({ "newEmail": format!("new{number}@example.test") })),
            ("/delete-user", json!({})),
            ("/change-password", json!({ "currentPassword": alice.password, "newPassword": "another password" })),
        ];
        for (path, body) in posts {
            let _ = alice.post(path, body).await.expect(200);
        }
    }
    app.until_mails_have_left().await;
    let mails = app.mailer.mails();
    assert_eq!(mails.len(), MARKUP.len() * 6);
    for mail in mails {
        for evil in ["<img", "<svg", "<script", "</script", "javascript:", "<div hx", "<a href='"] {
            let shown = mail.html.contains(evil);
            assert!(
                !shown || evil == "javascript:" && !mail.html.contains("href='javascript"),
                "{evil}: {}",
                mail.html
            );
        }
        assert!(!mail.html.contains("Hello 49") && !mail.text.contains("Hello 49"), "{}", mail.text);
        assert!(!mail.subject.contains(['\r', '\n']));
    }
}

/// Case 90: no address that a browser would run is kept.
#[tokio::test]
async fn no_url_that_runs_is_kept_as_a_picture_or_gone_to() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (number, url) in RUNNING.into_iter().enumerate() {
        let body = json!({ "name": "A", "email": format!("new{number}@example.test"), "password": "a long password", "image": url });
        app.actor("new").post("/sign-up/email", body).await.expect_error(400, "VALIDATION_ERROR");
        alice.post("/update-user", json!({ "image": url })).await.expect_error(400, "VALIDATION_ERROR");
        alice.put("/profile", json!({ "name": "B", "image": url })).await.expect_error(400, "VALIDATION_ERROR");
        for field in ["callbackURL", "redirectTo", "errorCallbackURL", "newUserCallbackURL"] {
            let body = json!({ "email": alice.email, field: url });
            assert_eq!(alice.post("/request-password-reset", body).await.status, 403, "{field} {url:?}");
        }
    }
    let user = alice.session().await["user"].clone();
    assert_eq!((&user["image"], &user["name"]), (&json!(null), &json!("alice")));
    for url in ["https://example.test/a.png", "http://example.test/a", "/a.png", "data:image/png;base64,iVBORw0KGgo="] {
        let _ = alice.post("/update-user", json!({ "image": url })).await.expect(200);
        assert_eq!(alice.session().await["user"]["image"], url);
    }
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
}
