//! Input that one reader takes for this and another for that.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN};
use identity_tests::{Actor, TestApp};
use serde_json::json;

use crate::better_auth::bodies::{app, each_endpoint, not_our_fault};

/// Case 58: a body is read as what it says it is, or not at all.
#[tokio::test]
async fn a_body_that_says_two_things_about_itself_is_not_read() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let visitor = app.actor("visitor");
    let body = json!({ "email": alice.email, "password": alice.password }).to_string();
    let sign_in = || visitor.request(Method::POST, "/sign-in/email").body(body.clone());
    let rename = || alice.request(Method::POST, "/update-user").body(json!({ "name": "A" }).to_string());
    for kind in [
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=\"iso-8859-1\"",
        "application/json; q=1; charset = utf-7",
        "text/plain; application/json",
        "application/json, text/plain",
    ] {
        let reply = visitor.send(sign_in().header(CONTENT_TYPE, kind)).await;
        reply.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
        alice.send(rename().header(CONTENT_TYPE, kind)).await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for (first, second) in [
        ("application/json", "text/plain"),
        ("text/plain", "application/json"),
        ("application/json", "application/json"),
        ("application/json", "application/x-www-form-urlencoded"),
    ] {
        let reply = visitor.send(sign_in().header(CONTENT_TYPE, first).also(CONTENT_TYPE, second)).await;
        reply.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    // As a form, JSON is one strange key without a value.
    let form = "application/x-www-form-urlencoded";
    let as_form = visitor.send(sign_in().header(CONTENT_TYPE, form)).await;
    as_form.expect_error(400, "VALIDATION_ERROR");
    let padded = visitor.send(sign_in().header(CONTENT_TYPE, form).body(format!("{body}="))).await;
    padded.expect_error(400, "VALIDATION_ERROR");
    alice.send(rename().header(CONTENT_TYPE, form)).await.expect_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(!visitor.is_signed_in().await);
    assert_eq!(alice.session().await["user"]["name"], "alice");
    for kind in ["application/json; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        let _ = visitor.send(sign_in().header(CONTENT_TYPE, kind)).await.expect(200);
    }
}

/// Case 66: an object that has a name twice is refused, at every depth and by every endpoint.
#[tokio::test]
async fn a_name_that_is_given_twice_is_refused() {
    let app = app().await;
    for (endpoint, actor) in each_endpoint(&app).await {
        let whole = endpoint.body().to_string();
        let inside = &whole[1..whole.len() - 1];
        let comma = if inside.is_empty() { "" } else { "," };
        for twice in [
            format!("{{{inside}{comma}\"x\":1,\"x\":2}}"),
            format!("{{{inside}{comma}\"x\":{{\"y\":[{{\"z\":1,\"z\":1}}]}}}}"),
            format!("{{{inside}{comma}\"x\":1,\"\\u0078\":2}}"),
        ] {
            let call = endpoint.call(&actor).header(CONTENT_TYPE, "application/json").body(twice.clone());
            let reply = actor.send(call).await;
            reply.expect_error(400, "VALIDATION_ERROR");
            assert!(reply.text().contains("is given twice"), "{twice}: {}", reply.text());
        }
    }
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let body = format!(r#"{{"email":"{}","email":"{}"}}"#, mallory.email, alice.email);
    let call = alice.request(Method::POST, "/request-password-reset").header(CONTENT_TYPE, "application/json");
    let reply = alice.send(call.body(body)).await;
    assert!(reply.json()["message"].as_str().unwrap().contains("\"email\" is given twice"), "{}", reply.text());
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
}

/// Case 66: values of the wrong type, absurd numbers and names that mean something elsewhere are refused or are nothing.
#[tokio::test]
async fn strange_values_are_no_fault_of_ours_and_mean_nothing() {
    let app = app().await;
    let strange = [
        r#""__proto__":{"role":"admin","emailVerified":true}"#,
        r#""constructor":{"prototype":{"role":"admin"}}"#,
        r#""email":["alice@example.test"],"password":{"$ne":null}"#,
        r#""email":{"$gt":""},"password":{"$gt":""}"#,
        r#""x":123456789012345678901234567890123456789012345678901234567890"#,
        r#""x":-0.0,"y":1e308,"z":-9223372036854775808"#,
        r#""password":12345678,"email":0"#,
        r#""rememberMe":"false","token":[],"sessionId":{}"#,
    ];
    for (endpoint, actor) in each_endpoint(&app).await {
        for fields in strange {
            let call = endpoint.call(&actor).header(CONTENT_TYPE, "application/json").body(format!("{{{fields}}}"));
            not_our_fault(&actor.send(call).await, &format!("{} {fields}", endpoint.1));
        }
    }
    let privileged = "SELECT COUNT(*) FROM identity_users WHERE role <> 'user' OR email_verified";
    assert_eq!(app.database().number(privileged).await, 0);
}

/// Case 83: garbage in an Authorization or Cookie header is a refusal, and the next caller is served.
#[tokio::test]
async fn garbage_in_a_credential_is_a_refusal() {
    for bearer in [true, false] {
        let app = TestApp::builder().config(|config| config.http.bearer = bearer).start().await;
        let alice = app.user("alice").await;
        let values: [&[u8]; 16] = [
            b"Bearer %E0%A4%A",
            b"Bearer %",
            b"Bearer a.%E0%A4%A",
            b"Bearer \xff\xfe",
            b"Bearer",
            b"Bearer ",
            b"Bearer a b",
            b"Bearer ....",
            b"Basic",
            b"Basic !!!",
            b"Basic bm9jb2xvbg==",
            b"Basic YTpiOmM6ZA==",
            b"Basic gICA",
            b"Digest username=\"a\"",
            b"\xc3\xa9",
            b",,,",
        ];
        let visitor = app.actor("visitor");
        let asks = async |call: identity_tests::Call| {
            let reply = visitor.send(call).await;
            visitor.browser(identity_tests::Browser::clear);
            reply.status.as_u16()
        };
        for value in values {
            let shown = String::from_utf8_lossy(value).into_owned();
            for path in ["/me", "/list-sessions", "/list-accounts"] {
                let call = visitor.request(Method::GET, path).header(AUTHORIZATION, value);
                assert_eq!(asks(call).await, 401, "{path} {shown}");
            }
            let call = visitor.request(Method::POST, "/update-user").without(ORIGIN).header(AUTHORIZATION, value);
            let status = asks(call.json(&json!({ "name": "A" }))).await;
            assert!([400, 401].contains(&status), "{status} {shown}");
            let call = visitor.request(Method::GET, "/me").header("x-service-authorization", value);
            assert!([400, 401, 403].contains(&asks(call).await), "service {shown}");
        }
        for value in
            [&b"better-auth.session_token=%E0%A4%A"[..], b"better-auth.session_token=\xff", b"%=%; ;=", b"\xfe"]
        {
            assert_eq!(asks(visitor.request(Method::GET, "/me").header(COOKIE, value)).await, 401);
        }
        assert!(alice.is_signed_in().await);
    }
}

async fn asks_with(actor: &Actor, path: &str, field: &str, address: &serde_json::Value) -> u16 {
    let mut body = json!({
        "name": "A", "email": actor.email, "password": "the password of alice", "type": "email-verification",
        "otp": "123456", "newEmail": "new@example.test",
    });
    body[field] = address.clone();
    actor.post(path, body).await.status.as_u16()
}

/// Case 74: what is more or less than one address is none, for every endpoint that takes one.
#[tokio::test]
async fn what_a_mail_header_would_read_as_more_than_one_address_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let takes = [
        ("/sign-up/email", "email"),
        ("/sign-in/email", "email"),
        ("/request-password-reset", "email"),
        ("/forget-password", "email"),
        ("/send-verification-email", "email"),
        ("/email-otp/send-verification-otp", "email"),
        ("/email-otp/verify-email", "email"),
        ("/change-email", "newEmail"),
    ];
    let strange = [
        json!("a@evil.test,alice@example.test"),
        json!("alice@example.test,a@evil.test"),
        json!("a@evil.test;alice@example.test"),
        json!("alice@example.test a@evil.test"),
        json!("alice@example.test\r\nBcc: a@evil.test"),
        json!("alice@example.test\nBcc: a@evil.test"),
        json!("alice@example.test%0d%0aBcc:a@evil.test"),
        json!("<a@evil.test>"),
        json!("alice@example.test>"),
        json!("Alice <a@evil.test>"),
        json!("\"alice@example.test\"@evil.test"),
        json!("alice@example.test(comment)"),
        json!("@evil.test:alice@example.test"),
        json!("a@b@example.test"),
        json!("alice@example.test@evil.test"),
        json!("alice@[127.0.0.1]"),
        json!("=?utf-8?q?a?=@evil.test"),
        json!(["alice@example.test", "a@evil.test"]),
        json!({ "0": "alice@example.test" }),
    ];
    for (path, field) in takes {
        for address in &strange {
            assert_eq!(asks_with(&alice, path, field, address).await, 400, "{path} {address}");
        }
    }
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
}

/// Case 75: an address that only looks like one that is known, or folds into it, is another one and gets nothing.
#[tokio::test]
async fn addresses_that_look_alike_are_not_the_same() {
    let app = TestApp::start().await;
    let mike = app.user("mike").await;
    let alike = [
        "mi\u{212a}e@example.test",
        "m\u{131}ke@example.test",
        "m\u{130}ke@example.test",
        "\u{ff4d}ike@example.test",
        "mike@e\u{445}ample.test",
        "mike@example\u{3002}test",
        "mike@example.te\u{17f}t",
        "mike\u{200b}@example.test",
        "mike@example.test\u{0}",
    ];
    for address in alike {
        for path in ["/request-password-reset", "/send-verification-email", "/sign-up/email", "/sign-in/email"] {
            assert_eq!(asks_with(&mike, path, "email", &json!(address)).await, 400, "{path} {address}");
        }
    }
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
    let _ = mike.post("/request-password-reset", json!({ "email": "MIKE@EXAMPLE.TEST" })).await.expect(200);
    let _ = app.letter_to("mike@example.test", 0).await;
    assert_eq!(app.mailer.mails().len(), 1, "to the address that is stored");
}
