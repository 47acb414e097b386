//! Limits: how often one address may call, and how often one account's password may be guessed.

mod guesses;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::{NotUntil, Quota, RateLimiter};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::time::Clock;

pub(crate) use guesses::Guesses;

/// What a request is about to do, as far as limits care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Signing in: 3 in 10 seconds.
    SignIn,
    /// Signing up: 3 in 10 seconds.
    SignUp,
    /// Changing a password: 3 in 10 seconds.
    ChangePassword,
    /// Changing an address: 3 in 10 seconds.
    ChangeEmail,
    /// Setting a new password with a reset link: 3 in 10 seconds.
    ResetPassword,
    /// Opening an anonymous session of a device: 3 in 10 seconds.
    CreateDevice,
    /// Asking for a reset link: 3 in 60 seconds.
    RequestReset,
    /// Asking for a verification link: 3 in 60 seconds.
    RequestVerification,
    /// Asking for a code: 3 in 60 seconds.
    RequestCode,
    /// Giving a code: 3 in 60 seconds.
    GiveCode,
    /// Anything else: 100 in 10 seconds.
    Other,
}

impl Action {
    const ALL: [Self; 11] = [
        Self::SignIn,
        Self::SignUp,
        Self::ChangePassword,
        Self::ChangeEmail,
        Self::ResetPassword,
        Self::CreateDevice,
        Self::RequestReset,
        Self::RequestVerification,
        Self::RequestCode,
        Self::GiveCode,
        Self::Other,
    ];

    /// How many at once, and how long until all of them are allowed again.
    const fn allowance(self) -> (u32, Duration) {
        match self {
            Self::SignIn
            | Self::SignUp
            | Self::ChangePassword
            | Self::ChangeEmail
            | Self::ResetPassword
            | Self::CreateDevice => (3, Duration::from_secs(10)),
            Self::RequestReset | Self::RequestVerification | Self::RequestCode | Self::GiveCode => {
                (3, Duration::from_mins(1))
            }
            Self::Other => (100, Duration::from_secs(10)),
        }
    }
}

/// The governor's view of our clock: the time since 1970. It never goes back: a clock that is set back would keep everybody who
/// was counted before waiting for as long.
#[derive(Clone, Debug)]
struct Ticks {
    clock: Arc<dyn Clock>,
    latest: Arc<AtomicU64>,
}

impl GovernorClock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let now = u64::try_from(self.clock.now().timestamp_micros()).unwrap_or_default();
        Duration::from_micros(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }
}

type Keyed = RateLimiter<
    IpAddr,
    governor::state::keyed::DashMapStateStore<IpAddr>,
    Ticks,
    governor::middleware::NoOpMiddleware<Duration>,
>;

/// After how many calls the limiter throws away what no longer matters.
const CLEAN_EVERY: u64 = 4096;

/// Counts per address in this process (a leaky bucket per action), and guesses per account.
pub(crate) struct Limiter {
    per_address: Option<Vec<(Action, Keyed)>>,
    pub(crate) guesses: Guesses,
    clock: Ticks,
    counted: AtomicU64,
}

impl Limiter {
    pub(crate) fn new(enabled: bool, clock: &Arc<dyn Clock>) -> Self {
        let ticks = Ticks { clock: Arc::clone(clock), latest: Arc::default() };
        let buckets = || {
            Action::ALL
                .into_iter()
                .filter_map(|action| {
                    let (count, period) = action.allowance();
                    let quota = Quota::with_period(period / count)?.allow_burst(NonZeroU32::new(count)?);
                    Some((action, RateLimiter::dashmap_with_clock(quota, ticks.clone())))
                })
                .collect()
        };
        Self {
            per_address: enabled.then(buckets),
            guesses: Guesses::new(enabled),
            clock: ticks,
            counted: AtomicU64::new(1),
        }
    }

    /// Counts one call. IPv6 addresses count by their /64, the size of network that one person gets.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait.
    pub(crate) fn count(&self, action: Action, ip: IpAddr) -> Result<()> {
        let Some(buckets) = &self.per_address else { return Ok(()) };
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(CLEAN_EVERY) {
            self.forget_quiet();
        }
        let Some((_, bucket)) = buckets.iter().find(|(known, _)| *known == action) else { return Ok(()) };
        bucket.check_key(&network(ip)).map_err(|denied: NotUntil<Duration>| {
            Error::new(Code::RateLimited).retry_after(denied.wait_time_from(self.clock.now()))
        })
    }

    /// Forgets addresses and accounts that have been quiet for long enough to start afresh.
    fn forget_quiet(&self) {
        for (_, bucket) in self.per_address.iter().flatten() {
            bucket.retain_recent();
            bucket.shrink_to_fit();
        }
        self.guesses.forget_quiet(self.clock.clock.now());
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("enabled", &self.per_address.is_some()).finish_non_exhaustive()
    }
}

/// The network that an address is counted as: itself, or the /64 of an IPv6 address.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6([a, b, c, d, 0, 0, 0, 0].into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}
