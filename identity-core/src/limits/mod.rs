//! Limits: how often one address may call, and how often one account's password may be guessed.

mod guesses;
pub(crate) mod store;

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::{NotUntil, Quota, RateLimiter};

use crate::code::Code;
use crate::crypto::hmac;
use crate::error::{Error, Result};
use crate::request::RequestInfo;
use crate::store::Store;
use crate::time::{CLOCK_SKEW, Clock};
use crate::token::Digest;

pub(crate) use guesses::{Guess, Target};

/// Where the calls of an action are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// In the database, for all processes together.
    Together,
    /// In this process alone.
    Here,
}

/// The table of actions: how many calls at once, in how many seconds all of them are allowed again, and where they are counted.
macro_rules! actions {
    ($(#[doc = $doc:literal] $action:ident: $count:literal in $seconds:literal, $counted:ident;)+) => {
        /// What a request is about to do, as far as limits care.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $action,)+
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];

            /// What it is and how often it may be done, as a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$action => $doc.trim_ascii(),)+ }
            }

            const fn id(self) -> &'static str {
                match self { $(Self::$action => stringify!($action),)+ }
            }

            /// How many calls are allowed at once, and in what time all of them are allowed again.
            #[must_use]
            pub const fn allowance(self) -> (u32, Duration) {
                match self { $(Self::$action => ($count, Duration::from_secs($seconds)),)+ }
            }

            const fn counted(self) -> Counted {
                match self { $(Self::$action => Counted::$counted,)+ }
            }

            /// Whether it is counted in the database, for all processes together.
            #[must_use]
            pub const fn is_shared(self) -> bool {
                matches!(self.counted(), Counted::Together)
            }
        }
    };
}

actions! {
    /// Signing in: 3 in 10 seconds.
    SignIn: 3 in 10, Together;
    /// Signing up: 3 in 10 seconds.
    SignUp: 3 in 10, Together;
    /// Setting a new password with a reset link: 3 in 10 seconds.
    ResetPassword: 3 in 10, Together;
    /// Opening an anonymous session of a device: 3 in 10 seconds.
    CreateDevice: 3 in 10, Together;
    /// Asking for a reset link: 3 in 60 seconds.
    RequestReset: 3 in 60, Together;
    /// Asking for a verification link: 3 in 60 seconds.
    RequestVerification: 3 in 60, Together;
    /// Asking for a code: 3 in 60 seconds.
    RequestCode: 3 in 60, Together;
    /// Giving a code: 3 in 60 seconds.
    GiveCode: 3 in 60, Together;
    /// Entering the code of a device: 10 in 60 seconds.
    EnterUserCode: 10 in 60, Together;
    /// Registering a client: 5 in 60 seconds.
    RegisterClient: 5 in 60, Together;
    /// Asking for the code of a device: 60 in 60 seconds.
    AuthorizeDevice: 60 in 60, Together;
    // Many people may sit behind one address.
    /// Beginning an authorization: 300 in 60 seconds.
    Authorize: 300 in 60, Here;
    /// Changing a password: 3 in 10 seconds.
    ChangePassword: 3 in 10, Here;
    /// Changing an address: 3 in 10 seconds.
    ChangeEmail: 3 in 10, Here;
    /// Anything else: 100 in 10 seconds.
    Other: 100 in 10, Here;
}

/// The governor's view of our clock: the time since 1970, as far as it has passed. It does not follow a clock that is set back, which
/// would keep everybody who was counted before waiting for as long, but goes on from where it was.
#[derive(Clone, Debug)]
struct Ticks {
    clock: Arc<dyn Clock>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// What the clock said last, in microseconds since 1970.
    clock: u64,
    /// What was made of it.
    ticks: u64,
}

impl GovernorClock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that what one thread reads late does not look like a clock that was set back.
        let now = micros_of(&*self.clock).unsigned_abs();
        *seen = Seen { clock: now, ticks: seen.ticks + now.saturating_sub(seen.clock) };
        Duration::from_micros(seen.ticks)
    }
}

fn micros_of(clock: &dyn Clock) -> i64 {
    clock.now().timestamp_micros().max(0)
}

type Keyed = RateLimiter<
    IpAddr,
    governor::state::keyed::DashMapStateStore<IpAddr>,
    Ticks,
    governor::middleware::NoOpMiddleware<Duration>,
>;

/// After how many calls the limiter throws away what no longer matters.
const CLEAN_EVERY: u64 = 4096;

