//! Guessing passwords: how fast, from where, at whom, and what the answers tell.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use identity_tests::{Actor, Reply, TestApp, race};
use serde_json::{Value, json};

use crate::better_auth::link_provider;

/// Wrong passwords of one account that are looked at before there is a pause.
const GUESSES: usize = 5;

async fn app() -> Arc<TestApp> {
    let builder = TestApp::builder().config(|config| {
        config.limits.enabled = true;
        config.password.queue_wait = Duration::from_mins(1);
    });
    Arc::new(builder.start().await)
}

/// The person at a network that nobody else is at.
fn elsewhere(actor: &Actor, number: usize) -> Actor {
    let number = u32::try_from(number).unwrap();
    let (high, low) = (u16::try_from(number >> 16).unwrap(), u16::try_from(number & 0xffff).unwrap());
    actor.at_another_browser().from_ip(Ipv6Addr::new(0x2001, 0xdb8, high, low, 0, 0, 0, 1))
}

async fn guesses(actor: &Actor, password: &str) -> Reply {
    actor.post("/sign-in/email", json!({ "email": actor.email, "password": password })).await
}

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// Case 23: a burst of guesses is not judged before the first of them is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_guesses_at_once_five_are_looked_at_and_the_right_one_behind_them_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    let burst = async |from: usize, count: usize, right: Option<usize>| {
        race(count, |index| {
            let guesser = elsewhere(&alice, from + index);
            let right = right.is_some_and(|right| right == from + index);
            let password = if right { alice.password.clone() } else { format!("wrong password {index}") };
            async move { guesses(&guesser, &password).await }
        })
        .await
    };
    let hashed = app.identity.passwords_hashed();
    let first = burst(0, 149, None).await;
    let rest = burst(149, 51, Some(150)).await;
    assert_eq!((count(&first, 401), count(&first, 429)), (GUESSES, 149 - GUESSES));
    assert_eq!((count(&rest, 200), count(&rest, 429)), (0, 51));
    assert_eq!(app.identity.passwords_hashed() - hashed, GUESSES as u64);
    // All at once, the right one may be among the first five, and then it is one of them.
    app.pass(Duration::from_hours(1));
    let hashed = app.identity.passwords_hashed();
    let all = burst(1000, 200, Some(1150)).await;
    let judged = count(&all, 200) + count(&all, 401);
    assert!(judged >= 1 && count(&all, 429) == 200 - judged, "{judged} were looked at");
    assert!(count(&all, 200) == 1 || judged == GUESSES, "{judged} were looked at");
    assert_eq!(app.identity.passwords_hashed() - hashed, judged as u64);
}

/// Case 49: whoever is no trusted proxy cannot choose the address it is counted by.
#[tokio::test]
async fn headers_of_strangers_that_name_an_address_do_not_get_around_the_limit() {
    let app = app().await;
    let alice = app.user("alice").await.at_another_browser().from_ip([203, 0, 113, 9]);
    let mut replies = Vec::new();
    for number in 0..200_u8 {
        let lie = format!("198.51.100.{number}");
        let name = ["x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip", "forwarded"];
        let name = name[usize::from(number) % name.len()];
        let value = if name == "forwarded" { format!("for={lie}") } else { lie };
        let body = json!({ "email": alice.email, "password": "a wrong password" });
        replies.push(alice.send(alice.request(Method::POST, "/sign-in/email").header(name, value).json(&body)).await);
    }
    assert_eq!((count(&replies, 401), count(&replies, 429)), (3, 197));
    let all = ["x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip"];
    let call = alice.request(Method::POST, "/sign-in/email").json(&json!({}));
    let call = all.iter().fold(call, |call, name| call.header(*name, "192.0.2.200"));
    assert_eq!(alice.send(call).await.status, 429, "nor do all of them together");
}

