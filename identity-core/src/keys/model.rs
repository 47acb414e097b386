//! A signing key and its life.

use std::time::Duration;

use crate::config::OAuthOptions;
use crate::id::SigningKeyId;
use crate::jwt::{Algorithm, Jwk};
use crate::time::{Timestamp, after};

/// For how long what was read last is used without asking the database.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// For how long it is used while the database does not answer.
pub(super) const GRACE: Duration = Duration::from_mins(5);

/// How long, at least, between two readings for tokens with a key that nobody knows.
pub(super) const MIN_RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// How long a key is published before it signs where nobody wants to wait: until every node has read it, and publishes it. A client
/// that meets it in a token and asks again may ask any of them.
pub(super) const SETTLING: Duration = Duration::from_secs(15);

/// How much longer than its last token a key is published: other nodes sign with it until they have read that it is over.
const MARGIN: Duration = Duration::from_mins(10);

/// A key that signs tokens, without its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id, the `kid` of its tokens. It is ours and not a thumbprint (RFC 7638), because the private half is sealed for its row
    /// before there is one, and because ids sort by age.
    pub id: SigningKeyId,
    /// What it signs with; there are keys of its own for each algorithm.
    pub algorithm: Algorithm,
    /// Where it stands.
    pub state: State,
    /// The public half as it is published.
    pub jwk: Jwk,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Where a key stands in its life.
///
/// ```text
///             from has come          the next one signs            until has come
///   Staged ──────────────────► Active ──────────────────► Retiring ───────────────► retired: its row is gone
///     │                          ▲
///     ▼                          │
///   gone: replaced             the first key of an algorithm, which has nobody to wait for
/// ```
///
/// All of them are published. For each algorithm there is at most one staged and one active key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is published, so that clients know it once it signs.
    Staged {
        /// When it begins to sign.
        from: Timestamp,
    },
    /// It signs.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// It does not sign any more, and its private half is erased. Tokens that it has signed are still good.
    Retiring {
        /// When the last of them has expired.
        until: Timestamp,
    },
}

impl State {
    /// The word for it: `staged`, `active` or `retiring`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Staged { .. } => "staged",
            Self::Active { .. } => "active",
            Self::Retiring { .. } => "retiring",
        }
    }

    /// The time that belongs to it.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        match self {
            Self::Staged { from: time } | Self::Active { since: time } | Self::Retiring { until: time } => time,
        }
    }

    pub(super) fn of(name: &str, time: Timestamp) -> Option<Self> {
        match name {
            "staged" => Some(Self::Staged { from: time }),
            "active" => Some(Self::Active { since: time }),
            "retiring" => Some(Self::Retiring { until: time }),
            _ => None,
        }
    }
}

impl SigningKey {
    /// Whether it is staged and its time has come.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Staged { from } if from <= now)
    }

    /// Whether all that it has signed has expired.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Retiring { until } if until <= now)
    }
}

/// The keys of one algorithm that matter for what comes next.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeysOfAlgorithm<'k> {
    pub(super) active: Option<&'k SigningKey>,
    pub(super) staged: Option<&'k SigningKey>,
}

impl<'k> KeysOfAlgorithm<'k> {
    pub(super) fn of(keys: &'k [SigningKey], algorithm: Algorithm) -> Self {
        let find = |name: &str| keys.iter().find(|key| key.algorithm == algorithm && key.state.name() == name);
        Self { active: find("active"), staged: find("staged") }
    }

    /// Whether the next key has to be published now, so that it can sign when the active one has served its time.
    pub(super) fn wants_next(&self, options: &OAuthOptions, now: Timestamp) -> bool {
        let Some(State::Active { since }) = self.active.map(|key| key.state) else { return false };
        self.staged.is_none() && now >= after(since, options.key_rotation.saturating_sub(options.key_publication))
    }
}

/// Until when a key that stops signing now is published.
pub(super) fn published_until(options: &OAuthOptions, now: Timestamp) -> Timestamp {
    let longest = options.access_token_lifetime.max(options.id_token_lifetime).max(OAuthOptions::LONGEST_OF_CLIENT);
    after(now, longest.saturating_add(MARGIN))
}
