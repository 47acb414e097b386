//! People and devices that write all the time, and a record of what they were promised.
//!
//! An answer with a 2xx is a promise. An answer of 503, or none, promises nothing: what was asked for may or may not have happened.

mod acts;
mod device;
mod pace;
mod person;
mod town;
mod writer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use self::device::Device;
use self::pace::Pace;
use self::person::Person;
use self::town::Town;
use self::writer::{Kind, Writer};
use crate::report::{quantile, say};
use crate::wire::Wire;

/// How many sign up, sign in and change passwords, one after the other: enough that hashing is never idle.
const HASHING: usize = 8;
/// How many write what costs no hash.
const STEADY: usize = 20;
/// How many people there are before the clock starts, each with two sessions.
const STOCK: usize = 64;

/// What is known of a session, of a user or of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Live,
    Unknown,
    Ended,
}

/// The writers of one load, while they write.
#[derive(Debug)]
pub(crate) struct Load {
    writers: JoinSet<Writer>,
    town: Arc<Town>,
    stop: Arc<AtomicBool>,
    begun: Instant,
}

/// What they were promised.
#[derive(Debug)]
pub(crate) struct Ledger {
    writers: Vec<Writer>,
    people: Vec<Person>,
    devices: Vec<Device>,
    /// How long they wrote.
    pub(crate) elapsed: Duration,
}

impl Load {
    /// Begins to write, `rate` times a second in all, at the server at `address`, whose public URL is `site`. People are there
    /// before the clock starts.
    pub(crate) async fn begin(address: SocketAddr, site: &str, rate: u32) -> Self {
        let town = Arc::new(Town::default());
        let mut settling = JoinSet::new();
        for number in 0..HASHING {
            settling.spawn(Writer::new(number, address, site, &town).settle(STOCK / HASHING));
        }
        let settled = settling.join_all().await;
        let stop = Arc::new(AtomicBool::new(false));
        let pace = Arc::new(Pace::new(rate));
        let mut writers = JoinSet::new();
        for writer in settled {
            writers.spawn(writer.write(Kind::Hashing, Arc::clone(&pace), Arc::clone(&stop)));
        }
        for number in HASHING..HASHING + STEADY {
            let writer = Writer::new(number, address, site, &town);
            writers.spawn(writer.write(Kind::Steady, Arc::clone(&pace), Arc::clone(&stop)));
        }
        Self { writers, town, stop, begun: Instant::now() }
    }

    /// Ends it, after the requests in flight.
    pub(crate) async fn end(mut self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let mut writers = Vec::new();
        while let Some(writer) = self.writers.join_next().await {
            writers.push(writer.expect("no writer panics"));
        }
        let elapsed = self.begun.elapsed();
        let (people, devices) = self.town.all();
        Ledger { writers, people, devices, elapsed }
    }
}

impl Ledger {
    /// How many promises there are.
    pub(crate) fn promised(&self) -> usize {
        self.kinds().values().sum()
    }

    /// How many requests were told to come back.
    pub(crate) fn refused(&self) -> usize {
        self.sum(|writer| writer.refused)
    }

    /// How long the slowest answer took.
    pub(crate) fn slowest(&self) -> Duration {
        self.latencies().into_iter().max().unwrap_or_default()
    }

    /// The device sessions that were promised to somebody: their ids, each with the id of its user.
    pub(crate) fn owners(&self) -> Vec<(String, String)> {
        self.devices.iter().filter_map(Device::owner).collect()
    }

    /// Checks every promise at the server at `address`, whose public URL is `site`.
    ///
    /// # Panics
    /// When one is broken.
    pub(crate) async fn verify(self, address: SocketAddr, site: &str) {
        let (people, devices) = (self.people.len(), self.devices.len());
        let mut problems: Vec<String> = self.writers.into_iter().flat_map(|writer| writer.contradictions).collect();
        let share = |all: usize| all.div_ceil(HASHING + STEADY).max(1);
        let mut verifying: JoinSet<Vec<String>> = JoinSet::new();
        let mut rest = self.people.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut wire, some) = (Wire::to(address, site), rest.by_ref().take(share(people)).collect::<Vec<_>>());
            verifying.spawn(async move {
                let mut problems = Vec::new();
                for person in some {
                    let problem = person.verify(&mut wire).await.unwrap_or_else(|lost| Some(format!("{lost:?}")));
                    problems.extend(problem.map(|problem| format!("{problem}: {person:?}")));
                }
                problems
            });
        }
        let mut rest = self.devices.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut wire, some) = (Wire::to(address, site), rest.by_ref().take(share(devices)).collect::<Vec<_>>());
            verifying.spawn(async move {
                let mut problems = Vec::new();
                for device in some {
                    let problem = device.verify(&mut wire).await.unwrap_or_else(|lost| Some(format!("{lost:?}")));
                    problems.extend(problem.map(|problem| format!("{problem}: {device:?}")));
                }
                problems
            });
        }
        while let Some(found) = verifying.join_next().await {
            problems.append(&mut found.expect("no check panics"));
        }
        assert!(problems.is_empty(), "{} broken promises:\n{}", problems.len(), problems.join("\n"));
        say(&format!("  every promise to {people} people and {devices} devices is kept"));
    }

    /// Shows what was measured.
    pub(crate) fn tell(&self, what: &str) {
        let mut times = self.latencies();
        say(&format!(
            "{what}: {:.0} s, {} promised, {} refused with 503, {} unanswered, p50 {:?}, p99 {:?}, longest {:?}",
            self.elapsed.as_secs_f64(),
            self.promised(),
            self.refused(),
            self.sum(|writer| writer.unanswered),
            quantile(&mut times, 50),
            quantile(&mut times, 99),
            self.slowest(),
        ));
        let kinds = self.kinds().into_iter().map(|(path, count)| format!("{count} {path}"));
        say(&format!("  {}", kinds.collect::<Vec<_>>().join(", ")));
    }

    /// How many promises of each kind there are, by path.
    fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for (path, count) in self.writers.iter().flat_map(|writer| &writer.promised) {
            *kinds.entry(*path).or_default() += count;
        }
        kinds
    }

    fn latencies(&self) -> Vec<Duration> {
        self.writers.iter().flat_map(|writer| writer.latencies.iter().copied()).collect()
    }

    fn sum(&self, of: impl Fn(&Writer) -> usize) -> usize {
        self.writers.iter().map(of).sum()
    }
}