/// Case 50: the addresses of one customer, however they are written, are one client.
#[tokio::test]
async fn two_hundred_addresses_of_one_network_and_all_spellings_of_one_address_are_one_client() {
    let builder = TestApp::builder().config(|config| {
        config.limits.enabled = true;
        config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let app = builder.start().await;
    let visitor = app.actor("visitor");
    let mut replies = Vec::new();
    for number in 0..200_u64 {
        let host = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let ip = Ipv6Addr::from_bits(0x2001_0db8_0001_0002_u128 << 64 | u128::from(host));
        replies.push(guesses(&visitor.from_ip(ip), "a wrong password").await);
    }
    assert_eq!((count(&replies, 401), count(&replies, 429)), (3, 197));
    let proxy = visitor.from_ip([10, 0, 0, 1]);
    let behind = async |written: &str| {
        let call = proxy.request(Method::POST, "/sign-in/email").header("x-forwarded-for", written);
        proxy.send(call.json(&json!({}))).await.status.as_u16()
    };
    let spellings = [
        ["2001:db8:5:6::1", "2001:0DB8:0005:0006:0000:0000:0000:0002", "[2001:db8:5:6::3]:4711", "2001:db8:5:6:0::4"],
        ["1.2.3.4", "::ffff:1.2.3.4", "::FFFF:102:304", "0:0:0:0:0:ffff:1.2.3.4"],
        ["5.6.7.8:1234", "[::ffff:5.6.7.8]:80", "::ffff:506:708", "5.6.7.8"],
    ];
    for [first, second, third, fourth] in spellings {
        let seen = [behind(first).await, behind(second).await, behind(third).await, behind(fourth).await];
        assert_eq!(seen, [400, 400, 400, 429], "{first}");
        let mapped: IpAddr = "::ffff:1.2.3.4".parse().unwrap();
        if first == "1.2.3.4" {
            assert_eq!(guesses(&visitor.from_ip(mapped), "a wrong password").await.status, 429, "a mapped connection");
        }
    }
}

/// Case 51: an account has one count, whichever way its address is written.
#[tokio::test]
async fn another_spelling_of_the_address_brings_no_more_guesses() {
    let app = app().await;
    let alice = app.user("alice").await;
    let spellings = [
        "alice@example.test",
        "ALICE@EXAMPLE.TEST",
        "Alice@example.test",
        "alice@Example.Test",
        "aLICE@eXAMPLE.tEST",
        " alice@example.test",
        "alice@example.test ",
        "alice@example.test\u{200b}",
        "\u{ff41}lice@example.test",
        "al\u{131}ce@example.test",
        "alice@example.test.",
        "ali\u{441}e@example.test",
    ];
    let mut replies = Vec::new();
    for (number, email) in spellings.iter().cycle().take(60).enumerate() {
        let mut guesser = elsewhere(&alice, number);
        (*email).clone_into(&mut guesser.email);
        replies.push(guesses(&guesser, "a wrong password").await);
    }
    assert_eq!(count(&replies, 401), GUESSES, "looked at");
    assert_eq!(count(&replies, 400), 35, "no address");
    assert_eq!(count(&replies, 429), 20, "refused");
    // A tag makes another address, and so another account.
    let mut tagged = elsewhere(&alice, 100);
    tagged.email = "alice+tag@example.test".to_owned();
    guesses(&tagged, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(guesses(&elsewhere(&alice, 101), &alice.password).await.status, 429);
}

/// Case 52: a storm of wrong passwords from everywhere does not keep the owner out, and nobody else either.
#[tokio::test]
async fn a_storm_on_an_account_never_delays_its_owner_at_home_nor_anybody_for_longer_than_the_pause() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let _ = alice.signs_out().await.expect(200);
    let mut longest = 0;
    for round in 0..25 {
        for number in 0..40 {
            let stranger = elsewhere(&alice, round * 40 + number);
            let reply = guesses(&stranger, "a wrong password").await;
            assert!([401, 429].contains(&reply.status.as_u16()), "{}", reply.text());
            if let Some(wait) = reply.header("retry-after") {
                assert_eq!(reply.header("x-retry-after"), Some(wait));
                longest = longest.max(wait.parse().unwrap());
            }
        }
        app.pass(Duration::from_secs(longest));
        guesses(&elsewhere(&alice, 5000 + round), "a wrong password")
            .await
            .expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
        // At once, from where the account was opened before, in whichever browser.
        let _ = alice.at_another_browser().signs_in().await.expect(200);
        let _ = elsewhere(&bob, 6000 + round).signs_in().await.expect(200);
    }
    assert_eq!(longest, 900, "the pause has grown as long as it gets");
    let abroad = elsewhere(&alice, 9000);
    let refused = guesses(&abroad, &alice.password).await;
    refused.expect_error(429, "TOO_MANY_REQUESTS");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(wait <= 900, "{wait}");
    app.pass(Duration::from_secs(wait));
    let _ = guesses(&abroad, &alice.password).await.expect(200);
}

/// Case 52: the owner's own network has no more guesses than others have.
#[tokio::test]
async fn guesses_from_a_known_network_are_paused_like_those_of_strangers_and_apart_from_them() {
    let app = app().await;
    let alice = app.user("alice").await.at_another_browser();
    let _ = elsewhere(&alice, 1).signs_in().await.expect(200);
    for _ in 0..GUESSES {
        guesses(&alice, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
        app.pass(Duration::from_secs(10));
    }
    for _ in 0..GUESSES {
        app.pass(Duration::from_secs(20));
        guesses(&alice, "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    let refused = guesses(&alice, &alice.password).await;
    assert_eq!(refused.header("retry-after"), Some("32"));
    // Neither another network that is known, nor strangers, have to wait for it.
    let _ = elsewhere(&alice, 1).signs_in().await.expect(200);
    let _ = elsewhere(&alice, 2).signs_in().await.expect(200);
    assert_eq!(guesses(&alice, &alice.password).await.status, 429, "nor do they end it");
    app.pass(Duration::from_secs(32));
    let _ = alice.signs_in().await.expect(200);
}

/// Case 52: who resets the password gets in at once, and whoever knew the old one is a stranger.
#[tokio::test]
async fn a_reset_lets_its_browser_in_during_a_storm_and_makes_strangers_of_all_others() {
    let app = app().await;
    let mut alice = app.user("alice").await;
    let thief = elsewhere(&alice, 1);
    let _ = thief.signs_in().await.expect(200);
    let storm = async |from: usize| {
        for number in from..from + 20 {
            let _ = guesses(&elsewhere(&alice, number), "a wrong password").await;
        }
    };
    storm(100).await;
    let owner = elsewhere(&alice, 2);
    let _ = owner.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let letter = app.letter_to(&alice.email, 0).await;
    let body = json!({ "newPassword": "another password", "token": letter.token() });
    let _ = owner.post("/reset-password", body).await.expect(200);
    assert_eq!(guesses(&thief, "a wrong password").await.status, 429);
    alice.password = "another password".to_owned();
    let _ = guesses(&owner, &alice.password).await.expect(200);
}

/// Case 53: every way in which a sign-in fails costs one hash and gives one answer.
#[tokio::test]
async fn every_failed_sign_in_hashes_once_and_answers_alike() {
    let app = TestApp::builder().config(|config| config.password.permits = Some(4)).start().await;
    let people = ["existing", "social", "banned", "unverified", "imported", "unreadable"];
    for name in people {
        let _ = app.user(name).await;
    }
    let change = async |sql: String| assert!(app.database().change(&sql).await > 0, "{sql}");
    let id = |name: &str| format!("(SELECT id FROM identity_users WHERE email = '{name}@example.test')");
    link_provider(&app, "github").await;
    change(format!("DELETE FROM identity_accounts WHERE provider_id = 'credential' AND user_id = {}", id("social")))
        .await;
    change(format!("UPDATE identity_users SET banned = TRUE WHERE id = {}", id("banned"))).await;
    change("UPDATE identity_users SET email_verified = TRUE WHERE email NOT LIKE 'unverified%'".to_owned()).await;
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
    for (name, hash) in [("imported", bcrypt), ("unreadable", "$unheard$of")] {
        change(format!("UPDATE identity_accounts SET password_hash = '{hash}' WHERE user_id = {}", id(name))).await;
    }
    let mut answers = Vec::new();
    for name in people.into_iter().chain(["unknown"]) {
        for number in 0..30 {
            let guesser = app.actor(name);
            let hashed = app.identity.passwords_hashed();
            let reply = guesses(&guesser, &format!("a wrong password {number}")).await;
            assert_eq!(app.identity.passwords_hashed() - hashed, 1, "{name}");
            let mut headers: Vec<(String, Vec<u8>)> =
                reply.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
            headers.sort();
            answers.push((reply.status, headers, reply.json()));
        }
    }
    let (status, headers, body) = &answers[0];
    assert_eq!((status.as_u16(), &body["code"]), (401, &Value::from("INVALID_EMAIL_OR_PASSWORD")));
    assert!(!headers.iter().any(|(name, _)| name == "set-cookie"));
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}
