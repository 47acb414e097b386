//! Wrong passwords per account: from the fifth on, a pause that doubles, never a lock.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::time::{Timestamp, after};

/// Wrong passwords that cost nothing but the answer.
const FREE: u32 = 4;
/// The pause after the first one that costs.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// After this long without a wrong password, the count starts again.
const MEMORY: Duration = Duration::from_hours(1);

type Account = [u8; 32];

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    failures: u32,
    in_flight: u32,
    last: Option<Timestamp>,
}

impl Record {
    fn paused_until(&self) -> Option<Timestamp> {
        let costly = self.failures.checked_sub(FREE + 1)?;
        let pause = FIRST_PAUSE.saturating_mul(1 << costly.min(16)).min(LONGEST_PAUSE);
        self.last.map(|last| after(last, pause))
    }

    /// Guesses in flight count as wrong until they are known, so that a burst cannot outrun the count.
    fn admits(&self) -> bool {
        self.in_flight == 0 || self.failures + self.in_flight <= FREE
    }
}

/// The wrong passwords of each account, known or not, by a digest of its name.
#[derive(Debug)]
pub(crate) struct Guesses {
    accounts: Option<Mutex<HashMap<Account, Record>>>,
}

/// One guess that was let through. Dropping it without a verdict counts nothing.
#[derive(Debug)]
#[must_use]
pub(crate) struct Guess<'g> {
    guesses: &'g Guesses,
    account: Account,
}

impl Guesses {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { accounts: enabled.then(Mutex::default) }
    }

    /// Asks to check one password of an account.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub(crate) fn begin(&self, account: &str, now: Timestamp) -> Result<Guess<'_>> {
        let account = key(account);
        if let Some(mut records) = self.records() {
            let record = records.entry(account).or_default();
            if let Some(until) = record.paused_until().filter(|until| now < *until) {
                let wait = (until - now).to_std().unwrap_or(FIRST_PAUSE);
                return Err(Error::new(Code::RateLimited).retry_after(wait));
            }
            if !record.admits() {
                return Err(Error::new(Code::RateLimited).retry_after(FIRST_PAUSE));
            }
            record.in_flight += 1;
        }
        Ok(Guess { guesses: self, account })
    }

    pub(crate) fn forget_quiet(&self, now: Timestamp) {
        if let Some(mut records) = self.records() {
            records
                .retain(|_, record| record.in_flight > 0 || record.last.is_some_and(|last| now < after(last, MEMORY)));
            records.shrink_to_fit();
        }
    }

    /// A poisoned lock still guards a sound map: no step between two writes can panic.
    fn records(&self) -> Option<MutexGuard<'_, HashMap<Account, Record>>> {
        Some(self.accounts.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Guess<'_> {
    /// The password was right: the count starts again.
    pub(crate) fn right(self) {
        if let Some(record) = self.guesses.records().as_mut().and_then(|records| records.get_mut(&self.account)) {
            record.failures = 0;
            record.last = None;
        }
    }

    /// The password was wrong.
    pub(crate) fn wrong(self, now: Timestamp) {
        if let Some(record) = self.guesses.records().as_mut().and_then(|records| records.get_mut(&self.account)) {
            let forgotten = record.last.is_some_and(|last| after(last, MEMORY) <= now);
            record.failures = if forgotten { 1 } else { record.failures.saturating_add(1) };
            record.last = Some(now);
        }
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let Some(mut records) = self.guesses.records() else { return };
        if let Some(record) = records.get_mut(&self.account) {
            record.in_flight = record.in_flight.saturating_sub(1);
            if record.in_flight == 0 && record.failures == 0 {
                records.remove(&self.account);
            }
        }
    }
}

fn key(account: &str) -> Account {
    let mut key = Account::default();
    for (target, source) in key.iter_mut().zip(digest::digest(&digest::SHA256, account.as_bytes()).as_ref()) {
        *target = *source;
    }
    key
}
