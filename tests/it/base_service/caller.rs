//! Who is calling, and what happens when the anchor does not say.

use std::time::{Duration, Instant};

use identity_axum::TrustAnchor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::anchor::{Behaviour, FakeAnchor, session_of};
use super::{COOKIE, ask, refused, service, trusting};

#[tokio::test]
async fn a_live_session_reaches_the_handler_as_its_user() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let answer = ask(&app, "/me", &[("cookie", COOKIE)]).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "id": "ann", "email": "ann@example.com" })));
    let feed = ask(&app, "/feed", &[("cookie", COOKIE)]).await;
    assert_eq!(feed.json(), json!("ann"));
}

#[tokio::test]
async fn without_a_cookie_nobody_is_asked_and_nobody_is_calling() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    for headers in [vec![], vec![("cookie", "theme=dark")], vec![("cookie", "better-auth.session_token=")]] {
        assert_eq!(ask(&app, "/me", &headers).await.refusal(), refused(401, "unauthorized"));
        assert_eq!(ask(&app, "/feed", &headers).await.json(), Value::Null);
    }
    assert_eq!(anchor.asked().len(), 0);
}

#[tokio::test]
async fn a_stale_cookie_counts_as_absent() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let stale = [("cookie", "better-auth.session_token=gone.sig%3D")];
    assert_eq!(ask(&app, "/me", &stale).await.refusal(), refused(401, "unauthorized"));
    assert_eq!(ask(&app, "/feed", &stale).await.json(), Value::Null);
}

/// Every way in which an anchor can answer, with what `/me` and `/feed` then say.
#[tokio::test]
async fn an_anchor_that_cannot_say_who_is_calling_is_an_outage_and_never_nobody() {
    let elsewhere = FakeAnchor::start().await;
    let user = session_of(&json!({ "id": "ann" }))["user"].clone();
    let huge = format!("{{\"user\":null,\"padding\":\"{}\"}}", "x".repeat(70_000));
    let redirect =
        Behaviour::Fixed(302, vec![("location", format!("{}/api/auth/get-session", elsewhere.url))], String::new());
    let limited = Behaviour::Fixed(429, vec![("retry-after", "7".to_owned())], String::new());
    let absurd = Behaviour::Fixed(503, vec![("retry-after", "99999999".to_owned())], String::new());
    let nobody = (401, "unauthorized", None);
    let outage = (503, "anchor_unavailable", Some("1"));
    let rows = [
        (Behaviour::body("null"), nobody),
        (Behaviour::body("{}"), nobody),
        (Behaviour::body(r#"{"user":null,"session":null}"#), nobody),
        (Behaviour::status(401), nobody),
        (Behaviour::status(400), outage),
        (Behaviour::status(403), outage),
        (Behaviour::status(404), outage),
        (Behaviour::status(421), outage),
        (limited, (503, "anchor_unavailable", Some("7"))),
        (Behaviour::status(500), outage),
        (Behaviour::status(502), outage),
        (absurd, (503, "anchor_unavailable", Some("3600"))),
        (Behaviour::Silent, outage),
        (redirect, outage),
        (Behaviour::body(huge), outage),
        (Behaviour::body(""), outage),
        (Behaviour::body("<html>"), outage),
        (Behaviour::body("[]"), outage),
        (Behaviour::body(user.to_string()), nobody),
        (Behaviour::body(session_of(&json!({ "id": "ann" })).to_string()), outage),
    ];
    let anchor = FakeAnchor::start().await;
    let patient = service(&trusting(&anchor).timeout(Duration::from_secs(20)).build().unwrap());
    let hasty = service(&trusting(&anchor).timeout(Duration::from_millis(100)).build().unwrap());
    for (behaviour, (status, code, wait)) in rows {
        let row = format!("{behaviour:.80?}");
        let app = if matches!(behaviour, Behaviour::Silent) { &hasty } else { &patient };
        anchor.session(behaviour);
        let me = ask(app, "/me", &[("cookie", COOKIE)]).await;
        assert_eq!(me.refusal(), refused(status, code), "{row}");
        assert_eq!(me.header("retry-after"), wait, "{row}");
        assert_eq!(me.header("cache-control"), Some("no-store"), "{row}");
        assert!(!me.text.contains("hush") && me.json()["error"].get("details").is_none(), "{row}: {me:?}");
        let feed = ask(app, "/feed", &[("cookie", COOKIE)]).await;
        assert_eq!(feed.status.as_u16(), if status == 401 { 200 } else { 503 }, "{row}");
        assert_eq!(ask(app, "/public", &[("cookie", COOKIE)]).await.text, "hello", "{row}");
    }
    assert_eq!(elsewhere.asked().len(), 0, "the cookie went to another host");
}

#[tokio::test]
async fn a_refused_connection_is_an_outage() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let app = service(&TrustAnchor::builder(url).build().unwrap());
    assert_eq!(ask(&app, "/me", &[("cookie", COOKIE)]).await.refusal(), refused(503, "anchor_unavailable"));
    assert_eq!(ask(&app, "/me", &[]).await.refusal(), refused(401, "unauthorized"));
}

#[tokio::test]
async fn a_silent_anchor_costs_no_more_than_the_timeout() {
    let anchor = FakeAnchor::start().await;
    anchor.session(Behaviour::Silent);
    let app = service(&trusting(&anchor).timeout(Duration::from_millis(200)).build().unwrap());
    let begun = Instant::now();
    assert_eq!(ask(&app, "/me", &[("cookie", COOKIE)]).await.refusal(), refused(503, "anchor_unavailable"));
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(anchor.asked().len(), 1, "a timeout is not tried again");
}

/// Hangs up on the first connection and answers `null` on the second.
async fn hangs_up_once() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move {
        drop(listener.accept().await.unwrap());
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnull").await.unwrap();
    });
    (url, server)
}

