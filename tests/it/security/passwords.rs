//! Passwords: what is taken for one, what it is compared with, and what it costs.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::CONTENT_TYPE;
use identity_tests::{Actor, Reply, TestApp, race};
use serde_json::{Value, json};

/// Case 16: a session alone changes no password; it takes the password itself, and the user's own.
#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_by_nobody_else() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let wrong = [
        None,
        Some(json!("")),
        Some(json!(null)),
        Some(json!(bob.password)),
        Some(json!([alice.password])),
        Some(json!({ "toString": alice.password })),
        Some(json!(true)),
        Some(json!(format!("{} ", alice.password))),
        Some(json!(alice.password.to_uppercase())),
        Some(json!("x".repeat(129))),
    ];
    for current in wrong {
        let mut change = json!({ "newPassword": "another password" });
        let mut confirm = json!({});
        if let Some(current) = &current {
            change["currentPassword"] = current.clone();
            confirm["password"] = current.clone();
        }
        let reply = alice.post("/change-password", change).await;
        assert!([400, 401].contains(&reply.status.as_u16()), "{current:?}: {}", reply.text());
        let reply = alice.post("/verify-password", confirm.clone()).await;
        assert!([400, 401].contains(&reply.status.as_u16()), "{current:?}: {}", reply.text());
        if current.is_some() {
            let reply = alice.post("/delete-user", confirm).await;
            assert_eq!(reply.status, 400, "{current:?}: {}", reply.text());
        }
    }
    alice
        .post("/set-password", json!({ "newPassword": "another password" }))
        .await
        .expect_error(400, "PASSWORD_ALREADY_SET");
    let _ = alice.at_another_browser().signs_in().await.expect(200);
    let _ = bob.at_another_browser().signs_in().await.expect(200);
}

async fn reset_token(app: &TestApp, actor: &Actor, index: usize) -> String {
    let _ = actor.post("/request-password-reset", json!({ "email": actor.email })).await.expect(200);
    app.letter_to(&actor.email, index).await.token()
}

/// Case 77: a password that is too long is refused before anything is hashed, and one that is far too long is not even read.
#[tokio::test]
async fn the_length_of_a_password_is_bounded_before_it_costs_anything() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let token = reset_token(&app, &alice, 0).await;
    let bodies = |password: &str| -> [(&'static str, Value); 7] {
        [
            ("/sign-in/email", json!({ "email": alice.email, "password": password })),
            ("/sign-up/email", json!({ "name": "x", "email": "new@example.test", "password": password })),
            ("/reset-password", json!({ "newPassword": password, "token": token })),
            ("/change-password", json!({ "newPassword": password, "currentPassword": alice.password })),
            ("/change-password", json!({ "newPassword": "another password", "currentPassword": password })),
            ("/verify-password", json!({ "password": password })),
            ("/delete-user", json!({ "password": password })),
        ]
    };
    let hashed = app.identity.passwords_hashed();
    for (length, status) in [(129, 400), (1024, 400), (60 * 1024, 400), (64 * 1024, 413), (1024 * 1024, 413)] {
        for (path, body) in bodies(&"x".repeat(length)) {
            let reply = alice.post(path, body).await;
            assert_eq!(reply.status.as_u16(), status, "{path} with {length}: {}", reply.text());
        }
    }
    let huge = format!("{{\"email\":\"{}\",\"password\":\"{}\"}}", alice.email, "x".repeat(50 * 1024 * 1024));
    let call = alice.request(Method::POST, "/sign-in/email").header(CONTENT_TYPE, "application/json").body(huge);
    alice.send(call).await.expect_error(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(app.identity.passwords_hashed(), hashed);
    // The longest one is a password like any other.
    let longest = "ü".repeat(128);
    let _ = alice.post("/reset-password", json!({ "newPassword": longest, "token": token })).await.expect(200);
    let _ = alice.post("/sign-in/email", json!({ "email": alice.email, "password": longest })).await.expect(200);
    let cut: String = longest.chars().take(127).collect();
    let reply =
        alice.at_another_browser().post("/sign-in/email", json!({ "email": alice.email, "password": cut })).await;
    reply.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
}

/// Case 78: a password counts as it was written, under the documented normal form (NFKC).
#[tokio::test]
async fn a_password_is_not_trimmed_folded_or_cut() {
    let app = TestApp::start().await;
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "  two spaces around  ",
            &[],
            &["two spaces around", "  two spaces around", "two spaces around  ", "  Two spaces around  "],
        ),
        ("tab\tand line\nbreak", &[], &["tab and line break", "tab\tand line\n", "tabandlinebreak"]),
        ("Straße, bitte", &[], &["Strasse, bitte", "STRASSE, BITTE", "straße, bitte", "Stra\u{1e9e}e, bitte"]),
        (
            "\u{1f469}\u{200d}\u{1f680} to the moon",
            &[],
            &["\u{1f469}\u{1f680} to the moon", "\u{1f469} to the moon", " to the moon"],
        ),
        ("pa\u{308}ssword \u{fb01}ne", &["p\u{e4}ssword fine"], &["password fine", "P\u{e4}ssword fine"]),
        ("i\u{307}stanbul \u{131}zmir", &[], &["istanbul izmir", "İstanbul ızmir", "istanbul \u{131}zmir"]),
    ];
    for (number, (password, same, others)) in cases.into_iter().enumerate() {
        let mut actor = app.actor(&format!("user{number}"));
        password.clone_into(&mut actor.password);
        let _ = actor.signs_up().await.expect(200);
        for (typed, status) in
            [password].iter().chain(same).map(|typed| (typed, 200)).chain(others.iter().map(|typed| (typed, 401)))
        {
            let body = json!({ "email": actor.email, "password": typed });
            let reply = actor.at_another_browser().post("/sign-in/email", body).await;
            assert_eq!(reply.status.as_u16(), status, "{password:?} typed as {typed:?}");
        }
    }
}

