//! What can happen to an account or a client, as a closed list.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::code::Code;
use crate::id::{ClientId, SigningKeyId, UserId};
use crate::jwt::Algorithm;
use crate::request::RequestInfo;
use crate::time::Timestamp;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has not proved who they are.
    Anonymous,
    /// A user who is signed in.
    User(UserId),
    /// A service that has proved its name.
    Service(String),
    /// Whoever has the host or the embedding application.
    Operator,
}

impl Actor {
    /// The word for the kind of actor: `anonymous`, `user`, `service` or `operator`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User(_) => "user",
            Self::Service(_) => "service",
            Self::Operator => "operator",
        }
    }

    /// The id of the user or the name of the service.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::User(id) => Some(id.as_str()),
            Self::Service(name) => Some(name),
            Self::Anonymous | Self::Operator => None,
        }
    }

    pub(crate) fn from_row(kind: &str, id: Option<String>) -> Self {
        match (kind, id) {
            ("user", Some(id)) => Self::User(UserId::from_text(id)),
            ("service", Some(name)) => Self::Service(name),
            ("operator", _) => Self::Operator,
            _ => Self::Anonymous,
        }
    }
}

/// What happened, who did it, to whom, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) event: Event,
    pub(crate) actor: Actor,
    /// Whose account it is about, as far as there is one.
    pub(crate) user_id: Option<&'a UserId>,
    /// The request that caused it; none on the host.
    pub(crate) info: Option<&'a RequestInfo>,
}

impl<'a> Act<'a> {
    /// A user did something to their own account.
    pub(crate) fn own(event: Event, user_id: &'a UserId, info: &'a RequestInfo) -> Self {
        Self { event, actor: Actor::User(user_id.clone()), user_id: Some(user_id), info: Some(info) }
    }

    /// Somebody who has not proved who they are did something, to an account if there is one.
    pub(crate) fn anonymous(event: Event, user_id: Option<&'a UserId>, info: &'a RequestInfo) -> Self {
        Self { event, actor: Actor::Anonymous, user_id, info: Some(info) }
    }

    /// Whoever has the host did something to an account.
    pub(crate) fn operator(event: Event, user_id: &'a UserId) -> Self {
        Self { event, actor: Actor::Operator, user_id: Some(user_id), info: None }
    }

    /// Whoever has the host did something that is about no account, or had it done by the worker.
    pub(crate) fn of_host(event: Event) -> Self {
        Self { event, actor: Actor::Operator, user_id: None, info: None }
    }
}

