use http::Method;
use identity_tests::TestApp;
use serde_json::{Value, json};

const GOOD: [&str; 10] = [
    "/",
    "/home",
    "/home?next=https://evil.test#top",
    "/a/../b",
    "http://localhost:8888/home",
    "http://127.0.0.1:8888",
    "https://app.example.test/x?y=z",
    "https://deep.wild.test/",
    "myapp://done",
    "",
];

const EVIL: [&str; 26] = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/%2f/evil.test",
    "/%2Fevil.test",
    "/%5cevil.test",
    "https://evil.test",
    "HTTPS://EVIL.TEST",
    "http:evil.test",
    "https:/evil.test",
    "http:/localhost:8888/home",
    "https:app.example.test",
    "https://app.example.test@evil.test",
    "https://app.example.test:pw@app.example.test",
    "https://app.example.test.evil.test",
    "http://localhost:8888@evil.test",
    "http://localhost:8889/",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.test",
    "home",
    "otherapp://done",
    "https://evil.test/.wild.test",
];

const FIELDS: [(&str, &str); 4] = [
    ("callbackURL", "INVALID_CALLBACK_URL"),
    ("redirectTo", "INVALID_REDIRECT_URL"),
    ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
];

const POSTS: [&str; 9] = [
    "/sign-in/email",
    "/sign-up/email",
    "/request-password-reset",
    "/send-verification-email",
    "/change-email",
    "/delete-user",
    "/delete-user/callback",
    "/verify-email",
    "/sign-out",
];

async fn app() -> TestApp {
    let builder = TestApp::builder().config(|config| {
        let trusted = ["https://app.example.test", "https://*.wild.test", "myapp://"];
        config.http.trusted_origins = trusted.map(str::to_owned).to_vec();
    });
    builder.start().await
}

#[tokio::test]
async fn a_body_leads_to_trusted_places_alone() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (field, code) in FIELDS {
        for target in EVIL {
            let body = json!({ "email": alice.email, "password": alice.password, field: target });
            let reply = alice.post("/sign-in/email", body).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_deref()), (403, Some(code)), "{field}: {target:?}");
        }
        for target in GOOD {
            let body = json!({ "email": alice.email, "password": alice.password, field: target });
            let reply = alice.post("/sign-in/email", body).await;
            assert_eq!(reply.status, 200, "{field}: {target:?}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn every_endpoint_checks_before_it_does_anything() {
    let app = app().await;
    let alice = app.user("alice").await;
    let visitor = app.actor("visitor");
    for path in POSTS {
        for (field, code) in FIELDS {
            let reply = visitor.post(path, json!({ field: "https://evil.test" })).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_deref()), (403, Some(code)), "{path} {field}");
            let reply = visitor.post(&format!("{path}?{field}=https://evil.test"), json!({})).await;
            assert_eq!((reply.status.as_u16(), reply.code().as_deref()), (403, Some(code)), "{path}?{field}");
            let reply = visitor.post(path, json!({ field: 7 })).await;
            let message = reply.json()["message"].clone();
            assert_eq!((reply.status.as_u16(), message), (400, json!(format!("Invalid {field}: expected a string"))));
        }
    }
    let body = json!({ "password": alice.password, "callbackURL": "//evil.test" });
    alice.post("/delete-user", body).await.expect_error(403, "INVALID_CALLBACK_URL");
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn links_lead_to_trusted_places_alone() {
    let app = app().await;
    let visitor = app.actor("visitor");
    for path in ["/verify-email?token=x", "/reset-password/x?y=z", "/delete-user/callback?token=x"] {
        for target in EVIL {
            let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            let reply = visitor.get(&format!("{path}&callbackURL={encoded}")).await;
            assert_eq!(reply.code().as_deref(), Some("INVALID_CALLBACK_URL"), "{path} {target:?}");
            assert_eq!((reply.status.as_u16(), reply.header("location")), (403, None), "{path} {target:?}");
        }
    }
    // Of repeated names the first counts, for the check and for the redirect alike.
    let reply = visitor.get("/verify-email?token=x&callbackURL=/a&callbackURL=https://evil.test").await.expect(302);
    assert_eq!(reply.header("location"), Some("/a?error=INVALID_TOKEN"));
    let reply = visitor.get("/verify-email?token=x&callbackURL=https://evil.test&callbackURL=/a").await;
    reply.expect_error(403, "INVALID_CALLBACK_URL");
}

#[tokio::test]
async fn a_redirect_is_a_302_that_gives_no_referrer_away() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let reply = visitor.get("/verify-email?token=x&callbackURL=https://app.example.test/done").await.expect(302);
    assert_eq!(reply.header("location"), Some("https://app.example.test/done?error=INVALID_TOKEN"));
    assert_eq!((reply.header("referrer-policy"), reply.text().as_str()), (Some("no-referrer"), ""));
    assert_eq!(reply.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_error_page_shows_a_code_and_nothing_that_was_written_into_it() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let page = visitor.get("/error?error=INVALID_TOKEN").await.expect(200);
    assert!(page.text().contains("<code>INVALID_TOKEN</code>"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    for evil in ["%3Cscript%3Ealert(1)%3C/script%3E", "call%20%2B1%20900%20now", &"x".repeat(65), "%ff"] {
        let page = visitor.get(&format!("/error?error={evil}")).await.expect(200).text();
        assert!(page.contains("<code>UNKNOWN</code>") && !page.contains("<script"), "{page}");
    }
    assert!(visitor.get("/error").await.expect(200).text().contains("<code>UNKNOWN</code>"));
    let posted = visitor.send(visitor.request(Method::POST, "/error").json(&Value::Null)).await;
    assert_eq!(posted.status, 404);
}

#[tokio::test]
async fn a_confirmation_page_escapes_what_came_with_the_link() {
    let app = app().await;
    let alice = app.user("alice").await;
    let _ = alice.post("/change-email", json!({ "newEmail": "o'new@example.test" })).await.expect(200);
    let token = app.letter_to("o'new@example.test", 0).await.token();
    let visitor = app.actor("visitor");
    let path = format!("/verify-email?token={token}&callbackURL=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    let page = visitor.get(&path).await.expect(200).text();
    assert!(!page.contains("<script") && page.contains("&quot;&gt;&lt;script&gt;"), "{page}");
    assert!(page.contains("o&#39;new@example.test"), "{page}");
}
