//! Time that a test moves, randomness that repeats, mail that stays, hashes that are fast.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::config::PasswordOptions;
use crate::crypto::hmac;
use crate::entropy::Entropy;
use crate::mail::{Mail, MailError, MailTransport};
use crate::time::{Clock, Timestamp, after, to_micros};

/// A clock that stands still until it is moved. It starts at 2026-01-01T00:00:00Z.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock at its start.
    #[must_use]
    pub fn new() -> Self {
        const DAYS_SINCE_1970: u64 = 20_454;
        Self::at(after(Timestamp::UNIX_EPOCH, Duration::from_hours(24 * DAYS_SINCE_1970)))
    }

    /// A clock at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Mutex::new(to_micros(now)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = lock(&self.0);
        *now = to_micros(after(*now, duration));
    }

    /// Puts the clock to a time, also an earlier one.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = to_micros(now);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// Bytes that look random and are the same for the same seed, such as the name of the test.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: String,
    stream: Mutex<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    blocks: u64,
    /// What is left of the last block.
    rest: Vec<u8>,
}

impl SeededEntropy {
    /// Starts the stream of a seed.
    pub fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), stream: Mutex::default() }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut stream = lock(&self.stream);
        for target in bytes {
            if stream.rest.is_empty() {
                stream.rest = hmac::Key::new(self.seed.as_bytes()).sign(&stream.blocks.to_be_bytes()).to_vec();
                stream.blocks += 1;
            }
            *target = stream.rest.pop().unwrap_or_default();
        }
    }
}

/// Keeps the mails instead of sending them, and fails when it is told to.
#[derive(Debug, Default)]
pub struct MemoryMailer {
    mails: Mutex<Vec<Mail>>,
    failure: Mutex<Option<Failure>>,
}

/// How a [`MemoryMailer`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// As if the server could not be reached.
    Transient,
    /// As if the server knew no such recipient.
    Permanent,
}

impl MemoryMailer {
    /// A mailer that keeps every mail.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails from now on, or works again with `None`.
    pub fn fail(&self, failure: Option<Failure>) {
        *lock(&self.failure) = failure;
    }

    /// All mails, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.mails).clone()
    }

    /// The mails to one address, oldest first.
    #[must_use]
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        lock(&self.mails).iter().filter(|mail| mail.to.as_str() == address).cloned().collect()
    }

    /// The newest mail to one address.
    #[must_use]
    pub fn last_to(&self, address: &str) -> Option<Mail> {
        self.mails_to(address).pop()
    }

    /// Forgets all mails.
    pub fn clear(&self) {
        lock(&self.mails).clear();
    }
}

#[async_trait]
impl MailTransport for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        match *lock(&self.failure) {
            Some(Failure::Transient) => Err(MailError::transient("told to fail")),
            Some(Failure::Permanent) => Err(MailError::permanent("told to fail")),
            None => {
                lock(&self.mails).push(mail.clone());
                Ok(())
            }
        }
    }
}

/// The link in a mail.
#[must_use]
pub fn link(mail: &Mail) -> Option<&str> {
    mail.text.split_whitespace().find(|word| word.contains("://"))
}

/// The six-digit code in a mail.
#[must_use]
pub fn code(mail: &Mail) -> Option<&str> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.text.lines().map(str::trim).find(is_code)
}

/// Hashes that cost next to nothing: argon2id with 8 KiB and one pass. Never for real passwords.
#[must_use]
pub fn fast_password_options() -> PasswordOptions {
    PasswordOptions { argon2_memory: 8, argon2_iterations: 1, argon2_parallelism: 1, ..PasswordOptions::default() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Purpose;
    use crate::text::Email;

    #[test]
    fn the_clock_moves_only_when_it_is_told_to() {
        let clock = ManualClock::new();
        assert_eq!(clock.now().to_rfc3339(), "2026-01-01T00:00:00+00:00");
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().to_rfc3339(), "2026-01-01T00:00:01.500+00:00");
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn a_seed_gives_one_stream_however_it_is_read() {
        let (at_once, in_pieces) = (SeededEntropy::new("seed"), SeededEntropy::new("seed"));
        let mut whole = [0; 100];
        at_once.fill(&mut whole);
        let mut pieces = [0; 100];
        for piece in pieces.chunks_mut(7) {
            in_pieces.fill(piece);
        }
        assert_eq!(whole, pieces);
        let mut other = [0; 100];
        SeededEntropy::new("other").fill(&mut other);
        assert_ne!(whole, other);
        assert_ne!(whole[..32], whole[32..64]);
    }

    #[tokio::test]
    async fn the_mailer_keeps_mails_and_fails_when_told_to() {
        let mailer = MemoryMailer::new();
        let mail = |to: &str, subject: &str| Mail {
            purpose: Purpose::VerifyEmail,
            to: Email::parse(to).unwrap(),
            subject: subject.to_owned(),
            text: "Hello\n\nhttps://id.example.com/go?token=abc\n\n    123456\n".to_owned(),
            html: String::new(),
        };
        mailer.send(&mail("ann@example.com", "one")).await.unwrap();
        mailer.fail(Some(Failure::Permanent));
        assert!(mailer.send(&mail("ann@example.com", "two")).await.unwrap_err().permanent);
        mailer.fail(Some(Failure::Transient));
        assert!(!mailer.send(&mail("ann@example.com", "two")).await.unwrap_err().permanent);
        mailer.fail(None);
        mailer.send(&mail("ann@example.com", "three")).await.unwrap();
        mailer.send(&mail("bob@example.com", "four")).await.unwrap();
        assert_eq!(mailer.mails_to("ann@example.com").len(), 2);
        let last = mailer.last_to("ann@example.com").unwrap();
        assert_eq!(last.subject, "three");
        assert_eq!(link(&last), Some("https://id.example.com/go?token=abc"));
        assert_eq!(code(&last), Some("123456"));
        mailer.clear();
        assert!(mailer.mails().is_empty());
    }
}
