//! Wrong passwords per account: from the fifth on, a pause that doubles, never a lock.

use std::net::IpAddr;
use std::time::Duration;

use super::store::{self, Pauses, Standing};
use super::{Counter, Limiter, limited, network};
use crate::code::Code;
use crate::error::Result;
use crate::id::UserId;
use crate::store::{Conn, Store};
use crate::time::CLOCK_SKEW;
use crate::token::Digest;

/// From the fifth wrong password on: 1 second, 2, 4, up to a quarter of an hour. An hour without one is forgiven.
const PAUSES: Pauses = Pauses {
    free: 4,
    first: Duration::from_secs(1),
    doublings: 9,
    longest: Duration::from_mins(15),
    memory: Duration::from_hours(1),
};

/// How long a network counts apart after the account was opened from it: as long as a session may
/// last by default.
const KNOWN: Duration = Duration::from_hours(24 * 30);

/// What a guess is at. Each kind is counted apart: strangers who guess at an account must not keep out who is signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// The password of an address, asked of whoever signs in. The address is in the form in which accounts are found by it.
    SignIn { email: &'a str, from: Option<IpAddr> },
    /// The password of a user who is signed in.
    Confirmation(&'a UserId),
    /// The code that was mailed to an address.
    Code(&'a str),
}

/// One guess that was let through and counts as wrong from then on: one that is cut short, by a crash or a client that hangs up,
/// is no cheaper than one that is answered.
#[derive(Debug)]
#[must_use]
pub(crate) struct Guess(Option<Charged>);

#[derive(Debug)]
struct Charged {
    digest: Digest<Counter>,
    at: i64,
}

impl Guess {
    /// The guess was right: the count starts again, once the transaction is committed.
    pub(crate) async fn right(&self, conn: &Conn<'_>) -> Result<()> {
        match &self.0 {
            Some(charged) => store::reset(conn, &charged.digest).await,
            None => Ok(()),
        }
    }

    /// The guess was right, and nothing is written beside that.
    pub(crate) async fn right_at_once(&self, store: &Store) -> Result<()> {
        match &self.0 {
            Some(charged) => store::reset_alone(store, &charged.digest).await,
            None => Ok(()),
        }
    }

    /// Passes on how the check ended. A password that nobody had the time to check was no guess.
    pub(crate) async fn checked<T>(&self, store: &Store, outcome: Result<T>) -> Result<T> {
        if let (Some(charged), Err(error)) = (&self.0, &outcome)
            && error.code() == Code::Overloaded
        {
            store::withdraw(store, &charged.digest, charged.at, PAUSES.memory).await?;
        }
        outcome
    }
}

impl Limiter {
    /// Asks to check one guess. Where an account has been opened before from the network of the guess, what others guess from
    /// elsewhere does not matter.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait, `store_unavailable`.
    pub(crate) async fn guess(&self, store: &Store, target: Target<'_>) -> Result<Guess> {
        if self.in_process.is_none() {
            return Ok(Guess(None));
        }
        let now = self.now();
        let account = self.account(target);
        let own = match target {
            Target::SignIn { email, from: Some(ip) } => Some(self.at_home(email, ip)),
            _ => None,
        };
        let known = match own {
            Some(own) => store::standing(store, &own).await?.filter(|own| own.known_until > now),
            None => None,
        };
        let (digest, standing) = match (own, known) {
            (Some(own), Some(standing)) => (own, Some(standing)),
            _ => (account, store::standing(store, &account).await?),
        };
        // Reading first lets a storm of guesses pass without a write. The statement that writes decides.
        refuse_pause(store, &digest, standing, now).await?;
        if !store::charge(store, &digest, &account, now, &PAUSES).await? {
            refuse_pause(store, &digest, store::standing(store, &digest).await?, now).await?;
            return Err(limited(PAUSES.first));
        }
        Ok(Guess(Some(Charged { digest, at: now })))
    }

    /// Notes that an account was opened from a network.
    pub(crate) async fn know(&self, conn: &Conn<'_>, email: &str, from: Option<IpAddr>) -> Result<()> {
        let (Some(_), Some(ip)) = (&self.in_process, from) else { return Ok(()) };
        let account = self.account(Target::SignIn { email, from });
        let until = self.now().saturating_add(store::micros(KNOWN));
        store::know(conn, &self.at_home(email, ip), &account, until).await
    }

    /// Forgets from where an account was opened: its password is another one now, or it is gone.
    pub(crate) async fn forget_networks(&self, conn: &Conn<'_>, email: &str) -> Result<()> {
        if self.in_process.is_none() {
            return Ok(());
        }
        store::forget_networks(conn, &self.account(Target::SignIn { email, from: None })).await
    }

    fn account(&self, target: Target<'_>) -> Digest<Counter> {
        match target {
            Target::SignIn { email, .. } => self.digest(&["account", email]),
            Target::Confirmation(id) => self.digest(&["confirmation", id.as_str()]),
            Target::Code(email) => self.digest(&["code", email]),
        }
    }

    fn at_home(&self, email: &str, ip: IpAddr) -> Digest<Counter> {
        self.digest(&["account", email, &network(ip).to_string()])
    }
}

async fn refuse_pause(store: &Store, digest: &Digest<Counter>, standing: Option<Standing>, now: i64) -> Result<()> {
    let Some(standing) = standing else { return Ok(()) };
    let mut wait = standing.paused_until.saturating_sub(now);
    let pause = PAUSES.after(standing.failures);
    if wait > store::micros(pause.saturating_add(CLOCK_SKEW)) {
        // No pause is longer than that: a clock was ahead. It begins anew, by the clock as it is.
        wait = store::micros(pause);
        store::mend_pause(store, digest, standing.paused_until, now.saturating_add(wait)).await?;
    }
    if wait > 0 { Err(limited(Duration::from_micros(wait.unsigned_abs()))) } else { Ok(()) }
}