fn told_when(reply: &Reply) -> bool {
    reply.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|wait| wait > 0))
}

/// Case 79: while the room for hashing is full, what needs none of it is answered, and the rest is told when to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_sign_ins_takes_no_more_memory_than_there_are_permits() {
    const PERMITS: u64 = 2;
    const MIB: u64 = 1024 * 1024;
    let builder = identity_tests::Server::builder()
        .env("IDENTITY_LIMITS__ENABLED", "false")
        .env("IDENTITY_PASSWORD__PERMITS", PERMITS.to_string());
    let server = Arc::new(builder.start().await);
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    // Connections cost memory too: the same number of them, without a hash, is what to compare with.
    let visitor = server.actor("visitor");
    let idle = race(500, |_| {
        let visitor = visitor.at_another_browser();
        async move { visitor.get("/ok").await.status.as_u16() }
    });
    assert!(idle.await.iter().all(|status| *status == 200));
    let base = server.peak_memory();
    let replies = race(550, |number| {
        let (alice, visitor) = (alice.clone(), visitor.at_another_browser());
        async move {
            if number % 11 == 10 {
                return (true, alice.get("/get-session").await);
            }
            let email = format!("somebody{number}@example.test");
            (false, visitor.post("/sign-in/email", json!({ "email": email, "password": "a wrong password" })).await)
        }
    })
    .await;
    let (reads, sign_ins): (Vec<_>, Vec<_>) = replies.into_iter().partition(|(read, _)| *read);
    assert_eq!((reads.len(), sign_ins.len()), (50, 500));
    for (_, reply) in &reads {
        assert!(reply.status == 200 && reply.json() != Value::Null, "{} {}", reply.status, reply.text());
    }
    let refused: Vec<_> = sign_ins.iter().map(|(_, reply)| reply).filter(|reply| reply.status == 503).collect();
    assert!(!refused.is_empty() && refused.len() < 500, "{} of 500 were refused", refused.len());
    assert!(refused.iter().all(|reply| told_when(reply)));
    let judged = sign_ins.iter().filter(|(_, reply)| reply.status == 401).count();
    assert_eq!(judged + refused.len(), 500);
    if let (Some(base), Some(peak)) = (base, server.peak_memory()) {
        let more = (peak - base) / MIB;
        assert!(peak - base <= PERMITS * 20 * MIB + 24 * MIB, "{more} MiB more than before");
    }
    let asked = std::time::Instant::now();
    while alice.signs_in().await.status != 200 {
        assert!(asked.elapsed() < Duration::from_secs(20), "the room is free again");
    }
}
