//! One who writes, one request after the other.
//!
//! What there is to write stands in `acts`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::pace::Pace;
use super::person::Person;
use super::town::Town;
use crate::wire::{Answer, Lost, Wire};

/// What a writer writes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Sign-ups, sign-ins and changes of passwords.
    Hashing,
    /// Everything else.
    Steady,
}

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) wire: Wire,
    /// The other browser, where two ask at the same time.
    pub(super) rival: Wire,
    pub(super) town: Arc<Town>,
    /// Answers that no state of the database explains.
    pub(super) contradictions: Vec<String>,
    pub(super) latencies: Vec<Duration>,
    pub(super) promised: BTreeMap<&'static str, usize>,
    pub(super) refused: usize,
    pub(super) unanswered: usize,
    drawn: u64,
}

/// What came of a request.
pub(super) enum Outcome {
    Promised(Answer),
    /// Refused for a reason that is about what was asked.
    Denied(Answer),
    /// It may have happened.
    Open,
    /// It was never sent.
    Unsent,
}

impl Writer {
    pub(super) fn new(number: usize, address: SocketAddr, site: &str, town: &Arc<Town>) -> Self {
        Self {
            wire: Wire::to(address, site),
            rival: Wire::to(address, site),
            town: Arc::clone(town),
            contradictions: Vec::new(),
            latencies: Vec::new(),
            promised: BTreeMap::new(),
            refused: 0,
            unanswered: 0,
            drawn: number as u64,
        }
    }

    /// Signs people up before the load begins, which counts for nothing.
    pub(super) async fn settle(mut self, people: usize) -> Self {
        for _ in 0..people {
            if let Some(mut person) = self.sign_up().await {
                self.sign_in(&mut person).await;
                self.town.welcome(person);
            }
        }
        self.promised.clear();
        self.latencies.clear();
        self
    }

    pub(super) async fn write(mut self, kind: Kind, pace: Arc<Pace>, stop: Arc<AtomicBool>) -> Self {
        while !stop.load(Ordering::Relaxed) {
            pace.turn().await;
            match kind {
                Kind::Hashing => self.hash().await,
                Kind::Steady => self.act().await,
            }
        }
        self
    }

    /// A number below `below`, the next of a fixed sequence (Knuth's constants).
    pub(super) fn draw(&mut self, below: usize) -> usize {
        self.drawn = self.drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.drawn >> 33).unwrap_or_default() % below
    }

    pub(super) fn person(&mut self, wanted: impl Fn(&Person) -> bool) -> Option<Person> {
        let town = Arc::clone(&self.town);
        town.person(|below| self.draw(below), wanted)
    }

    async fn hash(&mut self) {
        let kind = self.draw(100);
        let found = match kind {
            0..35 => None,
            35..70 => self.person(|person| person.knows_password() && person.has_live(1)),
            _ => self.person(Person::knows_password),
        };
        let person = match found {
            None => self.sign_up().await,
            Some(mut person) if kind < 70 => {
                self.change_password(&mut person).await;
                Some(person)
            }
            Some(mut person) => {
                self.sign_in(&mut person).await;
                Some(person)
            }
        };
        if let Some(person) = person {
            self.town.welcome(person);
        }
    }

    async fn act(&mut self) {
        let kind = self.draw(100);
        match kind {
            0..24 => return self.be_active().await,
            24..36 => return self.open_device().await,
            36..42 => return self.migrate().await,
            _ => {}
        }
        // Whoever ends a session leaves one, so that those who sign in need not keep up.
        let ending = if kind < 54 { self.person(|person| person.has_live(2)) } else { None };
        if let Some(mut person) = ending {
            if kind < 48 {
                self.sign_out(&mut person).await;
            } else {
                self.revoke(&mut person).await;
            }
            return self.town.welcome(person);
        }
        match self.person(|person| person.has_live(1)) {
            Some(mut person) => {
                self.rename(&mut person).await;
                self.town.welcome(person);
            }
            None => self.open_device().await,
        }
    }

    /// Asks for something, and says whether it was promised; `None` when nobody has heard of it.
    pub(super) async fn promise(
        &mut self,
        method: &str,
        path: &'static str,
        cookie: &str,
        body: &Value,
    ) -> Option<bool> {
        match self.ask(method, path, cookie, body).await {
            Outcome::Promised(_) => Some(true),
            Outcome::Open | Outcome::Denied(_) => Some(false),
            Outcome::Unsent => None,
        }
    }

    pub(super) async fn ask(&mut self, method: &str, path: &'static str, cookie: &str, body: &Value) -> Outcome {
        let asked = Instant::now();
        let answered = self.wire.ask(method, path, cookie, body).await;
        let outcome = self.judge(path, asked, answered).await;
        if let Outcome::Denied(answer) = &outcome {
            self.contradictions.push(format!("{path} {body} answered {} {}", answer.status, answer.json()));
        }
        outcome
    }

    pub(super) async fn judge(
        &mut self,
        path: &'static str,
        asked: Instant,
        answered: Result<Answer, Lost>,
    ) -> Outcome {
        match answered {
            Ok(answer) => {
                self.latencies.push(asked.elapsed());
                match answer.status {
                    200..300 => {
                        *self.promised.entry(path.trim_start_matches('/')).or_default() += 1;
                        Outcome::Promised(answer)
                    }
                    503 if answer.header("retry-after").is_some() => {
                        self.refused += 1;
                        Outcome::Open
                    }
                    _ => Outcome::Denied(answer),
                }
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
}

impl Outcome {
    /// What a report says of it.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Promised(answer) | Self::Denied(answer) => format!("{} {}", answer.status, answer.json()),
            Self::Open => "no answer".to_owned(),
            Self::Unsent => "no request".to_owned(),
        }
    }
}
