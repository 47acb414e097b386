//! A logout on its way to a client, and when it is tried again.

use std::time::Duration;

use serde::Serialize;

use crate::id::{ClientId, LogoutDeliveryId, SessionId, UserId};
use crate::time::{Timestamp, after};

/// How often a client is told before it is given up.
const MOST_ATTEMPTS: u32 = 5;
/// The pause after the first failure. Each further one is six times as long: a minute, six, and then thirty-six.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// How much longer each pause is than the one before.
const GROWTH: u32 = 6;

/// What has become of a logout that a client has to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogoutState {
    /// It has not arrived yet.
    Waiting,
    /// The client has confirmed it.
    Delivered,
    /// The client has not confirmed it, and is not told again.
    Dead,
}

impl LogoutState {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Waiting, Self::Delivered, Self::Dead];

    /// Its name in rows and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// A logout that a client has to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutDelivery {
    /// Its id; ids of later ones sort after it.
    pub id: LogoutDeliveryId,
    /// Who has to hear of it.
    pub client_id: ClientId,
    /// Who was signed in. The account may be gone.
    pub user_id: UserId,
    /// The session that has ended.
    pub session_id: SessionId,
    /// What has become of it.
    pub state: LogoutState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, as long as it waits.
    pub due_at: Timestamp,
    /// The status of the last answer; none when there was no answer.
    pub last_status: Option<u16>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the session ended.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub settled_at: Option<Timestamp>,
}

/// A delivery that this worker holds the lease of.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    pub(crate) id: LogoutDeliveryId,
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
    /// How often it has been tried, this time included.
    pub(crate) attempts: u32,
    /// When the lease ends.
    pub(crate) until: Timestamp,
}

/// What becomes of a delivery that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The client has confirmed it.
    Delivered,
    /// The client has not, and is told again at this time.
    Retry(Timestamp),
    /// The client has not, and is given up.
    Dead,
}

impl Fate {
    /// What follows from the answer to this try. Only 200 confirms it, and 204, which a framework may make of it (Back-Channel Logout,
    /// section 2.8); 202 only says that somebody may look into it.
    pub(crate) fn of(attempts: u32, status: Option<u16>, now: Timestamp) -> Self {
        match status {
            Some(200 | 204) => Self::Delivered,
            _ if attempts >= MOST_ATTEMPTS => Self::Dead,
            _ => Self::Retry(after(now, FIRST_PAUSE * GROWTH.pow(attempts.saturating_sub(1)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[test]
    fn five_tries_have_pauses_that_grow() {
        let fates: Vec<Fate> = (1..=5).map(|attempts| Fate::of(attempts, Some(503), at(100))).collect();
        let pauses = [10, 60, 360, 2160].map(|pause| Fate::Retry(at(100 + pause)));
        assert_eq!(fates[..4], pauses);
        assert_eq!(fates[4], Fate::Dead);
    }

    #[test]
    fn only_200_and_204_are_a_confirmation() {
        for status in [200, 204] {
            assert_eq!(Fate::of(5, Some(status), at(0)), Fate::Delivered);
        }
        for status in [None, Some(201), Some(202), Some(206), Some(302), Some(400), Some(404), Some(500)] {
            assert_eq!(Fate::of(1, status, at(0)), Fate::Retry(at(10)), "{status:?}");
        }
    }
}
