//! A device that waits for somebody to enter its code, and the form of that code.

use crate::crypto::hmac;
use crate::entropy::{Entropy, user_code};
use crate::id::{ClientId, DeviceAuthorizationId, SessionId, UserId};
use crate::scope::ScopeSet;
use crate::time::{Timestamp, after};
use crate::token::Digest;

/// What the code that people enter is known by in the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entered {}

/// Letters of a code.
pub(crate) const LENGTH: usize = 8;

/// By how much a device that asks too often has to slow down, in seconds (RFC 8628, section 3.5).
pub(crate) const SLOWER: i64 = 5;

/// A device that waits, from the request to its tokens.
///
/// ```text
/// Pending ──► Approved ──► Spent
///     │           │
///     └─► Denied ◄┘
/// ```
#[derive(Clone, Debug)]
pub(crate) struct DeviceAuthorization {
    pub(crate) id: DeviceAuthorizationId,
    pub(crate) client_id: ClientId,
    pub(crate) state: State,
    pub(crate) scope: ScopeSet,
    pub(crate) resources: Vec<String>,
    /// How long the device waits between two questions, in seconds.
    pub(crate) interval: i64,
    pub(crate) polled_at: Option<Timestamp>,
    /// Who opened it first; nobody else can decide about it.
    pub(crate) user_id: Option<UserId>,
    /// In which session it was approved.
    pub(crate) session_id: Option<SessionId>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// How far it has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Approved,
    Denied,
    Spent,
}

impl State {
    const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Denied, Self::Spent];

    /// Its name in rows.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Spent => "spent",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a device hears that asks whether somebody has entered its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poll {
    Pending,
    TooSoon,
    Denied,
    Expired,
    Approved,
    /// The code was spent.
    Over,
}

impl DeviceAuthorization {
    pub(crate) fn poll(&self, now: Timestamp) -> Poll {
        let interval = std::time::Duration::from_secs(self.interval.unsigned_abs());
        let too_soon = self.polled_at.is_some_and(|last| now < after(last, interval));
        match self.state {
            State::Spent => Poll::Over,
            _ if now >= self.expires_at => Poll::Expired,
            _ if too_soon => Poll::TooSoon,
            State::Pending => Poll::Pending,
            State::Denied => Poll::Denied,
            State::Approved => Poll::Approved,
        }
    }
}

/// A code as people see it: two groups of four letters.
pub(crate) fn mint_code(entropy: &dyn Entropy) -> String {
    let letters = user_code(entropy, LENGTH);
    let (first, second) = letters.split_at_checked(LENGTH / 2).unwrap_or((&letters, ""));
    format!("{first}-{second}")
}

/// What a code is known by; letters count in any case, and whatever stands between them does not count. `None` for what cannot be one.
pub(crate) fn digest(key: &hmac::Key, code: &str) -> Option<Digest<Entered>> {
    if code.len() > 4 * LENGTH {
        return None;
    }
    let letters: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    (letters.len() == LENGTH).then(|| Digest::from_bytes(key.sign(letters.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::entropy::OsEntropy;

    fn at(seconds: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    fn waiting(state: State) -> DeviceAuthorization {
        DeviceAuthorization {
            id: DeviceAuthorizationId::from_text("id"),
            client_id: ClientId::from_text("client"),
            state,
            scope: ScopeSet::default(),
            resources: Vec::new(),
            interval: 5,
            polled_at: Some(at(10)),
            user_id: None,
            session_id: None,
            created_at: at(0),
            expires_at: at(600),
        }
    }

    #[test]
    fn a_device_hears_how_it_stands() {
        let cases = [
            (State::Pending, 15, Poll::Pending),
            (State::Pending, 14, Poll::TooSoon),
            (State::Approved, 14, Poll::TooSoon),
            (State::Approved, 15, Poll::Approved),
            (State::Denied, 15, Poll::Denied),
            (State::Approved, 600, Poll::Expired),
            (State::Spent, 15, Poll::Over),
        ];
        for (state, second, expected) in cases {
            assert_eq!(waiting(state).poll(at(second)), expected, "{state:?} at {second}");
        }
    }

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let key = hmac::Key::new(b"key");
        let code = mint_code(&OsEntropy);
        assert_eq!(code.len(), LENGTH + 1);
        assert!(code.bytes().all(|letter| b"BCDFGHJKLMNPQRSTVWXZ-".contains(&letter)), "{code}");
        let typed = [code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code} ")];
        for typed in typed {
            assert_eq!(digest(&key, &typed), digest(&key, &code), "{typed:?}");
        }
        for wrong in ["", "ABCD", "ABCD-EFGHI", &"A-".repeat(100), "ÄÖÜß-ÄÖÜß"] {
            assert!(digest(&key, wrong).is_none(), "{wrong:?}");
        }
    }
}
