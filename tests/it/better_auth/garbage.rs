//! Garbage in cookies, headers, texts and queries: survived, and never taken for somebody.

use http::Method;
use serde_json::{Value, json};

use super::bodies::{ENDPOINTS, app, each_endpoint, not_our_fault};

pub(crate) const GETS: [&str; 10] = [
    "/ok",
    "/error",
    "/get-session",
    "/list-sessions",
    "/me",
    "/list-accounts",
    "/has-password",
    "/verify-email",
    "/reset-password/token",
    "/delete-user/callback",
];

#[tokio::test]
async fn garbage_in_cookies_is_nobody() {
    let app = app().await;
    let alice = app.user("alice").await;
    let good = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    let long = "x".repeat(5000);
    let huge = "x".repeat(200_000);
    let values: [&[u8]; 16] = [
        b"",
        b"%",
        b"%%",
        b"%zz",
        b"%ff",
        b"%00",
        b"%F0%9F",
        b"\xff\xfe",
        b".",
        b"..",
        b"a.b.c.d.e",
        b"\"",
        b"{}",
        b"a.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        long.as_bytes(),
        huge.as_bytes(),
    ];
    let names = ["session_token", "session_data", "dont_remember", "email_flow"];
    let lines =
        names.iter().flat_map(|name| values.map(|value| [b"better-auth.", name.as_bytes(), b"=", value].concat()));
    let mut lines: Vec<Vec<u8>> = lines.collect();
    lines.extend([vec![b';'; 10_000], b"=".to_vec(), b"==;==".to_vec(), b"\xff".to_vec(), "é=ü".into()]);
    lines.push(format!("better-auth.session_token={good}x").into_bytes());
    lines.push([b"better-auth.session_token=".as_slice(), good.as_bytes(), b"\xff"].concat());
    for line in lines {
        let shown = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
        let reply = alice.send(alice.request(Method::GET, "/get-session").header("cookie", &line)).await.expect(200);
        assert_eq!(reply.json(), Value::Null, "{shown}");
        for path in GETS {
            not_our_fault(&alice.send(alice.request(Method::GET, path).header("cookie", &line)).await, &shown);
        }
        for endpoint in &ENDPOINTS {
            let call = endpoint.call(&alice).header("cookie", &line).json(&endpoint.body());
            not_our_fault(&alice.send(call).await, &format!("{} {shown}", endpoint.1));
        }
    }
}

#[tokio::test]
async fn absurd_headers_are_survived() {
    let app = app().await;
    let alice = app.user("alice").await;
    let long = "9".repeat(20_000);
    let values: [&[u8]; 11] = [
        b"",
        b" ",
        b"\xff\xfe",
        b"null",
        b"Bearer",
        b"Bearer \xff",
        b"bearer %00",
        b"-1",
        b"a,b;c=d\"",
        "\u{202e}é".as_bytes(),
        long.as_bytes(),
    ];
    let names = [
        "authorization",
        "origin",
        "referer",
        "user-agent",
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-real-ip",
        "accept",
        "accept-encoding",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "expect",
        "range",
        "te",
        "if-none-match",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "x-request-id",
        "traceparent",
        "upgrade",
        "x-service-authorization",
        "x-http-method-override",
        "access-control-request-method",
    ];
    for name in names {
        for value in values {
            let what = format!("{name}: {}", String::from_utf8_lossy(&value[..value.len().min(40)]));
            let jar = alice.browser(|browser| browser.clone());
            for path in ["/get-session", "/me", "/list-sessions"] {
                not_our_fault(&alice.send(alice.request(Method::GET, path).header(name, value)).await, &what);
            }
            let call = alice.request(Method::POST, "/update-user").json(&json!({ "name": "alice" }));
            not_our_fault(&alice.send(call.header(name, value)).await, &what);
            let body = json!({ "email": alice.email, "password": alice.password });
            let call = alice.request(Method::POST, "/sign-in/email").json(&body).header(name, value);
            not_our_fault(&alice.send(call).await, &what);
            alice.browser(|browser| *browser = jar);
        }
    }
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn text_of_any_length_and_script_is_survived() {
    let app = app().await;
    let texts = [
        "x".repeat(50_000),
        "😀".repeat(10_000),
        "\u{202e}\u{200b}\u{feff}".to_owned(),
        "e\u{301}\u{0307}\u{fb01}\u{2168}".to_owned(),
        "\u{1}\u{7f}\u{85}\u{2028}\r\n\t".to_owned(),
        "'; DROP TABLE identity_users; --".to_owned(),
        "%00%ff${7*7}{{7*7}}<script>".to_owned(),
        "../../../etc/passwd".to_owned(),
        "a@b.co\r\nBcc: everybody@example.test".to_owned(),
        format!("{}@example.test", "x".repeat(245)),
        "\"quoted local\"@example.test".to_owned(),
        "nobody@xn--bcher-kva.test".to_owned(),
        "undefined".to_owned(),
        String::new(),
    ];
    for (endpoint, actor) in each_endpoint(&app).await {
        for field in endpoint.fields() {
            for text in &texts {
                let mut body = endpoint.body();
                body[field] = json!(text);
                let reply = actor.send(endpoint.call(&actor).json(&body)).await;
                not_our_fault(
                    &reply,
                    &format!("{} {field}={:?}", endpoint.1, text.chars().take(40).collect::<String>()),
                );
            }
        }
    }
    assert!(app.database().number("SELECT COUNT(*) FROM identity_users").await > 20);
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().iter().all(|mail| !mail.to.as_str().contains(['\r', '\n', ' '])));
}

#[tokio::test]
async fn abused_queries_are_survived() {
    let app = app().await;
    let alice = app.user("alice").await;
    let long = format!("?token={}", "x".repeat(60_000));
    let many = format!("?{}", "a=b&".repeat(15_000));
    let queries = [
        "?",
        "??",
        "?&&&===",
        "?%",
        "?%zz=%zz",
        "?token",
        "?token=",
        "?token=%00",
        "?token=%ff",
        "?token[]=x",
        "?token=a&token=b",
        "?token=x&callbackURL=%00",
        "?token=x&callbackURL=%ff",
        "?disableRefresh=maybe&disableCookieCache=[]",
        "?__proto__=x",
        "?constructor.prototype=1",
        "?token=%F0%9F%98%80",
        "?token=%27%20OR%201=1--",
        &long,
        &many,
    ];
    for query in queries {
        for path in GETS {
            not_our_fault(
                &alice.get(&format!("{path}{query}")).await,
                &format!("{path}{}", &query[..query.len().min(60)]),
            );
        }
        for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.2.is_empty()) {
            let method = endpoint.0.parse().unwrap();
            let reply =
                alice.send(alice.request(method, &format!("{}{query}", endpoint.1)).json(&endpoint.body())).await;
            not_our_fault(&reply, &format!("{}{}", endpoint.1, &query[..query.len().min(60)]));
        }
    }
    for token in ["%00", "%ff", "%2f%2e%2e%2f", "..", "%F0%9F%98%80", "a%20b", &"x".repeat(50_000)] {
        for query in ["", "?callbackURL=/", "?callbackURL=%00"] {
            not_our_fault(
                &alice.get(&format!("/reset-password/{token}{query}")).await,
                token.get(..20).unwrap_or(token),
            );
        }
    }
    assert!(alice.is_signed_in().await);
}