/// Counts calls by address, a leaky bucket (GCRA) for each action, and guesses by account.
pub(crate) struct Limiter {
    /// The buckets of this process. `None` where nothing is limited.
    in_process: Option<Vec<(Action, Keyed)>>,
    /// What the database knows counters by, so that it holds no address of anybody.
    names: hmac::Key,
    clock: Ticks,
    counted: AtomicU64,
}

/// A counter in the database, by a digest of what it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {}

impl Limiter {
    pub(crate) fn new(enabled: bool, clock: &Arc<dyn Clock>, names: hmac::Key) -> Self {
        let ticks = Ticks { clock: Arc::clone(clock), seen: Arc::default() };
        let buckets = || {
            let here = Action::ALL.iter().filter(|action| action.counted() == Counted::Here);
            here.filter_map(|action| {
                let (count, period) = action.allowance();
                let quota = Quota::with_period(period / count)?.allow_burst(NonZeroU32::new(count)?);
                Some((*action, RateLimiter::dashmap_with_clock(quota, ticks.clone())))
            })
            .collect()
        };
        Self { in_process: enabled.then(buckets), names, clock: ticks, counted: AtomicU64::new(1) }
    }

    /// Counts one call of a request, if it has an address.
    ///
    /// # Errors
    /// As [`Limiter::count`].
    pub(crate) async fn count_request(&self, store: &Store, action: Action, info: &RequestInfo) -> Result<()> {
        match info.ip {
            Some(ip) => self.count(store, action, ip).await,
            None => Ok(()),
        }
    }

    /// Counts one call. IPv6 addresses count by their /64, the size of network that one person gets.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait; `store_unavailable` where the count is shared and the database does not answer.
    pub(crate) async fn count(&self, store: &Store, action: Action, ip: IpAddr) -> Result<()> {
        let Some(buckets) = &self.in_process else { return Ok(()) };
        match action.counted() {
            Counted::Here => self.count_here(buckets, action, ip),
            // On the heap: every request carries the room for this, and few use it.
            Counted::Together => Box::pin(self.count_together(store, action, ip)).await,
        }
    }

    fn count_here(&self, buckets: &[(Action, Keyed)], action: Action, ip: IpAddr) -> Result<()> {
        if self.counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(CLEAN_EVERY) {
            for (_, bucket) in buckets {
                bucket.retain_recent();
                bucket.shrink_to_fit();
            }
        }
        let Some((_, bucket)) = buckets.iter().find(|(known, _)| *known == action) else { return Ok(()) };
        bucket
            .check_key(&network(ip))
            .map_err(|denied: NotUntil<Duration>| limited(denied.wait_time_from(self.clock.now())))
    }

    async fn count_together(&self, store: &Store, action: Action, ip: IpAddr) -> Result<()> {
        let (count, period) = action.allowance();
        let share = period / count;
        let tolerance = period.saturating_sub(share);
        let digest = self.digest(&["address", action.id(), &network(ip).to_string()]);
        let now = self.now();
        let wait = async || -> Result<Option<Duration>> {
            let full_at = store::full_at(store, &digest).await?.unwrap_or(now);
            if full_at > now.saturating_add(store::micros(period.saturating_add(CLOCK_SKEW))) {
                // Nothing fills a bucket for longer than its period: a clock was further ahead than it may be. The time is neither
                // waited for nor forgotten: from here on the bucket is as full as it can be.
                store::mend_bucket(store, &digest, full_at, now.saturating_add(store::micros(period))).await?;
                return Ok(Some(share));
            }
            let wait = full_at.saturating_sub(now);
            let fits = wait <= store::micros(tolerance);
            Ok((!fits).then(|| Duration::from_micros(wait.unsigned_abs()).saturating_sub(tolerance)))
        };
        // Reading first lets a flood pass without a write. The statement that writes decides.
        if let Some(wait) = wait().await? {
            return Err(limited(wait));
        }
        if store::take(store, &digest, now, tolerance, share).await? {
            return Ok(());
        }
        Err(limited(wait().await?.unwrap_or(share)))
    }

    /// The time in microseconds since 1970.
    fn now(&self) -> i64 {
        micros_of(&*self.clock.clock)
    }

    fn digest(&self, parts: &[&str]) -> Digest<Counter> {
        Digest::from_bytes(self.names.sign(parts.join("\0").as_bytes()))
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("enabled", &self.in_process.is_some()).finish_non_exhaustive()
    }
}

fn limited(wait: Duration) -> Error {
    Error::new(Code::RateLimited).retry_after(wait)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_says_how_often_it_is_allowed() {
        for action in Action::ALL {
            let (count, time) = action.allowance();
            let numbers = format!(": {count} in {} seconds.", time.as_secs());
            assert!(action.about().ends_with(&numbers), "{}", action.about());
        }
    }
}