/// Something that happened to an account or a client. None of it carries a secret, an address or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account was created by a sign-up.
    SignedUp,
    /// A session was opened, with a password or by proving an address.
    SignedIn,
    /// A password did not open a session.
    SignInFailed {
        /// Why: `invalid_credentials`, `user_banned` or `email_not_verified`.
        reason: Code,
    },
    /// Whoever tried to sign in went away before there was an answer. The password counts as a wrong one.
    SignInAbandoned,
    /// A user ended the session of the browser in hand.
    SignedOut,
    /// A user ended other sessions.
    SessionsRevoked {
        /// How many.
        count: u64,
    },
    /// A password was replaced by its owner.
    PasswordChanged,
    /// A user without a password was given one.
    PasswordSet,
    /// A signed-in user gave a wrong password where it was asked for.
    PasswordRefused,
    /// A signed-in user was asked for the password and went away before there was an answer. It counts as a wrong one.
    PasswordAbandoned,
    /// A reset link was asked for.
    PasswordResetRequested,
    /// A password was replaced by way of a reset link.
    PasswordReset,
    /// An address was proved.
    EmailVerified,
    /// A wrong code was given.
    CodeRefused,
    /// A change of address was begun.
    EmailChangeRequested,
    /// An address was changed.
    EmailChanged,
    /// A way to sign in was removed.
    AccountUnlinked,
    /// A service has prepared its part.
    Provisioned {
        /// The name of the service.
        target: String,
    },
    /// The anonymous session of a device became a user's.
    DeviceMigrated,
    /// An administrator removed the device sessions that had run out.
    DevicesCleanedUp {
        /// How many.
        count: u64,
    },
    /// An account was created by an administrator.
    UserCreated,
    /// A profile was changed by an administrator.
    UserUpdated,
    /// Roles were changed.
    RoleChanged {
        /// The roles before.
        from: String,
        /// The roles after.
        to: String,
    },
    /// A user was shut out.
    UserBanned {
        /// For how long; `None` is for good.
        lasts: Option<Duration>,
    },
    /// A user was let in again.
    UserUnbanned,
    /// A user was given a new password by whoever has the host.
    UserRecovered,
    /// An account was deleted.
    UserDeleted,
    /// A user agreed to what a client asks for.
    ConsentGranted {
        /// The client.
        client: ClientId,
        /// What it asked for.
        scope: String,
    },
    /// A user took back what they had agreed to.
    ConsentRevoked {
        /// The client.
        client: ClientId,
    },
    /// A user did not agree to what a client asks for.
    ConsentDenied {
        /// The client.
        client: ClientId,
    },
    /// A client took back what it was given for a user.
    TokensRevoked {
        /// The client.
        client: ClientId,
    },
    /// A refresh token came back after its successor had been given out: somebody else may have it. Its family is dead.
    TokenReused {
        /// The client it was given to.
        client: ClientId,
    },
    /// A code came back after it had been redeemed, or from another client. What came of it is dead.
    CodeReplayed {
        /// The client that presented it.
        client: ClientId,
    },
    /// A user let a device in.
    DeviceApproved {
        /// The client on the device.
        client: ClientId,
    },
    /// A user did not let a device in.
    DeviceDenied {
        /// The client on the device.
        client: ClientId,
    },
    /// A user entered the code of a device that another user has opened: one of them has seen the code at the other's.
    DeviceContested {
        /// The client on the device.
        client: ClientId,
    },
    /// A client was made.
    ClientCreated {
        /// Its id.
        client: ClientId,
        /// In what its policy differs from the default.
        deviations: Vec<&'static str>,
    },
    /// A client registered itself.
    ClientRegistered {
        /// Its id.
        client: ClientId,
        /// In what its policy differs from the default.
        deviations: Vec<&'static str>,
    },
    /// A client was changed.
    ClientUpdated {
        /// Its id.
        client: ClientId,
        /// In what its policy differs from the default.
        deviations: Vec<&'static str>,
    },
    /// A client was given another secret.
    ClientSecretRotated {
        /// Its id.
        client: ClientId,
        /// For how long its other secrets stay good.
        overlap: Duration,
    },
    /// A client was removed.
    ClientDeleted {
        /// Its id.
        client: ClientId,
    },
    /// A next signing key was published.
    KeyStaged {
        /// What it will sign with.
        algorithm: Algorithm,
        /// Its id.
        key_id: SigningKeyId,
        /// From when on.
        signs_from: Timestamp,
    },
    /// A signing key has begun to sign in place of another.
    KeyRotated {
        /// What it signs with.
        algorithm: Algorithm,
        /// Its id.
        key_id: SigningKeyId,
    },
}