#[tokio::test]
async fn a_broken_connection_is_tried_once_more_unless_that_is_off() {
    let (url, _server) = hangs_up_once().await;
    let app = service(&TrustAnchor::builder(url).build().unwrap());
    assert_eq!(ask(&app, "/me", &[("cookie", COOKIE)]).await.refusal(), refused(401, "unauthorized"));
    let (url, _server) = hangs_up_once().await;
    let app = service(&TrustAnchor::builder(url).retry(false).build().unwrap());
    assert_eq!(ask(&app, "/me", &[("cookie", COOKIE)]).await.refusal(), refused(503, "anchor_unavailable"));
}

#[tokio::test]
async fn only_the_auth_cookie_is_forwarded_and_unchanged() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).service("wallet", "wallet-secret").build().unwrap());
    let headers = [
        (
            "cookie",
            "theme=dark; other.session_token=x; better-auth.session_token=ann.sig%3D; better-auth.session_data=y",
        ),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-secret-of-the-app", "z"),
        ("x-service-authorization", "Bearer admin.forged"),
        ("origin", "https://app.example.com"),
    ];
    assert_eq!(ask(&app, "/me", &headers).await.status.as_u16(), 200);
    let [asked] = &anchor.asked()[..] else { panic!("asked once") };
    assert_eq!(asked.method, "GET");
    assert_eq!(asked.header("cookie"), Some("better-auth.session_token=ann.sig%3D"));
    assert_eq!(asked.header("x-service-authorization"), Some("Bearer wallet.wallet-secret"));
    let mut names: Vec<_> = asked.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "cookie", "host", "x-request-id", "x-service-authorization"]);
}

#[tokio::test]
async fn the_secure_cookie_is_recognised_and_both_are_passed_on_when_a_browser_holds_both() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let secure = "__Secure-better-auth.session_token=ann.sig%3D";
    assert_eq!(ask(&app, "/me", &[("cookie", secure)]).await.status.as_u16(), 200);
    let both = format!("better-auth.session_token=ann.sig%3D; {secure}");
    assert_eq!(ask(&app, "/me", &[("cookie", &both)]).await.status.as_u16(), 200);
    let sent: Vec<_> = anchor.asked().iter().map(|asked| asked.header("cookie").unwrap().to_owned()).collect();
    assert_eq!(sent, [secure.to_owned(), format!("{secure}; better-auth.session_token=ann.sig%3D")]);
}

