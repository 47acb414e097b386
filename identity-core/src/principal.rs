//! Who is calling, as a handler sees it: the same shape in process and through a trust anchor.

mod token;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::id::{DeviceSessionId, SessionId, UserId};
use crate::time::Timestamp;

pub use token::TokenSummary;

/// The authentication context class of somebody who gave the password.
pub const ACR_PASSWORD: &str = "urn:identity:acr:pwd";
/// The authentication context class of somebody who showed that mail to the address reaches them.
pub const ACR_MAIL: &str = "urn:identity:acr:otp";

/// The authentication context class of a sign-in, by the words for how it was made (RFC 8176).
#[must_use]
pub fn acr(amr: &[String]) -> Option<&'static str> {
    let by = |word: &str| amr.iter().any(|method| method == word);
    if by("pwd") {
        Some(ACR_PASSWORD)
    } else if by("otp") {
        Some(ACR_MAIL)
    } else {
        None
    }
}

/// Whom a credential speaks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A user: who signed in here, or in whose name a client calls.
    User(Box<Principal>),
    /// A client of the authorization server that calls in its own name (RFC 6749, section 4.4). There is no user.
    Client(Arc<TokenSummary>),
}

/// A user and what proves that it is they who call, or that a client calls in their name.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// The user.
    pub user: Profile,
    /// What proves it.
    pub proof: Proof,
}

/// What proves who is calling.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// A session: the user signed in with this browser or client, and may do whatever the user may do.
    Session(Arc<SessionSummary>),
    /// An access token: a client may do, in the name of the user, what the scopes of the token say.
    Token(Arc<TokenSummary>),
}

/// What is known about a user outside of the identity tables.
///
/// A session tells all of it. An access token that nobody was asked about tells the id alone ([`Profile::of_id`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The id that other services key their own rows on.
    pub id: UserId,
    /// The address, in lower case; `None` only where a token does not tell it.
    pub email: Option<String>,
    /// Whether the user has proved that mail to the address reaches them.
    pub email_verified: bool,
    /// The display name; empty where nobody tells it.
    pub name: String,
    /// The picture's URL.
    pub image: Option<String>,
    /// The roles, comma-joined; `None` when the anchor does not expose them, and where a token does not tell them.
    pub role: Option<String>,
    /// When the account was created; `None` only where a token does not tell it.
    pub created_at: Option<Timestamp>,
    /// When the profile was last changed; `None` only where a token does not tell it.
    pub updated_at: Option<Timestamp>,
    /// The declared extra fields and one `has<Target>Account` flag per provisioning target.
    pub attributes: Map<String, Value>,
}

/// The session of a principal, without its token.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSummary {
    /// The id by which the session is listed and revoked.
    pub id: SessionId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When it was last extended.
    pub updated_at: Timestamp,
    /// When it ends unless it is extended.
    pub expires_at: Timestamp,
    /// The address it was opened from.
    pub ip_address: Option<IpAddr>,
    /// The browser or client it was opened with.
    pub user_agent: Option<String>,
    /// How well the sign-in proved who it is: [`ACR_PASSWORD`], [`ACR_MAIL`], or what an anchor of another kind tells; `None` where
    /// nobody tells it.
    pub acr: Option<String>,
    /// The ways in which the user proved it, as words of RFC 8176; empty where nobody tells them.
    pub amr: Vec<String>,
}

impl Principal {
    /// The session of the user, where that is what proves it.
    #[must_use]
    pub fn session(&self) -> Option<&SessionSummary> {
        match &self.proof {
            Proof::Session(session) => Some(session),
            Proof::Token(_) => None,
        }
    }

    /// The access token, where that is what proves it.
    #[must_use]
    pub fn token(&self) -> Option<&TokenSummary> {
        match &self.proof {
            Proof::Session(_) => None,
            Proof::Token(token) => Some(token),
        }
    }

    /// When the user signed in, as far as the proof tells.
    #[must_use]
    pub fn auth_time(&self) -> Option<Timestamp> {
        match &self.proof {
            Proof::Session(session) => Some(session.created_at),
            Proof::Token(token) => token.auth_time,
        }
    }

    /// How well the user proved who they are, as far as the proof tells: the authentication context class.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        match &self.proof {
            Proof::Session(session) => session.acr.as_deref(),
            Proof::Token(token) => token.acr.as_deref(),
        }
    }
}

/// A device that nobody has signed in on, and the anonymous session that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The id of the session, which other services key the rows of somebody anonymous on.
    pub session_id: DeviceSessionId,
    /// The name that the device gave itself. It proves nothing: others can give themselves the same.
    pub device_id: String,
    /// The currency that the device shows prices in, such as `USD` (ISO 4217).
    pub preferred_currency: String,
    /// When the session was opened.
    pub created_at: Timestamp,
    /// When the device last showed that it is there.
    pub last_active_at: Timestamp,
    /// When the session ends unless the device is active again.
    pub expires_at: Timestamp,
}

/// The roles that pass every role gate.
const ADMINISTRATORS: [&str; 2] = ["admin", "superadmin"];

/// Whether one of these comma-joined roles passes every role gate.
#[must_use]
pub fn is_administrator(roles: &str) -> bool {
    roles.split(',').any(|role| ADMINISTRATORS.contains(&role.trim()))
}

impl Profile {
    /// Somebody of whom nothing is known but the id.
    #[must_use]
    pub fn of_id(id: UserId) -> Self {
        Self {
            id,
            email: None,
            email_verified: false,
            name: String::new(),
            image: None,
            role: None,
            created_at: None,
            updated_at: None,
            attributes: Map::new(),
        }
    }

    /// The single roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.role.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|role| !role.is_empty())
    }

    /// Whether the user passes a gate for one of `roles`. `admin` and `superadmin` pass every gate.
    #[must_use]
    pub fn has_any_role(&self, roles: &[impl AsRef<str>]) -> bool {
        self.roles().any(|held| ADMINISTRATORS.contains(&held) || roles.iter().any(|role| role.as_ref() == held))
    }

    /// Whether the service `target` has prepared its part for this user.
    #[must_use]
    pub fn is_provisioned(&self, target: &str) -> bool {
        self.attributes.get(&provisioning_flag(target)).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// The name under which a provisioning target appears on the user: `order-history` becomes `hasOrderHistoryAccount`.
#[must_use]
pub fn provisioning_flag(target: &str) -> String {
    let mut flag = String::from("has");
    for word in target.split(['-', '_', '.']) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            flag.extend(first.to_uppercase());
            flag.push_str(letters.as_str());
        }
    }
    flag.push_str("Account");
    flag
}
