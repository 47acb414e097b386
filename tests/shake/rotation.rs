//! Signing keys that are replaced at once, over and over, while clients get tokens and services verify them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use identity_core::jwt::{Algorithm, Expected, KeySet, Refusal, header};
use identity_core::time::{Clock as _, SystemClock};
use identity_tests::{Actor, Call, TestDatabase};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cheap;
use crate::report::say;

const CLIENTS: usize = 8;
/// How long a client rests between two tokens.
const PAUSE: Duration = Duration::from_millis(40);
/// How many of its tokens a client looks at again.
const KEPT: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_replaced_under_load_fail_no_token() {
    rotate(Duration::from_secs(5), Duration::from_secs(25)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn keys_that_are_replaced_under_load_for_five_minutes_fail_no_token() {
    rotate(Duration::from_secs(10), Duration::from_mins(5)).await;
}

/// Two nodes, or one on SQLite; an operator who replaces the keys, and clients of RS256 and ES256.
async fn rotate(every: Duration, time: Duration) {
    let database = Arc::new(TestDatabase::empty().await);
    let issuer = "http://localhost:8888";
    let mut nodes = Vec::new();
    for _ in 0..if database.is_postgres() { 2 } else { 1 } {
        let node = cheap().over(&database).env("IDENTITY_HTTP__BASE_URL", issuer);
        nodes.push(node.env("IDENTITY_SECRETS__SECRET", "one-secret-of-both-nodes-0123456789abcdef").start().await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for (number, algorithm) in (0..CLIENTS).zip(["RS256", "ES256"].into_iter().cycle()) {
        let id = format!("client-{number}");
        let create = ["clients", "create", "--id", &id, "--name", "Client", "--confidential", "--json"];
        let more = ["--auth-method", "client_secret_post", "--grant", "client_credentials"];
        let (made, said) = nodes[0].command(&[&create[..], &more, &["--access-token-alg", algorithm]].concat()).await;
        assert!(made, "{said}");
        let made: Value = serde_json::from_str(&said).unwrap();
        let secret = made["client_secret"].as_str().unwrap().to_owned();
        let backends = nodes.iter().map(|node| node.actor("backend")).collect();
        clients.spawn(Client { id, secret, issuer, backends, keys: KeySet::default() }.go(Arc::clone(&stop)));
    }
    let begun = Instant::now();
    let mut rotations = 0;
    while begun.elapsed() < time {
        sleep(every).await;
        let (rotated, said) = nodes[rotations % nodes.len()].command(&["keys", "rotate", "--now"]).await;
        assert!(rotated, "{said}");
        rotations += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let seen = clients.join_all().await.into_iter().reduce(Seen::and).unwrap();
    say(&format!(
        "{rotations} rotations in {:?}: {} tokens of {} keys verified {} times, {} times after fetching the keys again",
        begun.elapsed(),
        seen.tokens,
        seen.keys.len(),
        seen.verified,
        seen.fetched,
    ));
    assert!(seen.keys.len() >= 4, "the keys were replaced: {:?}", seen.keys);
}

/// A client of the server, and a service that verifies its tokens.
struct Client {
    id: String,
    secret: String,
    issuer: &'static str,
    backends: Vec<Actor>,
    keys: KeySet,
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    tokens: usize,
    verified: usize,
    fetched: usize,
    keys: std::collections::BTreeSet<String>,
}

impl Seen {
    fn and(mut self, other: Self) -> Self {
        self.keys.extend(other.keys);
        self.tokens += other.tokens;
        self.verified += other.verified;
        self.fetched += other.fetched;
        self
    }
}

impl Client {
    async fn go(mut self, stop: Arc<AtomicBool>) -> Seen {
        let (mut seen, mut kept) = (Seen::default(), Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let token = self.token(seen.tokens).await;
            seen.keys.extend(header(&token).unwrap().key_id);
            // The keys may come from another node than the token.
            self.verify(&token, &mut seen).await;
            if kept.len() < KEPT || seen.tokens % KEPT == 0 {
                kept.push(token);
            }
            seen.tokens += 1;
            sleep(PAUSE).await;
        }
        // What was issued before all the rotations is still good.
        self.fetch(0).await;
        for token in kept {
            self.verify(&token, &mut seen).await;
        }
        seen
    }

    async fn token(&self, number: usize) -> String {
        let fields = [("grant_type", "client_credentials"), ("client_id", &*self.id), ("client_secret", &*self.secret)];
        let backend = &self.backends[number % self.backends.len()];
        let reply = backend.send(Call::at(Method::POST, "/oauth2/token").form(&fields)).await.expect(200);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Verifies a token as a service does: with the keys that it has, and else once more with those of now.
    async fn verify(&mut self, token: &str, seen: &mut Seen) {
        let mut verified = self.keys.verify(token, &self.expected());
        if verified == Err(Refusal::UnknownKey) {
            self.fetch(seen.fetched + 1).await;
            seen.fetched += 1;
            verified = self.keys.verify(token, &self.expected());
        }
        let claims = verified.unwrap_or_else(|refusal| panic!("{refusal}: {token}"));
        assert_eq!(claims["client_id"], *self.id);
        seen.verified += 1;
    }

    async fn fetch(&mut self, number: usize) {
        let backend = &self.backends[number % self.backends.len()];
        let reply = backend.send(Call::at(Method::GET, "/oauth2/jwks")).await.expect(200);
        self.keys = KeySet::parse(&reply.body).unwrap();
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: self.issuer,
            audience: &[],
            types: &["at+jwt"],
            algorithms: Algorithm::ALL,
            now: SystemClock.now(),
            leeway: Duration::from_secs(1),
            allow_expired: false,
        }
    }
}
