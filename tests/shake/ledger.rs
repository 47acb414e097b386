//! People who write all the time, and remember what they were promised.
//!
//! An answer with a 2xx is a promise. An answer of 503, or none, promises nothing: what was asked for may or may not have happened.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::report::{quantile, say};
use crate::wire::{Answer, Lost, Wire};

/// How many write at the same time.
const WRITERS: usize = 24;

/// The writers of one load, while they write.
#[derive(Debug)]
pub(crate) struct Load {
    writers: JoinSet<Writer>,
    stop: Arc<AtomicBool>,
    begun: Instant,
}

/// What they were promised.
#[derive(Debug)]
pub(crate) struct Ledger {
    writers: Vec<Writer>,
    /// How long they wrote.
    pub(crate) elapsed: Duration,
}

#[derive(Debug)]
struct Writer {
    name: String,
    wire: Wire,
    people: Vec<Person>,
    /// Answers that no state of the database explains.
    contradictions: Vec<String>,
    latencies: Vec<Duration>,
    promised: usize,
    refused: usize,
    unanswered: usize,
    drawn: u64,
    stop: Arc<AtomicBool>,
}

/// A user as the writer knows them. Where something was asked for without a promise, several values are possible.
#[derive(Debug)]
struct Person {
    email: String,
    /// Whether the sign-up was promised.
    promised: bool,
    /// The promised password, and then those asked for since.
    passwords: Vec<String>,
    /// A password that a promised change has replaced.
    replaced: Option<String>,
    /// The promised name, and then those asked for since, in order.
    names: Vec<String>,
    sessions: Vec<Held>,
    changes: usize,
}

#[derive(Clone, Debug)]
struct Held {
    cookie: String,
    token: String,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    Unknown,
    Ended,
}

/// What came of a request.
enum Outcome {
    Promised(Answer),
    /// It may have happened.
    Open,
    /// It was never sent.
    Unsent,
}

impl Load {
    /// Begins to write, `rate` times a second in all, at the server at `address`, whose public URL is `site`.
    pub(crate) fn begin(address: SocketAddr, site: &str, rate: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let names = Arc::new(AtomicUsize::new(0));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let number = names.fetch_add(1, Ordering::Relaxed);
            let writer = Writer {
                name: format!("writer{number}"),
                wire: Wire::to(address, site),
                people: Vec::new(),
                contradictions: Vec::new(),
                latencies: Vec::new(),
                promised: 0,
                refused: 0,
                unanswered: 0,
                drawn: number as u64,
                stop: Arc::clone(&stop),
            };
            writers.spawn(writer.write(rate));
        }
        Self { writers, stop, begun: Instant::now() }
    }

    /// Ends it, after the requests in flight.
    pub(crate) async fn end(mut self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut writers = Vec::new();
        while let Some(writer) = self.writers.join_next().await {
            writers.push(writer.expect("no writer panics"));
        }
        Ledger { writers, elapsed: self.begun.elapsed() }
    }
}

impl Writer {
    async fn write(mut self, rate: u32) -> Self {
        let mut turns = interval(Duration::from_secs(WRITERS as u64) / rate);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !self.stop.load(Ordering::Relaxed) {
            turns.tick().await;
            self.act().await;
        }
        self
    }

