//! A PostgreSQL that stops, crashes or freezes under the server, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cheap;
use crate::cluster::Cluster;
use crate::ledger::Load;
use crate::report::{quantile, say};
use crate::wire::{Answer, Wire};

/// Within this time a client knows that there is no database.
const KNOWN: Duration = Duration::from_secs(3);
/// Within this time after its return everything is as before.
const RECOVERED: Duration = Duration::from_secs(5);

/// How the database goes, and how it comes back.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Frozen,
    Crashed,
    Stopped,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_server_says_so_soon_and_recovers_by_itself() {
    outages(&[Outage::Frozen, Outage::Crashed], Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn five_outages_of_each_kind_are_told_soon_and_end_by_themselves() {
    let all = [Outage::Frozen, Outage::Crashed, Outage::Stopped].repeat(5);
    outages(&all, Duration::from_secs(8)).await;
}

async fn outages(all: &[Outage], length: Duration) {
    let Some(cluster) = Cluster::start() else { return };
    let server = cheap().env("IDENTITY_DATABASE__URL", cluster.url()).start().await;
    let (address, site) = (server.address(), server.base_url());
    let body = json!({ "name": "Alice", "email": "alice@example.test", "password": "correct horse" });
    let signed_up = Wire::to(address, &site).post("/sign-up/email", "", &body).await.expect("an answer");
    let cookie = signed_up.session_cookie().expect("a session");
    let load = Load::begin(address, &site, 100).await;
    for outage in all {
        sleep(Duration::from_secs(1)).await;
        match outage {
            Outage::Frozen => cluster.freeze(),
            Outage::Crashed => cluster.stop("immediate"),
            Outage::Stopped => cluster.stop("fast"),
        }
        let mut seen = ask_during(address, &site, &cookie, length).await;
        let back = Instant::now();
        match outage {
            Outage::Frozen => cluster.thaw(),
            Outage::Crashed | Outage::Stopped => cluster.begin(),
        }
        let began = back.elapsed();
        let mut wire = Wire::to(address, &site);
        while !is_alice(&wire.get("/get-session", &cookie).await.expect("an answer")) || !is_ready(&mut wire).await {
            assert!(back.elapsed() < began + RECOVERED, "{outage:?}: no recovery\n{}", server.logs());
            sleep(Duration::from_millis(20)).await;
        }
        say(&format!(
            "{outage:?}: {} requests answered 503, p50 {:?}, slowest {:?}; well {:?} after its return",
            seen.len(),
            quantile(&mut seen, 50),
            quantile(&mut seen, 100),
            back.elapsed().saturating_sub(began),
        ));
    }
    sleep(Duration::from_secs(1)).await;
    let ledger = load.end().await;
    ledger.tell("writes around outages");
    assert!(ledger.slowest() < KNOWN, "a write waited {:?}", ledger.slowest());
    assert!(ledger.refused() > 0, "this was no outage");
    ledger.verify(address, &site).await;
}

/// Asks everything there is to ask, from more clients than there are connections to the database, and answers how long the
/// answers took.
async fn ask_during(address: SocketAddr, site: &str, cookie: &str, length: Duration) -> Vec<Duration> {
    let over = Arc::new(AtomicBool::new(false));
    let mut asking = JoinSet::new();
    for client in 0..40_usize {
        let (mut wire, cookie, over) = (Wire::to(address, site), cookie.to_owned(), Arc::clone(&over));
        asking.spawn(async move {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let (what, answer) = ask(&mut wire, client, &cookie).await;
                let took = asked.elapsed();
                assert!(took < KNOWN, "{what} took {took:?}");
                // What was asked in the outage and answered behind it may have found the database again.
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
                assert_eq!((answer.status, wait.is_some()), (503, true), "{what}: {}", answer.json());
                assert!(answer.session_cookie().is_none_or(|cookie| cookie.ends_with('=')), "{what} gave a session");
                times.push(took);
                sleep(Duration::from_millis(50)).await;
            }
            times
        });
    }
    sleep(length).await;
    over.store(true, Ordering::Relaxed);
    asking.join_all().await.concat()
}

async fn ask(wire: &mut Wire, client: usize, cookie: &str) -> (&'static str, Answer) {
    let (alice, password) = ("alice@example.test", "correct horse");
    let (what, answer) = match client % 8 {
        0 => ("readiness", wire.get("//health/ready", "").await),
        1 => ("a name", wire.post("/update-user", cookie, &json!({ "name": "Alicia" })).await),
        2 => ("a sign-in", wire.post("/sign-in/email", "", &json!({ "email": alice, "password": password })).await),
        3 => {
            ("a wrong password", wire.post("/sign-in/email", "", &json!({ "email": alice, "password": "wrong" })).await)
        }
        4 => {
            let body = json!({ "name": "Bob", "email": format!("bob{client}@example.test"), "password": password });
            ("a sign-up", wire.post("/sign-up/email", "", &body).await)
        }
        5 => ("a reset", wire.post("/request-password-reset", "", &json!({ "email": alice })).await),
        6 => ("the sessions", wire.get("/list-sessions", cookie).await),
        _ => ("a session", wire.get("/get-session", cookie).await),
    };
    (what, answer.unwrap_or_else(|lost| panic!("{what} was {lost:?}")))
}

fn is_alice(answer: &Answer) -> bool {
    assert!(answer.status == 200 || answer.status == 503, "{answer:?}");
    assert!(answer.status == 503 || !answer.json().is_null(), "an outage signed somebody out");
    answer.json()["user"]["email"] == "alice@example.test"
}

async fn is_ready(wire: &mut Wire) -> bool {
    wire.get("//health/ready", "").await.is_ok_and(|answer| answer.status == 200)
}
