//! Where the current time comes from.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A moment in UTC. Stored and compared with microsecond precision.
pub type Timestamp = DateTime<Utc>;

/// By how much the clocks of the processes on one database may differ.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// The source of the current time; a test passes one that it can move.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time in UTC.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        to_micros(Utc::now())
    }
}

/// Cuts a time to microseconds, the precision that both databases keep, so that a value read back equals the one written.
#[must_use]
pub fn to_micros(time: Timestamp) -> Timestamp {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

/// `time` plus `duration`, saturating at the end of the year 9999, which is as far as texts of times sort and databases go.
#[must_use]
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_add_signed(delta))
        .map_or(latest(), |sum| sum.min(latest()))
}

/// `time` minus `duration`, saturating at 1970.
#[must_use]
pub fn before(time: Timestamp, duration: Duration) -> Timestamp {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_sub_signed(delta))
        .map_or(DateTime::<Utc>::UNIX_EPOCH, |rest| rest.max(DateTime::<Utc>::UNIX_EPOCH))
}

fn latest() -> Timestamp {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
