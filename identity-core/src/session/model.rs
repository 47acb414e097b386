//! A session and how long it lives.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::config::SessionOptions;
use crate::id::{SessionId, UserId};
use crate::principal::{SessionSummary, acr};
use crate::time::{Timestamp, after};

/// One signed-in browser or client. The token itself is not part of it: only its digest is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The id by which it is listed and revoked.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Whether the user asked to be remembered. A session that is not never slides.
    pub remembered: bool,
    /// The address it was opened from.
    pub ip_address: Option<IpAddr>,
    /// The browser or client it was opened with.
    pub user_agent: Option<String>,
    /// How the user proved who they are, in the words of RFC 8176, such as `pwd`; empty for sessions from before it was written down.
    pub amr: Vec<String>,
    /// The declared extra fields that have a value.
    pub fields: Map<String, Value>,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last extended.
    pub updated_at: Timestamp,
    /// When it ends unless it is extended.
    pub expires_at: Timestamp,
}

/// How a user proved who they are when a session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// With the password.
    Password,
    /// With a code or link that was mailed to them.
    Mail,
}

impl Method {
    /// The word for it (RFC 8176, section 2).
    pub(crate) const fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Mail => "otp",
        }
    }
}

/// What is to be done about a session that is being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is good.
    Live,
    /// It is good and due to be extended to this time.
    Due(Timestamp),
    /// It is over.
    Expired,
}

impl Session {
    /// Judges the session by its lifetimes: sliding, absolute, and none of both when it is not remembered.
    pub(crate) fn standing(&self, now: Timestamp, policy: &SessionOptions) -> Standing {
        let end = after(self.created_at, policy.max_age);
        if now >= self.expires_at || now >= end {
            return Standing::Expired;
        }
        let extended = after(now, policy.expires_in).min(end);
        let last_extended = crate::time::before(self.expires_at, policy.expires_in);
        let due = self.remembered && after(last_extended, policy.update_age) <= now && extended > self.expires_at;
        if due { Standing::Due(extended) } else { Standing::Live }
    }

    /// Whether the sign-in is recent enough for a sensitive change.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, policy: &SessionOptions) -> bool {
        policy.fresh_age.is_zero() || now < after(self.created_at, policy.fresh_age)
    }

    /// How long a browser should keep the session's cookie; `None` for as long as it is open. Never beyond the absolute end.
    #[must_use]
    pub fn cookie_age(&self, now: Timestamp, policy: &SessionOptions) -> Option<Duration> {
        let left = (after(self.created_at, policy.max_age) - now).to_std().unwrap_or_default();
        self.remembered.then(|| policy.expires_in.min(left))
    }

    /// The session as a handler sees it.
    #[must_use]
    pub fn summary(&self) -> SessionSummary {
        SessionSummary {
            id: self.id.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
            ip_address: self.ip_address,
            user_agent: self.user_agent.clone(),
            acr: acr(&self.amr).map(str::to_owned),
            amr: self.amr.clone(),
        }
    }
}
