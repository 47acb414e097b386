//! A device session, how long it lives, and whether it can become a user's.

use crate::code::Code;
use crate::config::DeviceOptions;
use crate::error::{Error, Result};
use crate::id::{DeviceSessionId, UserId};
use crate::principal::Device;
use crate::time::{Timestamp, after};

/// Longest name of a device, in characters.
const MAX_DEVICE_ID: usize = 128;

/// The name that a device gives itself: 1 to 128 ASCII letters, digits, `_` and `-`. It names, it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceId(String);

impl DeviceId {
    /// Takes a name, if it is one.
    ///
    /// # Errors
    /// `invalid_input`.
    pub fn parse(text: &str) -> Result<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=MAX_DEVICE_ID).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Code::InvalidInput)
            .with_field("deviceId")
            .with_detail("Invalid input: expected 1 to 128 letters, digits, underscores and dashes"))
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The name as it stands in rows and on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The currency that a device shows prices in: three capital letters (ISO 4217). Default `USD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency(String);

impl Currency {
    /// Takes a code, if it has the form of one.
    ///
    /// # Errors
    /// `invalid_input`.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Code::InvalidInput)
            .with_field("preferredCurrency")
            .with_detail("Invalid input: expected three capital letters"))
    }

    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The code as it stands in rows and on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self("USD".to_owned())
    }
}

/// What a device says about itself when it opens a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeviceSession {
    /// Its name.
    pub device_id: DeviceId,
    /// The currency that it shows prices in.
    pub preferred_currency: Currency,
}

/// One anonymous session of a device. The token itself is not part of it: only its digest is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSession {
    /// The id that other services key the rows of somebody anonymous on.
    pub id: DeviceSessionId,
    /// The name that the device gave itself.
    pub device_id: DeviceId,
    /// The currency that it shows prices in.
    pub preferred_currency: Currency,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When the device last showed that it is there.
    pub last_active_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Whether it was ever used: nothing can hang on one that was not.
    pub used: bool,
    /// When and whose it became.
    pub migration: Option<Migration>,
}

/// What became of a device session whose user has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// When it happened.
    pub at: Timestamp,
    /// Whose the session is since then.
    pub user_id: UserId,
}

/// What is to be done about a device session that is being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is good.
    Live,
    /// It is good, and its use is due to be written down.
    Due,
    /// It has run out, or has become a user's.
    Over,
}

/// Whether a device session can become a user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eligibility {
    /// It can.
    Eligible,
    /// There is none, or none any more.
    NotFound,
    /// It already has.
    Migrated,
}

impl Eligibility {
    /// Why it cannot; `None` when it can.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Eligible => None,
            Self::NotFound => Some("not found or expired"),
            Self::Migrated => Some("already migrated"),
        }
    }
}

impl DeviceSession {
    /// When it ends unless the device is active again.
    #[must_use]
    pub fn ends_at(&self, policy: &DeviceOptions) -> Timestamp {
        after(self.last_active_at, policy.expires_in).min(self.expires_at)
    }

    pub(crate) fn standing(&self, now: Timestamp, policy: &DeviceOptions) -> Standing {
        if self.migration.is_some() || now >= self.ends_at(policy) {
            Standing::Over
        } else if !self.used || now >= after(self.last_active_at, policy.update_age) {
            Standing::Due
        } else {
            Standing::Live
        }
    }

    pub(crate) fn eligibility(&self, now: Timestamp, policy: &DeviceOptions) -> Eligibility {
        match (&self.migration, self.standing(now, policy)) {
            (Some(_), _) => Eligibility::Migrated,
            (None, Standing::Over) => Eligibility::NotFound,
            (None, Standing::Live | Standing::Due) => Eligibility::Eligible,
        }
    }

    /// The session as a handler sees it.
    #[must_use]
    pub fn device(&self, policy: &DeviceOptions) -> Device {
        Device {
            session_id: self.id.clone(),
            device_id: self.device_id.as_str().to_owned(),
            preferred_currency: self.preferred_currency.as_str().to_owned(),
            created_at: self.created_at,
            last_active_at: self.last_active_at,
            expires_at: self.ends_at(policy),
        }
    }
}