    /// A number below `below`, the next of a fixed sequence (Knuth's constants).
    fn draw(&mut self, below: usize) -> usize {
        self.drawn = self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.drawn >> 33).unwrap_or_default() % below
    }

    async fn act(&mut self) {
        let kind = self.draw(100);
        // Whose password is open cannot be used before the end.
        let people = self.people.len();
        if kind < 25 || people == 0 {
            return self.sign_up().await;
        }
        let chosen = self.draw(people);
        let mut person = self.people.swap_remove(chosen);
        let live: Vec<usize> =
            (0..person.sessions.len()).filter(|&index| person.sessions[index].standing == Standing::Live).collect();
        match (kind, live.as_slice()) {
            _ if !person.promised || person.passwords.len() > 1 => {}
            (25..40, _) | (_, []) => self.sign_in(&mut person).await,
            (40..55, [with, ..]) => self.change_password(&mut person, *with).await,
            (55..65, [.., with]) => self.sign_out(&mut person, *with).await,
            (65..75, [with, other, ..]) => self.revoke(&mut person, *with, *other).await,
            (_, [with, ..]) => self.rename(&mut person, *with).await,
        }
        self.people.push(person);
    }

    async fn sign_up(&mut self) {
        let number = self.people.len();
        let email = format!("{}.{number}@example.test", self.name);
        let (name, password) = (format!("{email} 0"), format!("{email} password 0"));
        let body = json!({ "email": email, "name": name, "password": password });
        let outcome = self.ask("/sign-up/email", "", &body).await;
        let mut person = Person {
            email,
            promised: false,
            passwords: vec![password],
            replaced: None,
            names: vec![name],
            sessions: Vec::new(),
            changes: 0,
        };
        match outcome {
            Outcome::Promised(answer) => {
                person.promised = true;
                person.sessions.extend(held(&answer));
            }
            Outcome::Open => {}
            // Nobody has heard of this person.
            Outcome::Unsent => return,
        }
        self.people.push(person);
    }

    async fn sign_in(&mut self, person: &mut Person) {
        let body = json!({ "email": person.email, "password": person.passwords[0] });
        if let Outcome::Promised(answer) = self.ask("/sign-in/email", "", &body).await {
            person.sessions.extend(held(&answer));
        }
    }

    async fn change_password(&mut self, person: &mut Person, with: usize) {
        person.changes += 1;
        let ends_others = person.changes.is_multiple_of(2);
        let new = format!("{} password {}", person.email, person.changes);
        let mut body = json!({ "currentPassword": person.passwords[0], "newPassword": new });
        if !ends_others {
            body["revokeOtherSessions"] = json!(false);
        }
        let cookie = person.sessions[with].cookie.clone();
        let others = if ends_others { person.others(with) } else { Vec::new() };
        match self.ask("/change-password", &cookie, &body).await {
            Outcome::Promised(_) => {
                person.replaced = Some(std::mem::replace(&mut person.passwords[0], new));
                person.mark(&others, Standing::Ended);
            }
            Outcome::Open => {
                person.passwords.push(new);
                person.mark(&others, Standing::Unknown);
            }
            Outcome::Unsent => {}
        }
    }

    async fn sign_out(&mut self, person: &mut Person, with: usize) {
        let cookie = person.sessions[with].cookie.clone();
        match self.ask("/sign-out", &cookie, &json!({})).await {
            Outcome::Promised(_) => person.mark(&[with], Standing::Ended),
            Outcome::Open => person.mark(&[with], Standing::Unknown),
            Outcome::Unsent => {}
        }
    }

    async fn revoke(&mut self, person: &mut Person, with: usize, other: usize) {
        let (cookie, token) = (person.sessions[with].cookie.clone(), person.sessions[other].token.clone());
        match self.ask("/revoke-session", &cookie, &json!({ "token": token })).await {
            Outcome::Promised(_) => person.mark(&[other], Standing::Ended),
            Outcome::Open => person.mark(&[other], Standing::Unknown),
            Outcome::Unsent => {}
        }
    }

    async fn rename(&mut self, person: &mut Person, with: usize) {
        person.changes += 1;
        let name = format!("{} {}", person.email, person.changes);
        let cookie = person.sessions[with].cookie.clone();
        match self.ask("/update-user", &cookie, &json!({ "name": name })).await {
            Outcome::Promised(_) => person.names = vec![name],
            Outcome::Open => person.names.push(name),
            Outcome::Unsent => {}
        }
    }

    async fn ask(&mut self, path: &str, cookie: &str, body: &Value) -> Outcome {
        let asked = Instant::now();
        match self.wire.post(path, cookie, body).await {
            Ok(answer) => {
                self.latencies.push(asked.elapsed());
                match answer.status {
                    200..300 => {
                        self.promised += 1;
                        return Outcome::Promised(answer);
                    }
                    503 if answer.header("retry-after").is_some() => self.refused += 1,
                    status => self.contradictions.push(format!("{path} {body} answered {status} {}", answer.json())),
                }
                Outcome::Open
            }
            Err(Lost::Broken) => {
                self.unanswered += 1;
                Outcome::Open
            }
            Err(Lost::Refused) => {
                sleep(Duration::from_millis(20)).await;
                Outcome::Unsent
            }
        }
    }

    async fn verify(mut self) -> Vec<String> {
        for person in std::mem::take(&mut self.people) {
            let problem = person.verify(&mut self.wire).await.unwrap_or_else(|lost| Some(format!("{lost:?}")));
            self.contradictions.extend(problem.map(|problem| format!("{problem}: {person:?}")));
        }
        self.contradictions
    }
}

