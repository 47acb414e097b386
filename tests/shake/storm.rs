//! Everybody signs in at once. What those who are signed in notice of it, the benchmarks measure.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use identity_tests::Server;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::report::say;
use crate::wire::Wire;

const PERMITS: u64 = 2;
const STORMING: usize = 32;

/// How long the storm lasts.
const LENGTH: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_storm_takes_no_more_memory_than_it_may_hash_in() {
    let server = Server::builder()
        .env("IDENTITY_LIMITS__ENABLED", "false")
        .env("IDENTITY_PASSWORD__PERMITS", PERMITS.to_string())
        .env("IDENTITY_TELEMETRY__LOG", "warn")
        .start()
        .await;
    let (address, site) = (server.address(), server.base_url());
    let alice = json!({ "name": "Alice", "email": "alice@example.test", "password": "correct horse" });
    let signed_up = Wire::to(address, &site).post("/sign-up/email", "", &alice).await.expect("an answer");
    let cookie = signed_up.session_cookie().expect("a session");

    ask_steadily(address, &site, &cookie, LENGTH / 3).await;
    let base = memory(&server, "VmRSS:");
    let over = Arc::new(AtomicBool::new(false));
    let signed_in = Arc::new(AtomicUsize::new(0));
    let mut storming = JoinSet::new();
    for _ in 0..STORMING {
        let mut wire = Wire::to(address, &site);
        let (over, signed_in, alice) = (Arc::clone(&over), Arc::clone(&signed_in), alice.clone());
        storming.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let answer = wire.post("/sign-in/email", "", &alice).await.expect("an answer");
                assert!([200, 503].contains(&answer.status), "{answer:?}");
                signed_in.fetch_add(usize::from(answer.status == 200), Ordering::Relaxed);
            }
        });
    }
    ask_steadily(address, &site, &cookie, LENGTH).await;
    over.store(true, Ordering::Relaxed);
    storming.join_all().await;
    let most = memory(&server, "VmHWM:");
    let signed_in = signed_in.load(Ordering::Relaxed);
    say(&format!("login storm: {signed_in} sign-ins in {LENGTH:?}; {base} MiB idle, {most} MiB at most"));
    assert!(signed_in > 0, "this was no storm");
    assert!(most <= base + 20 * PERMITS, "{most} MiB, {base} MiB when idle");
}

/// Asks for the session a hundred times a second.
async fn ask_steadily(address: SocketAddr, site: &str, cookie: &str, length: Duration) {
    let mut wire = Wire::to(address, site);
    let mut turns = interval(Duration::from_millis(10));
    let begun = Instant::now();
    while begun.elapsed() < length {
        turns.tick().await;
        let answer = wire.get("/get-session", cookie).await.expect("an answer");
        assert_eq!((answer.status, &answer.json()["user"]["name"]), (200, &json!("Alice")));
    }
}

/// A size in MiB that the kernel knows of the server.
fn memory(server: &Server, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel says it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}