#[tokio::test]
async fn identity_headers_of_a_client_never_count() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let forged = [
        ("x-user-id", "root"),
        ("x-user-email", "root@example.com"),
        ("x-user-role", "admin"),
        ("x-auth-user", "root"),
        ("x-forwarded-user", "root"),
        ("x-consumer-username", "root"),
        ("remote-user", "root"),
    ];
    assert_eq!(ask(&app, "/me?userId=root", &forged).await.refusal(), refused(401, "unauthorized"));
    assert_eq!(anchor.asked().len(), 0);
    let with_cookie = [&[("cookie", COOKIE)], &forged[..]].concat();
    assert_eq!(ask(&app, "/me?userId=root", &with_cookie).await.json()["id"], "ann");
    assert_eq!(ask(&app, "/report", &with_cookie).await.refusal(), refused(403, "permission_denied"));
}

#[tokio::test]
async fn a_bearer_is_refused_unless_it_is_forwarded_and_never_falls_through_to_the_cookie() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let bob = [("authorization", "Bearer bob"), ("cookie", COOKIE)];
    for path in ["/me", "/feed"] {
        assert_eq!(ask(&app, path, &bob).await.refusal(), refused(401, "invalid_bearer"));
    }
    assert_eq!(anchor.asked().len(), 0);

    let app = service(&trusting(&anchor).forward_bearer(true).build().unwrap());
    assert_eq!(ask(&app, "/me", &bob).await.json()["id"], "bob");
    let asked = anchor.asked().pop().unwrap();
    assert_eq!((asked.header("authorization"), asked.header("cookie")), (Some("Bearer bob"), None));
    let jwt = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.";
    for bad in ["Bearer gone", "Bearer", "Bearer a b", jwt] {
        for path in ["/me", "/feed"] {
            let answer = ask(&app, path, &[("authorization", bad), ("cookie", COOKIE)]).await;
            assert_eq!(answer.refusal(), refused(401, "invalid_bearer"), "{bad} {path}");
        }
    }
    anchor.session(Behaviour::status(401));
    assert_eq!(ask(&app, "/feed", &bob).await.refusal(), refused(401, "invalid_bearer"));
    anchor.session(Behaviour::status(500));
    assert_eq!(ask(&app, "/feed", &bob).await.refusal(), refused(503, "anchor_unavailable"));
}

#[tokio::test]
async fn a_role_lets_its_holders_and_administrators_pass() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let report = async |token: &str| {
        let cookie = format!("better-auth.session_token={token}.sig%3D");
        ask(&app, "/report", &[("cookie", &cookie)]).await
    };
    assert_eq!(report("gone").await.refusal(), refused(401, "unauthorized"));
    assert_eq!(report("ann").await.refusal(), refused(403, "permission_denied"));
    assert_eq!(report("bob").await.json()["id"], "bob");
    assert_eq!(report("root").await.json()["id"], "root");
}

#[test]
fn an_anchor_with_an_unusable_url_name_secret_or_timeout_is_not_built() {
    for url in
        ["", "id.example.com", "ftp://id.example.com", "http://user:pw@id.example.com", "http://id.example.com/?x=1"]
    {
        assert!(TrustAnchor::builder(url).build().is_err(), "{url}");
    }
    let anchor = || TrustAnchor::builder("http://id.example.com");
    for (name, secret) in
        [("", "s"), ("a.b", "s"), ("Wallet", "s"), ("wallet", ""), ("wallet", "a b"), ("wallet", "a\r\nb")]
    {
        assert!(anchor().service(name, secret).build().is_err(), "{name} {secret}");
    }
    assert!(anchor().timeout(Duration::ZERO).build().is_err());
    let built = anchor().service("wallet", "hush-hush").build().unwrap();
    assert!(!format!("{built:?} {:?}", anchor().service("wallet", "hush-hush")).contains("hush"));
}