impl Event {
    /// The name of the event in rows and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SignedUp => "sign_up.succeeded",
            Self::SignedIn => "sign_in.succeeded",
            Self::SignInFailed { .. } => "sign_in.failed",
            Self::SignInAbandoned => "sign_in.abandoned",
            Self::SignedOut => "session.signed_out",
            Self::SessionsRevoked { .. } => "session.revoked",
            Self::PasswordChanged => "password.changed",
            Self::PasswordSet => "password.set",
            Self::PasswordRefused => "password.refused",
            Self::PasswordAbandoned => "password.abandoned",
            Self::PasswordResetRequested => "password.reset_requested",
            Self::PasswordReset => "password.reset",
            Self::EmailVerified => "email.verified",
            Self::CodeRefused => "email.code_refused",
            Self::EmailChangeRequested => "email.change_requested",
            Self::EmailChanged => "email.changed",
            Self::AccountUnlinked => "account.unlinked",
            Self::Provisioned { .. } => "user.provisioned",
            Self::DeviceMigrated => "device.migrated",
            Self::DevicesCleanedUp { .. } => "device.cleaned_up",
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::RoleChanged { .. } => "user.role_changed",
            Self::UserBanned { .. } => "user.banned",
            Self::UserUnbanned => "user.unbanned",
            Self::UserRecovered => "user.recovered",
            Self::UserDeleted => "user.deleted",
            Self::ConsentGranted { .. } => "consent.granted",
            Self::ConsentRevoked { .. } => "consent.revoked",
            Self::ConsentDenied { .. } => "consent.denied",
            Self::TokensRevoked { .. } => "token.revoked",
            Self::TokenReused { .. } => "token.reuse_detected",
            Self::CodeReplayed { .. } => "code.replay_detected",
            Self::DeviceApproved { .. } => "device_code.approved",
            Self::DeviceDenied { .. } => "device_code.denied",
            Self::DeviceContested { .. } => "device_code.contested",
            Self::ClientCreated { .. } => "client.created",
            Self::ClientRegistered { .. } => "client.registered",
            Self::ClientUpdated { .. } => "client.updated",
            Self::ClientSecretRotated { .. } => "client.secret_rotated",
            Self::ClientDeleted { .. } => "client.deleted",
            Self::KeyStaged { .. } => "keys.staged",
            Self::KeyRotated { .. } => "keys.rotated",
        }
    }

    /// What there is to say beyond the name.
    #[must_use]
    pub fn details(&self) -> Map<String, Value> {
        let details = match self {
            Self::SignInFailed { reason } => json!({ "reason": reason.id() }),
            Self::SessionsRevoked { count } | Self::DevicesCleanedUp { count } => json!({ "count": count }),
            Self::Provisioned { target } => json!({ "target": target }),
            Self::RoleChanged { from, to } => json!({ "from": from, "to": to }),
            Self::UserBanned { lasts: Some(lasts) } => json!({ "seconds": lasts.as_secs() }),
            Self::ConsentGranted { client, scope } => json!({ "client": client, "scope": scope }),
            Self::ConsentRevoked { client }
            | Self::ConsentDenied { client }
            | Self::TokensRevoked { client }
            | Self::TokenReused { client }
            | Self::CodeReplayed { client }
            | Self::DeviceApproved { client }
            | Self::DeviceDenied { client }
            | Self::DeviceContested { client }
            | Self::ClientDeleted { client } => json!({ "client": client }),
            Self::ClientCreated { client, deviations }
            | Self::ClientRegistered { client, deviations }
            | Self::ClientUpdated { client, deviations } => json!({ "client": client, "deviations": deviations }),
            Self::ClientSecretRotated { client, overlap } => json!({ "client": client, "overlap": overlap.as_secs() }),
            Self::KeyStaged { algorithm, key_id, signs_from } => {
                json!({ "algorithm": algorithm, "kid": key_id, "signsFrom": signs_from })
            }
            Self::KeyRotated { algorithm, key_id } => json!({ "algorithm": algorithm, "kid": key_id }),
            _ => Value::Null,
        };
        match details {
            Value::Object(details) => details,
            _ => Map::new(),
        }
    }
}

/// An event as the log shows it.
#[derive(Debug)]
pub(crate) struct Line {
    kind: &'static str,
    actor: Actor,
    user_id: Option<UserId>,
    info: RequestInfo,
    details: Map<String, Value>,
}

impl From<&Act<'_>> for Line {
    fn from(act: &Act<'_>) -> Self {
        Self {
            kind: act.event.kind(),
            actor: act.actor.clone(),
            user_id: act.user_id.cloned(),
            info: act.info.cloned().unwrap_or_default(),
            details: act.event.details(),
        }
    }
}

impl Line {
    pub(crate) fn write(&self) {
        let details = Value::Object(self.details.clone());
        tracing::info!(
            target: "identity::audit",
            event = self.kind,
            user = self.user_id.as_ref().map(UserId::as_str),
            actor = self.actor.kind(),
            actor_id = self.actor.id(),
            ip = self.info.ip.map(tracing::field::display),
            request_id = self.info.request_id,
            %details,
            "{}",
            self.kind
        );
    }
}
