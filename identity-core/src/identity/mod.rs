//! The handle that an application holds.

mod builder;

use std::net::IpAddr;
use std::sync::Arc;

use crate::account::Accounts;
use crate::admin::Users;
use crate::audit::Audit;
use crate::auth::{
    self, ChangeEmail, DeleteAccount, EmailVerification, PasswordReset, Passwords, Profiles, Refresh, Resolved, SignIn,
    SignUp,
};
use crate::config::Config;
use crate::crypto::hmac;
use crate::device::DeviceSessions;
use crate::entropy;
use crate::error::Result;
use crate::keys::SigningKeys;
use crate::limits::Action;
use crate::logout::Logouts;
use crate::oauth::OAuth;
use crate::oauth::client::Clients;
use crate::outbox::{self, Worker};
use crate::provisioning::Provisioning;
use crate::secret::Secret;
use crate::session::Sessions;
use crate::shared::Shared;
use crate::store::Store;
use crate::time::Timestamp;
use crate::token::{Token, kind};

/// Characters of the name of a browser: 190 bits.
const BROWSER_NAME: usize = 32;

pub use builder::{ConfigProblems, IdentityBuilder};

/// Accounts and sessions over one database. Cheap to clone; several may live in one process, each over its own database or schema.
#[derive(Clone, Debug)]
pub struct Identity(Arc<Shared>);

impl Identity {
    /// Starts putting an identity together. The secret signs cookies and seals what is stored; it has at least 32 characters.
    pub fn builder(store: Store, secret: impl Into<Secret<String>>) -> IdentityBuilder {
        IdentityBuilder::new(store, secret.into())
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// The choices it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The current time of its clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The key that cookies are signed with, for the facade that reads and writes them.
    #[must_use]
    pub fn cookie_key(&self) -> &hmac::Key {
        &self.0.signing.cookie
    }

    /// The key that the forms of pages are signed with, for the facade that shows them.
    #[must_use]
    pub fn form_key(&self) -> &hmac::Key {
        &self.0.signing.forms
    }

    /// The key that the queries of pages of applications are signed with, for the facade that sends people there.
    #[must_use]
    pub fn query_key(&self) -> &hmac::Key {
        &self.0.signing.query
    }

    /// A name for a browser that nobody can guess, for the facade that ties its forms to it.
    #[must_use]
    pub fn browser_name(&self) -> String {
        entropy::alphanumeric(self.0.entropy.as_ref(), BROWSER_NAME)
    }

    /// Whether mails can be sent at all.
    #[must_use]
    pub fn has_mailer(&self) -> bool {
        self.0.mail.is_some()
    }

    /// Finds the live session of a token and its user. `None` for a token that is unknown, revoked or expired, and for a user who
    /// is banned.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn resolve(&self, token: &Token<kind::Session>, refresh: Refresh) -> Result<Option<Resolved>> {
        auth::resolve::resolve(&self.0, token, refresh).await
    }

    /// Counts one call of an address against the limit of what it is about to do.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait; `store_unavailable` where the count is shared and the database does not answer.
    pub async fn count(&self, action: Action, ip: IpAddr) -> Result<()> {
        self.0.limiter.count(&self.0.store, action, ip).await
    }

    /// How many passwords this process has hashed or checked, the dearest work there is.
    #[must_use]
    pub fn passwords_hashed(&self) -> u64 {
        self.0.hasher.work_done()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn ready(&self) -> Result<()> {
        self.0.store.ping().await
    }

    /// How many messages are waiting to be sent, and how many were given up.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn outbox(&self) -> Result<OutboxCounts> {
        let op = crate::op::Op::read(&self.0);
        let (waiting, dead) = outbox::store::counts(&op).await?;
        Ok(OutboxCounts { waiting, dead })
    }

    /// Starts the task that sends mails, tells clients of logouts, removes what has run out and looks after the signing keys. One process
    /// of several is enough; more share the work.
    #[must_use]
    pub fn spawn_worker(&self) -> Worker {
        outbox::spawn(Arc::clone(&self.0))
    }

    /// Removes what has run out: sessions of users and devices, links and codes, messages that were given up, logouts that were
    /// told, authorizations with their codes, token families and access tokens, codes of devices, spent assertions, ended secrets of
    /// clients, clients that registered themselves and are not used, old events, counters of limits. In small batches, so that no
    /// request waits long. The worker does it every ten minutes.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn clean_up(&self) -> Result<()> {
        outbox::purge(&self.0).await
    }

    /// The users.
    #[must_use]
    pub fn users(&self) -> Users<'_> {
        Users { shared: &self.0 }
    }

    /// Where users are signed in.
    #[must_use]
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { shared: &self.0 }
    }

    /// What has happened to the accounts.
    #[must_use]
    pub fn audit(&self) -> Audit<'_> {
        Audit { shared: &self.0 }
    }

    /// The anonymous sessions of devices.
    #[must_use]
    pub fn device_sessions(&self) -> DeviceSessions<'_> {
        DeviceSessions { shared: &self.0 }
    }

    /// The ways in which users sign in.
    #[must_use]
    pub fn accounts(&self) -> Accounts<'_> {
        Accounts { shared: &self.0 }
    }

    /// Which services have prepared their part for whom.
    #[must_use]
    pub fn provisioning(&self) -> Provisioning<'_> {
        Provisioning { shared: &self.0 }
    }

    /// The applications that ask for tokens.
    #[must_use]
    pub fn clients(&self) -> Clients<'_> {
        Clients { shared: &self.0 }
    }

    /// The keys that sign tokens.
    #[must_use]
    pub fn signing_keys(&self) -> SigningKeys<'_> {
        SigningKeys { shared: &self.0 }
    }

    /// The logouts that clients have to hear of.
    #[must_use]
    pub fn logouts(&self) -> Logouts<'_> {
        Logouts { shared: &self.0 }
    }

    /// The authorization server.
    #[must_use]
    pub fn oauth(&self) -> OAuth<'_> {
        OAuth { shared: &self.0 }
    }

    /// Signing up.
    #[must_use]
    pub fn sign_up(&self) -> SignUp<'_> {
        SignUp { shared: &self.0 }
    }

    /// Signing in.
    #[must_use]
    pub fn sign_in(&self) -> SignIn<'_> {
        SignIn { shared: &self.0 }
    }

    /// Proving an address.
    #[must_use]
    pub fn email_verification(&self) -> EmailVerification<'_> {
        EmailVerification { shared: &self.0 }
    }

    /// Changing an address.
    #[must_use]
    pub fn change_email(&self) -> ChangeEmail<'_> {
        ChangeEmail { shared: &self.0 }
    }

    /// Getting back in with a forgotten password.
    #[must_use]
    pub fn password_reset(&self) -> PasswordReset<'_> {
        PasswordReset { shared: &self.0 }
    }

    /// The password of a signed-in user.
    #[must_use]
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords { shared: &self.0 }
    }

    /// The profile of a signed-in user.
    #[must_use]
    pub fn profiles(&self) -> Profiles<'_> {
        Profiles { shared: &self.0 }
    }

    /// Leaving.
    #[must_use]
    pub fn delete_account(&self) -> DeleteAccount<'_> {
        DeleteAccount { shared: &self.0 }
    }
}

/// How full the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Messages that are waiting for their turn.
    pub waiting: i64,
    /// Messages that were given up.
    pub dead: i64,
}
