//! Two servers on one PostgreSQL, behind a load balancer that asks whether they are ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use identity_tests::{Server, SmtpSink, TestDatabase};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::cheap;
use crate::report::{quantile, say};
use crate::wire::{Answer, Lost, Wire};

const SITE: &str = "http://localhost:8888";
const CLIENTS: usize = 24;
const RATE: u32 = 300;
/// How often a load balancer asks.
const CHECK: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_are_one_server() {
    let Some((nodes, sink)) = two().await else { return };
    let [mut one, mut two] = [Wire::to(nodes[0].address(), SITE), Wire::to(nodes[1].address(), SITE)];
    let alice = json!({ "name": "Alice", "email": "alice@example.test", "password": "correct horse" });
    let signed_up = one.post("/sign-up/email", "", &alice).await.unwrap();
    let cookie = signed_up.session_cookie().expect("a session");
    assert_eq!(two.get("/get-session", &cookie).await.unwrap().json()["user"]["name"], "Alice");
    assert_eq!(two.post("/sign-out", &cookie, &json!({})).await.unwrap().status, 200);
    assert!(one.get("/get-session", &cookie).await.unwrap().json().is_null());

    // A link that one has sealed is opened by the other, whoever sends the mail.
    let asked = one.post("/request-password-reset", "", &json!({ "email": "alice@example.test" })).await.unwrap();
    assert_eq!(asked.status, 200);
    let token = sink.letter_to("alice@example.test", 0).await.token();
    let reset = json!({ "newPassword": "another password", "token": token });
    assert_eq!(two.post("/reset-password", "", &reset).await.unwrap().status, 200);
    assert_ne!(one.post("/reset-password", "", &reset).await.unwrap().status, 200);

    // Each mail leaves once, whichever of them takes it.
    let mut asking = JoinSet::new();
    for number in 0..40 {
        let mut wire = Wire::to(nodes[number % 2].address(), SITE);
        asking.spawn(async move {
            let email = format!("user{number}@example.test");
            let body = json!({ "name": "User", "email": email, "password": "correct horse" });
            assert_eq!(wire.post("/sign-up/email", "", &body).await.unwrap().status, 200);
            let asked = wire.post("/request-password-reset", "", &json!({ "email": email })).await.unwrap();
            assert_eq!(asked.status, 200);
        });
    }
    asking.join_all().await;
    nodes[0].database().until("SELECT COUNT(*) FROM identity_outbox", 0).await;
    for number in 0..40 {
        assert_eq!(sink.letters_to(&format!("user{number}@example.test")).len(), 1, "user {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_request() {
    roll(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn twenty_rolling_restarts_lose_no_request() {
    roll(20).await;
}

/// Two nodes that share everything, unless the tests run on SQLite.
async fn two() -> Option<(Vec<Server>, SmtpSink)> {
    let database = Arc::new(TestDatabase::empty().await);
    if !database.is_postgres() {
        return None;
    }
    let sink = SmtpSink::start().await;
    let mut starting = JoinSet::new();
    for _ in 0..2 {
        let node = cheap()
            .over(&database)
            .env("IDENTITY_HTTP__BASE_URL", SITE)
            .env("IDENTITY_SECRETS__SECRET", "one-secret-of-both-nodes-0123456789abcdef")
            .env("IDENTITY_MAIL__SMTP_URL", sink.url())
            .env("IDENTITY_MAIL__FROM", "Identity <no-reply@identity.test>");
        starting.spawn(node.start());
    }
    Some((starting.join_all().await, sink))
}

async fn roll(rounds: usize) {
    let Some((mut nodes, sink)) = two().await else { return };
    let balancer = Arc::new(Balancer::over(&nodes));
    let checking = balancer.check();
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for number in 0..CLIENTS {
        clients.spawn(Client::new(number, &balancer).go(Arc::clone(&stop)));
    }
    let mut restarts = Vec::new();
    for _ in 0..rounds {
        for (number, node) in nodes.iter_mut().enumerate() {
            sleep(Duration::from_millis(500)).await;
            let asked = Instant::now();
            assert!(node.terminate().await.success(), "{}", node.logs());
            node.restart().await;
            balancer.until_up(number).await;
            restarts.push(asked.elapsed());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let reports = clients.join_all().await;
    let elapsed = begun.elapsed();
    drop(checking);

    let mut times: Vec<Duration> = reports.iter().flat_map(|report| report.times.iter().copied()).collect();
    let failures: Vec<&String> = reports.iter().flat_map(|report| &report.failures).collect();
    let moved: usize = reports.iter().map(|report| report.moved).sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    say(&format!(
        "{rounds} rolling restarts of two nodes: {} requests at {rate:.0}/s, {} failed, {moved} sent elsewhere before they were sent; p50 {:?}, \
         p99 {:?}; a restart takes {:?}",
        times.len(),
        failures.len(),
        quantile(&mut times, 50),
        quantile(&mut times, 99),
        quantile(&mut restarts, 50),
    ));
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(times.len() > 100 * rounds, "this was no load");

    nodes[0].database().until("SELECT COUNT(*) FROM identity_outbox", 0).await;
    let mut letters: BTreeMap<String, usize> = BTreeMap::new();
    for letter in sink.letters() {
        *letters.entry(letter.to).or_default() += 1;
    }
    for report in &reports {
        assert_eq!(letters.get(&report.email).copied().unwrap_or_default(), report.mails, "mails to {}", report.email);
    }
}

/// Knows which nodes are ready.
#[derive(Debug)]
struct Balancer {
    nodes: Vec<(SocketAddr, AtomicBool)>,
    turn: AtomicUsize,
}

impl Balancer {
    fn over(nodes: &[Server]) -> Self {
        let nodes = nodes.iter().map(|node| (node.address(), AtomicBool::new(true))).collect();
        Self { nodes, turn: AtomicUsize::new(0) }
    }

    /// Asks all nodes again and again, for as long as the answer is held.
    fn check(self: &Arc<Self>) -> JoinSet<()> {
        let mut checks = JoinSet::new();
        for number in 0..self.nodes.len() {
            let balancer = Arc::clone(self);
            checks.spawn(async move {
                let (address, up) = &balancer.nodes[number];
                let mut wire = Wire::to(*address, SITE);
                loop {
                    let ready = wire.get("//health/ready", "").await.is_ok_and(|answer| answer.status == 200);
                    up.store(ready, Ordering::SeqCst);
                    sleep(CHECK).await;
                }
            });
        }
        checks
    }

    async fn until_up(&self, number: usize) {
        while !self.is_up(number) {
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn is_up(&self, number: usize) -> bool {
        self.nodes[number].1.load(Ordering::SeqCst)
    }

    /// The nodes in the order in which they are to be tried.
    fn next(&self) -> Vec<usize> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let order = (0..self.nodes.len()).map(|offset| (first + offset) % self.nodes.len());
        order.filter(|&number| self.is_up(number)).collect()
    }
}

/// Somebody who reads and writes through the balancer, with one connection to each node.
#[derive(Debug)]
struct Client {
    balancer: Arc<Balancer>,
    wires: Vec<Wire>,
    report: Report,
}

#[derive(Debug)]
struct Report {
    email: String,
    times: Vec<Duration>,
    failures: Vec<String>,
    /// How often a node refused a connection and another was tried.
    moved: usize,
    /// How many mails this person must have.
    mails: usize,
}

impl Client {
    fn new(number: usize, balancer: &Arc<Balancer>) -> Self {
        let wires = balancer.nodes.iter().map(|(address, _)| Wire::to(*address, SITE)).collect();
        let email = format!("client{number}@example.test");
        let report = Report { email, times: Vec::new(), failures: Vec::new(), moved: 0, mails: 0 };
        Self { balancer: Arc::clone(balancer), wires, report }
    }

    async fn go(mut self, stop: Arc<AtomicBool>) -> Report {
        let mut turns = interval(Duration::from_secs(CLIENTS as u64) / RATE);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut password = "password 0".to_owned();
        let body = json!({ "name": "Client", "email": self.report.email, "password": password });
        let mut cookie = self.ask("/sign-up/email", "", Some(&body)).await.unwrap_or_default();
        let mut count = 0_usize;
        while !stop.load(Ordering::Relaxed) && self.report.failures.len() < 10 {
            turns.tick().await;
            count += 1;
            match count % 40 {
                10 => {
                    let name = json!({ "name": format!("Client {count}") });
                    self.ask("/update-user", &cookie, Some(&name)).await;
                }
                20 => {
                    let body = json!({ "email": self.report.email, "password": password });
                    let fresh = self.ask("/sign-in/email", "", Some(&body)).await;
                    let old = std::mem::replace(&mut cookie, fresh.unwrap_or_default());
                    self.ask("/sign-out", &old, Some(&json!({}))).await;
                }
                30 => {
                    let new = format!("password {count}");
                    let body = json!({ "currentPassword": password, "newPassword": new });
                    self.ask("/change-password", &cookie, Some(&body)).await;
                    password = new;
                    self.report.mails += 1;
                }
                _ => {
                    self.ask("/get-session", &cookie, None).await;
                }
            }
        }
        self.report
    }

    /// Asks once, and answers the session cookie that was set. Only a request that was never sent is sent elsewhere.
    async fn ask(&mut self, path: &str, cookie: &str, body: Option<&Value>) -> Option<String> {
        let asked = Instant::now();
        for number in 0..self.wires.len() {
            if !self.balancer.is_up(number) {
                self.wires[number].hang_up();
            }
        }
        for number in self.balancer.next() {
            let wire = &mut self.wires[number];
            let answer = match body {
                Some(body) => wire.post(path, cookie, body).await,
                None => wire.get(path, cookie).await,
            };
            match answer {
                Err(Lost::Refused) => self.report.moved += 1,
                Ok(answer) if is_good(path, &answer) => {
                    self.report.times.push(asked.elapsed());
                    return answer.session_cookie();
                }
                bad => {
                    self.report.failures.push(format!("{path} at node {number}: {bad:?}"));
                    return None;
                }
            }
        }
        self.report.failures.push(format!("{path}: no node takes it"));
        None
    }
}

fn is_good(path: &str, answer: &Answer) -> bool {
    answer.status == 200 && (path != "/get-session" || !answer.json().is_null())
}
