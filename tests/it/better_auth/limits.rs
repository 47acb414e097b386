use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use identity_core::config::ProvisioningTarget;
use identity_tests::{Actor, Reply, TestApp};
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn app() -> TestApp {
    TestApp::builder().config(|config| config.limits.enabled = true).start().await
}

#[track_caller]
fn refused(reply: &Reply, seconds: u64) {
    reply.expect_error(429, "TOO_MANY_REQUESTS");
    let wait = seconds.to_string();
    assert_eq!((reply.header("retry-after"), reply.header("x-retry-after")), (Some(&*wait), Some(&*wait)));
}

/// Guesses a password from an address that nobody has used yet, so that only the account is counted.
async fn guesses(actor: &Actor, number: u16, password: &str) -> Reply {
    let network = Ipv6Addr::new(0x2001, 0xdb8, 1, number, 0, 0, 0, 1);
    let body = json!({ "email": actor.email, "password": password });
    actor.at_another_browser().from_ip(network).post("/sign-in/email", body).await
}

#[tokio::test]
async fn each_action_has_its_own_allowance_per_address() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let (in_ten_seconds, in_a_minute) = (4, 20);
    let actions = [
        ("/sign-in/email", 3, in_ten_seconds),
        ("/sign-up/email", 3, in_ten_seconds),
        ("/change-password", 3, in_ten_seconds),
        ("/change-email", 3, in_ten_seconds),
        ("/reset-password", 3, in_ten_seconds),
        ("/request-password-reset", 3, in_a_minute),
        ("/send-verification-email", 3, in_a_minute),
        ("/email-otp/send-verification-otp", 3, in_a_minute),
        ("/email-otp/verify-email", 3, in_a_minute),
        ("/update-user", 100, 1),
    ];
    for (path, allowed, wait) in actions {
        for number in 0..allowed {
            let reply = visitor.post(path, json!({})).await;
            assert_ne!(reply.status, 429, "{path} number {number}");
        }
        refused(&visitor.post(path, json!({})).await, wait);
        // Also before the origin, the body and the redirects are looked at.
        let evil = visitor.request(Method::POST, path).header("origin", "https://evil.test").body("{");
        refused(&visitor.send(evil).await, wait);
        let elsewhere = visitor.from_ip([192, 0, 2, 1]);
        assert_ne!(elsewhere.post(path, json!({})).await.status, 429, "{path} from elsewhere");
        app.pass(Duration::from_secs(wait));
        assert_ne!(visitor.post(path, json!({})).await.status, 429, "{path} after the pause");
        if allowed == 3 {
            assert_eq!(visitor.post(path, json!({})).await.status, 429, "{path} is allowed one at a time");
        }
    }
}

#[tokio::test]
async fn endpoints_that_do_the_same_share_an_allowance() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let shared: [&[(&str, &str)]; 2] = [
        &[("POST", "/request-password-reset"), ("POST", "/forget-password")],
        &[
            ("POST", "/change-password"),
            ("POST", "/set-password"),
            ("POST", "/verify-password"),
            ("POST", "/delete-user"),
            ("DELETE", "/account"),
        ],
    ];
    for group in shared {
        let send = async |&(method, path): &(&str, &str)| {
            visitor.send(visitor.request(method.parse().unwrap(), path).json(&json!({}))).await
        };
        for endpoint in group.iter().cycle().take(3) {
            assert_ne!(send(endpoint).await.status, 429, "{endpoint:?}");
        }
        for endpoint in group {
            assert_eq!(send(endpoint).await.status, 429, "{endpoint:?}");
        }
    }
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_customer_count_as_one_and_a_mapped_address_as_ipv4() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let ask = async |ip: &str| {
        let ip: IpAddr = ip.parse().unwrap();
        visitor.from_ip(ip).post("/sign-in/email", json!({})).await.status.as_u16()
    };
    for ip in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2:0:0:0:3"] {
        assert_eq!(ask(ip).await, 400);
    }
    assert_eq!(ask("2001:db8:1:2:aaaa:bbbb:cccc:dddd").await, 429);
    assert_eq!(ask("2001:db8:1:3::1").await, 400);
    for ip in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"] {
        assert_eq!(ask(ip).await, 400);
    }
    assert_eq!((ask("::ffff:192.0.2.1").await, ask("192.0.2.1").await), (429, 429));
    assert_eq!(ask("192.0.2.2").await, 400);
}

#[tokio::test]
async fn asking_for_a_live_session_is_free_and_asking_for_none_is_not() {
    let app = app().await;
    let (alice, visitor) = (app.user("alice").await, app.actor("visitor"));
    for _ in 0..150 {
        let _ = alice.get("/get-session").await.expect(200);
    }
    for _ in 0..100 {
        assert_eq!(visitor.session().await, Value::Null);
    }
    refused(&visitor.get("/get-session").await, 1);
    let guess = visitor.request(Method::GET, "/get-session").header("cookie", "better-auth.session_token=a.b");
    refused(&visitor.send(guess).await, 1);
    assert!(alice.is_signed_in().await, "from the same address");
}