impl Person {
    fn others(&self, with: usize) -> Vec<usize> {
        (0..self.sessions.len()).filter(|&index| index != with).collect()
    }

    fn mark(&mut self, sessions: &[usize], standing: Standing) {
        for &index in sessions {
            let held = &mut self.sessions[index];
            // What has ended stays so.
            if held.standing != Standing::Ended {
                held.standing = standing;
            }
        }
    }

    /// Says what is missing of what was promised.
    async fn verify(&self, wire: &mut Wire) -> Result<Option<String>, Lost> {
        for held in &self.sessions {
            let session = wire.get("/get-session", &held.cookie).await?;
            let email = session.json()["user"]["email"].as_str().map(str::to_owned);
            let expected = match held.standing {
                Standing::Live => Some(self.email.clone()),
                Standing::Ended => None,
                Standing::Unknown => continue,
            };
            if session.status != 200 || email != expected {
                return Ok(Some(format!("a {:?} session is {} {email:?}", held.standing, session.status)));
            }
        }
        let mut accepted = Vec::new();
        for password in self.passwords.iter().chain(&self.replaced) {
            let answer = wire.post("/sign-in/email", "", &json!({ "email": self.email, "password": password })).await?;
            match answer.status {
                200 => accepted.push((password, answer)),
                401 => {}
                status => return Ok(Some(format!("a sign-in is a {status}"))),
            }
        }
        let answer = match accepted.as_slice() {
            [] if !self.promised => return Ok(None),
            [(password, answer)] if Some(*password) != self.replaced.as_ref() => answer,
            accepted => return Ok(Some(format!("{} passwords are accepted", accepted.len()))),
        };
        let name = answer.json()["user"]["name"].as_str().map(str::to_owned).unwrap_or_default();
        Ok((!self.names.contains(&name)).then(|| format!("the name is {name:?}")))
    }
}

impl Ledger {
    /// How many promises there are.
    pub(crate) fn promised(&self) -> usize {
        self.sum(|writer| writer.promised)
    }

    /// How many requests were told to come back.
    pub(crate) fn refused(&self) -> usize {
        self.sum(|writer| writer.refused)
    }

    /// How long the slowest answer took.
    pub(crate) fn slowest(&self) -> Duration {
        self.latencies().into_iter().max().unwrap_or_default()
    }

    /// Checks every promise at the server at `address`.
    ///
    /// # Panics
    /// When one is broken.
    pub(crate) async fn verify(self) {
        let people = self.sum(|writer| writer.people.len());
        let mut verifying = JoinSet::new();
        for writer in self.writers {
            verifying.spawn(writer.verify());
        }
        let mut problems = Vec::new();
        while let Some(found) = verifying.join_next().await {
            problems.append(&mut found.expect("no writer panics"));
        }
        assert!(problems.is_empty(), "{} broken promises:\n{}", problems.len(), problems.join("\n"));
        say(&format!("  every promise to {people} people is kept"));
    }

    /// Shows what was measured.
    pub(crate) fn tell(&self, what: &str) {
        let mut times = self.latencies();
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let rate = times.len() as f64 / self.elapsed.as_secs_f64();
        say(&format!(
            "{what}: {:.0} s, {} promised, {} refused with 503, {} unanswered, {rate:.0} answers/s, p50 {:?}, p99 {:?}, longest {:?}",
            self.elapsed.as_secs_f64(),
            self.promised(),
            self.refused(),
            self.sum(|writer| writer.unanswered),
            quantile(&mut times, 50),
            quantile(&mut times, 99),
            self.slowest(),
        ));
    }

    fn latencies(&self) -> Vec<Duration> {
        self.writers.iter().flat_map(|writer| writer.latencies.iter().copied()).collect()
    }

    fn sum(&self, of: impl Fn(&Writer) -> usize) -> usize {
        self.writers.iter().map(of).sum()
    }
}

fn held(answer: &Answer) -> Option<Held> {
    let token = answer.json()["token"].as_str()?.to_owned();
    Some(Held { cookie: answer.session_cookie()?, token, standing: Standing::Live })
}
