//! Limits that several processes share through the database.

use std::fmt::Write as _;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use identity_core::config::Config;
use identity_tests::{Actor, Reply, TestApp, race};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const MANY: usize = 50;

fn limited(config: &mut Config) {
    config.limits.enabled = true;
    config.password.queue_wait = Duration::from_mins(1);
}

/// Two processes over one database.
async fn nodes() -> [Arc<TestApp>; 2] {
    let first = TestApp::builder().config(limited).start().await;
    let second = TestApp::builder().config(limited).beside(&first).start().await;
    [Arc::new(first), Arc::new(second)]
}

/// The same person at another node and at a network of their own.
fn at(node: &TestApp, actor: &Actor, number: usize) -> Actor {
    let number = u16::try_from(number).unwrap();
    node.actor(&actor.name).from_ip(Ipv6Addr::new(0x2001, 0xdb8, 9, number, 0, 0, 0, 1))
}

async fn guesses(actor: &Actor, password: &str) -> Reply {
    actor.post("/sign-in/email", json!({ "email": actor.email, "password": password })).await
}

fn count(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

/// The paths whose calls all processes count together, with how many are allowed at once.
const TOGETHER: [&str; 7] = [
    "/sign-in/email",
    "/sign-up/email",
    "/reset-password",
    "/request-password-reset",
    "/send-verification-email",
    "/email-otp/send-verification-otp",
    "/email-otp/verify-email",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_calls_at_once_at_two_nodes_exactly_as_many_pass_as_are_allowed() {
    let nodes = nodes().await;
    for path in TOGETHER {
        let replies = race(MANY, |number| {
            let visitor = nodes[number % 2].actor("visitor");
            async move { visitor.post(path, json!({})).await }
        })
        .await;
        assert_eq!(count(&replies, 429), MANY - 3, "{path}");
        assert!(replies.iter().all(|reply| reply.status.is_client_error()), "{path}");
    }
}

#[tokio::test]
async fn a_call_at_one_node_is_remembered_at_the_other_with_the_time_to_wait() {
    let nodes = nodes().await;
    let wait = async |node: &TestApp| {
        let reply = node.actor("visitor").post("/sign-in/email", json!({})).await;
        reply.header("retry-after").map(|wait| (reply.status, wait.to_owned()))
    };
    for node in [&nodes[0], &nodes[1], &nodes[0]] {
        assert_eq!(wait(node).await, None);
    }
    let refused = |seconds: &str| Some((StatusCode::TOO_MANY_REQUESTS, seconds.to_owned()));
    assert_eq!((wait(&nodes[0]).await, wait(&nodes[1]).await), (refused("4"), refused("4")));
    nodes[0].pass(Duration::from_millis(1500));
    assert_eq!(wait(&nodes[1]).await, refused("2"), "refusals cost nothing");
    nodes[0].pass(Duration::from_millis(1833));
    assert_eq!(wait(&nodes[1]).await, refused("1"), "a moment too early");
    nodes[0].pass(Duration::from_millis(1));
    assert_eq!(wait(&nodes[1]).await, None);
    assert_eq!(wait(&nodes[0]).await, refused("4"));
}

#[tokio::test]
async fn a_restart_forgets_no_limit() {
    let first = TestApp::builder().config(limited).start().await;
    let alice = first.user("alice").await;
    for number in 0..5 {
        guesses(&at(&first, &alice, number), "a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    for _ in 0..3 {
        let _ = first.actor("visitor").post("/request-password-reset", json!({})).await.expect(400);
    }
    let again = TestApp::builder().config(limited).beside(&first).start().await;
    drop(first);
    assert_eq!(guesses(&at(&again, &alice, 5), &alice.password).await.status, 429);
    assert_eq!(again.actor("visitor").post("/request-password-reset", json!({})).await.status, 429);
    let _ = at(&again, &alice, 6).from_ip([127, 0, 0, 1]).signs_in().await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_two_nodes_at_once_share_one_count() {
    let nodes = nodes().await;
    let alice = nodes[0].user("alice").await;
    let replies = race(MANY, |number| {
        let guesser = at(&nodes[number % 2], &alice, number);
        async move { guesses(&guesser, "a wrong password").await }
    })
    .await;
    assert_eq!((count(&replies, 401), count(&replies, 429)), (5, MANY - 5));
    for (number, node) in (100..).zip(&nodes) {
        let refused = guesses(&at(node, &alice, number), &alice.password).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    }
    nodes[1].pass(Duration::from_secs(1));
    let replies = race(MANY, |number| {
        let guesser = at(&nodes[number % 2], &alice, 200 + number);
        async move { guesses(&guesser, "a wrong password").await }
    })
    .await;
    assert_eq!((count(&replies, 401), count(&replies, 429)), (1, MANY - 1), "one after the pause");
    let refused = guesses(&at(&nodes[0], &alice, 300), &alice.password).await;
    assert_eq!(refused.header("retry-after"), Some("2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_that_are_cut_short_cost_no_more_than_the_pause() {
    let [crashed, node] = nodes().await;
    let alice = crashed.user("alice").await;
    let mut tasks = JoinSet::new();
    for number in 0..MANY {
        let guesser = at(&crashed, &alice, number);
        tasks.spawn(async move { guesses(&guesser, "a wrong password").await });
    }
    let _ = tasks.join_next().await;
    tasks.shutdown().await;
    drop(crashed);
    let mut late = guesses(&at(&node, &alice, 100), &alice.password).await;
    if late.status == 429 {
        assert_eq!(late.header("retry-after"), Some("1"));
        node.pass(Duration::from_secs(1));
        late = guesses(&at(&node, &alice, 101), &alice.password).await;
    }
    let _ = late.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_password_that_nobody_had_time_to_check_is_not_held_against_the_account() {
    let builder = TestApp::builder().config(|config| {
        config.limits.enabled = true;
        config.password.permits = Some(1);
        config.password.queue_wait = Duration::ZERO;
        config.password.argon2_memory = 64 << 10;
    });
    let app = Arc::new(builder.start().await);
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (mut turned_away, mut number) = (0, 0);
    while turned_away < 10 {
        let busy = at(&app, &bob, 1000 + number);
        let mut holding = JoinSet::new();
        holding.spawn(async move { busy.signs_in().await });
        while holding.try_join_next().is_none() {
            number += 1;
            let reply = at(&app, &alice, number).signs_in().await;
            assert!([200, 503].contains(&reply.status.as_u16()), "{}", reply.text());
            turned_away += usize::from(reply.status == 503);
        }
    }
}

#[tokio::test]
async fn the_counters_name_nobody_and_are_removed_when_they_no_longer_count() {
    let app = TestApp::builder().config(limited).start().await;
    let alice = app.user("alice").await;
    let strangers: Vec<Actor> = (0..6).map(|number| at(&app, &alice, number)).collect();
    for stranger in &strangers {
        let _ = guesses(stranger, "a wrong password").await;
        let _ = stranger.post("/request-password-reset", json!({ "email": alice.email })).await;
    }
    let rows = "SELECT (SELECT COUNT(*) FROM identity_limits) + (SELECT COUNT(*) FROM identity_guesses)";
    // Six networks asked for two things and one for a sign-up; one count of strangers, one of the network alice is known from.
    assert_eq!(app.database().number(rows).await, 12 + 1 + 1 + 1);
    let dump = app.database().dump().await;
    let counters: Vec<&str> = dump
        .lines()
        .filter(|line| line.starts_with("identity_limits") || line.starts_with("identity_guesses"))
        .collect();
    assert_eq!(counters.len(), 15);
    let hex = alice.email.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    for line in counters {
        for secret in ["127.0.0.1", "2001:db8", "20010db8", "7f000001", &alice.email, &hex] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    app.pass(Duration::from_hours(2));
    let worker = app.identity.spawn_worker();
    app.database().until(rows, 1).await;
    worker.stop().await;
    app.pass(Duration::from_hours(24 * 31));
    let worker = app.identity.spawn_worker();
    app.database().until(rows, 0).await;
    worker.stop().await;
}

#[tokio::test]
async fn while_the_database_does_not_answer_nothing_passes_uncounted() {
    let app = TestApp::builder().config(limited).start().await;
    let visitor = app.actor("visitor");
    app.identity.store().clone().close().await.unwrap();
    for path in TOGETHER {
        for _ in 0..2 {
            // Without a limit this would be 400: there is no body to look at.
            let reply = visitor.post(path, json!({})).await;
            assert_eq!(reply.status, 503, "{path}");
            assert!(reply.header("retry-after").is_some(), "{path}");
        }
    }
    // What is counted in process goes on.
    assert_eq!(visitor.session().await, Value::Null);
}

/// The time to wait that a refusal names, in seconds; none where it was no refusal.
fn wait(reply: &Reply) -> Option<u64> {
    (reply.status == 429).then(|| reply.header("retry-after").unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_clock_that_was_ahead_keeps_nobody_out_for_longer_than_the_window_and_lets_nobody_through() {
    let app = TestApp::builder().config(limited).start().await;
    let alice = app.user("alice").await;
    for number in 0..6 {
        let _ = guesses(&at(&app, &alice, number), "a wrong password").await;
        let _ = guesses(&at(&app, &alice, 7), "a wrong password").await;
    }
    let hours = 3_600_000_000_i64 * 24;
    let _ = app.database().change(&format!("UPDATE identity_limits SET full_at = full_at + {hours}")).await;
    let _ = app.database().change(&format!("UPDATE identity_guesses SET paused_until = paused_until + {hours}")).await;
    let sign_in = async || guesses(&at(&app, &alice, 7), &alice.password).await;
    // First the limit of the address, as full as it can be, and behind it the pause of the account, as long as it was.
    assert_eq!(wait(&sign_in().await), Some(4));
    assert_eq!(wait(&sign_in().await), Some(4));
    app.pass(Duration::from_secs(4));
    assert_eq!(wait(&sign_in().await), Some(1));
    app.pass(Duration::from_secs(4));
    let _ = sign_in().await.expect(200);
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_stops_a_limit_nor_starts_it_again() {
    let app = TestApp::builder().config(limited).start().await;
    let visitor = app.actor("visitor");
    // One is counted in the database, the other in process.
    for path in ["/sign-in/email", "/change-email"] {
        let call = async || wait(&visitor.post(path, json!({})).await);
        for _ in 0..3 {
            assert_eq!(call().await, None, "{path}");
        }
        for _ in 0..3 {
            app.clock.set(app.identity.now() - Duration::from_hours(1));
            assert_eq!(call().await, Some(4), "{path}");
            assert_eq!(call().await, Some(4), "{path}");
        }
        app.pass(Duration::from_secs(4));
        assert_eq!(call().await, None, "{path}");
        app.pass(Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_stops_a_pause_nor_forgives_it() {
    let app = TestApp::builder().config(limited).start().await;
    let alice = app.user("alice").await;
    let set_back = || app.clock.set(app.identity.now() - Duration::from_mins(10));
    let mut networks = 0..;
    let mut guess = async |password: &str| guesses(&at(&app, &alice, networks.next().unwrap()), password).await;
    guess("a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    set_back();
    for _ in 0..4 {
        guess("a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
    for _ in 0..3 {
        set_back();
        assert_eq!(wait(&guess(&alice.password).await), Some(1));
    }
    app.pass(Duration::from_secs(1));
    guess("a wrong password").await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    set_back();
    assert_eq!(wait(&guess(&alice.password).await), Some(2), "the count goes on");
    app.pass(Duration::from_secs(2));
    let _ = guess(&alice.password).await.expect(200);
}