#[tokio::test]
async fn behind_a_trusted_proxy_its_clients_are_told_apart() {
    let builder = TestApp::builder().config(|config| {
        config.limits.enabled = true;
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let app = builder.start().await;
    let visitor = app.actor("visitor").from_ip([10, 0, 0, 1]);
    let ask = async |from: &Actor, forwarded: &str| {
        let call = from.request(Method::POST, "/sign-in/email").header("x-forwarded-for", forwarded);
        from.send(call.json(&json!({}))).await.status.as_u16()
    };
    for forwarded in ["192.0.2.1", "6.6.6.6, 192.0.2.1", "192.0.2.1, 10.9.9.9"] {
        assert_eq!(ask(&visitor, forwarded).await, 400);
    }
    assert_eq!(ask(&visitor, "7.7.7.7, 192.0.2.1").await, 429, "what a client wrote itself counts for nothing");
    assert_eq!(ask(&visitor, "192.0.2.2").await, 400);
    // Whoever comes from elsewhere is no proxy.
    let liar = visitor.from_ip([203, 0, 113, 9]);
    for number in 0..3 {
        assert_eq!(ask(&liar, &format!("192.0.2.{number}")).await, 400);
    }
    assert_eq!(ask(&liar, "192.0.2.99").await, 429);
    // The session remembers the client and not the proxy.
    let alice = app.actor("alice").from_ip([10, 0, 0, 1]);
    let body = json!({ "name": "alice", "email": alice.email, "password": alice.password });
    let call = alice.request(Method::POST, "/sign-up/email").header("x-forwarded-for", "192.0.2.77").json(&body);
    let _ = alice.send(call).await.expect(200);
    assert_eq!(alice.session().await["session"]["ipAddress"], "192.0.2.77");
}

#[tokio::test]
async fn wrong_passwords_of_one_account_cost_a_growing_pause_and_never_a_lock() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    for number in 1..=5 {
        guesses(&alice, number, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    refused(&guesses(&alice, 6, &alice.password).await, 1);
    let _ = guesses(&bob, 7, &bob.password).await.expect(200);
    let mut pauses = Vec::new();
    for number in 10..25 {
        let reply = guesses(&alice, number, "a wrong password").await;
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        refused(&reply, wait);
        pauses.push(wait);
        app.pass(Duration::from_secs(wait));
        guesses(&alice, number + 100, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    assert_eq!(pauses[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    assert_eq!(pauses.last(), Some(&900), "never longer than a quarter of an hour");
    app.pass(Duration::from_secs(899));
    refused(&guesses(&alice, 200, &alice.password).await, 1);
    app.pass(Duration::from_secs(1));
    let _ = guesses(&alice, 201, &alice.password).await.expect(200);
    // The right password starts the count again.
    for number in 300..305 {
        guesses(&alice, number, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
}

#[tokio::test]
async fn guessing_at_an_account_that_is_not_there_is_paused_alike() {
    let app = app().await;
    let nobody = app.actor("nobody");
    for number in 1..=5 {
        guesses(&nobody, number, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    refused(&guesses(&nobody, 6, "a wrong password").await, 1);
}

#[tokio::test]
async fn passwords_are_guessed_no_faster_within_a_session() {
    let app = app().await;
    let alice = app.user("alice").await;
    let from = |number: u16| alice.from_ip(Ipv6Addr::new(0x2001, 0xdb8, 2, number, 0, 0, 0, 1));
    let new = "another password";
    let wrong = "a wrong password";
    let tries = [
        ("/verify-password", json!({ "password": wrong })),
        ("/change-password", json!({ "currentPassword": wrong, "newPassword": new })),
        ("/delete-user", json!({ "password": wrong })),
    ];
    for (number, (path, body)) in (1..).zip(tries.iter().cycle().take(5)) {
        from(number).post(path, body.clone()).await.expect_error(400, "INVALID_PASSWORD");
    }
    for (number, (path, body)) in (10..).zip(&tries) {
        refused(&from(number).post(path, body.clone()).await, 1);
    }
    refused(&guesses(&alice, 20, &alice.password).await, 1);
    app.pass(Duration::from_secs(1));
    let _ = from(30).post("/verify-password", json!({ "password": alice.password })).await.expect(200);
}

#[tokio::test]
async fn an_hour_without_a_wrong_password_is_forgiven() {
    let app = app().await;
    let alice = app.user("alice").await;
    for round in 0..2 {
        for number in 1..=5 {
            let reply = guesses(&alice, round * 100 + number, "a wrong password").await;
            reply.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
        }
        app.pass(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn a_service_that_proves_its_name_is_not_counted() {
    let builder = TestApp::builder().config(|config| {
        config.limits.enabled = true;
        let secret = "the-secret-of-the-wallet".into();
        config.provisioning.push(ProvisioningTarget { name: "wallet".to_owned(), secret });
    });
    let app = builder.start().await;
    let visitor = app.actor("wallet");
    let call =
        |credential: &str| visitor.request(Method::GET, "/get-session").header("x-service-authorization", credential);
    for _ in 0..110 {
        let _ = visitor.send(call("Bearer wallet.the-secret-of-the-wallet")).await.expect(200);
    }
    assert_eq!(visitor.session().await, Value::Null);
}

#[tokio::test]
async fn where_limits_are_switched_off_nothing_is_counted() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for number in 1..=20 {
        guesses(&alice, number, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    for _ in 0..20 {
        let _ = alice.signs_in().await.expect(200);
    }
}

#[tokio::test]
async fn without_connection_information_every_call_fails_instead_of_sharing_one_limit() {
    for app in [TestApp::start().await, app().await] {
        for path in ["/api/auth/ok", "/api/auth/get-session"] {
            let request = Request::get(path).header("host", "localhost:8888").body(Body::empty()).unwrap();
            let response = app.router().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 500, "{path}");
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "INTERNAL_SERVER_ERROR", "{path}");
        }
    }
}
