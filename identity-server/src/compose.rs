//! Turns settings into a store and an identity, for the server and for the commands beside it.

use std::sync::Arc;

use identity_core::entropy::{OsEntropy, alphanumeric};
use identity_core::mail::SmtpTransport;
use identity_core::secret::Secret;
use identity_core::store::Store;
use identity_core::time::{Clock, SystemClock};
use identity_core::{ConfigProblems, Identity};
use identity_migrations::Status;

use crate::cli::Failure;
use crate::config::Settings;
use crate::data::{self, Maker};
use crate::mailbox::Mailbox;

/// Opens the database.
pub(crate) async fn store(settings: &Settings) -> Result<Store, Failure> {
    data::prepare_database(settings)?;
    Store::connect_with(settings.database.options()).await.map_err(|error| {
        Failure::new(format!("cannot open the database {}: {}", settings.database.described(), error.chain()))
    })
}

/// What becomes of mails.
#[derive(Debug)]
pub(crate) enum Mailer {
    /// They are sent.
    Smtp(Arc<SmtpTransport>),
    /// They are shown on this machine.
    Mailbox(Mailbox),
    /// There are none: nothing that needs one is offered.
    Off,
}

impl Mailer {
    /// The one that the settings ask for. Nothing is connected yet.
    pub(crate) fn of(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        if let (Some(url), Some(from)) = (&settings.mail.smtp_url, &settings.mail.from) {
            return SmtpTransport::new(url, from)
                .map(|smtp| Self::Smtp(Arc::new(smtp)))
                .map_err(|text| Failure::new(format!("the configuration has problems:\n- {text}")));
        }
        if settings.has_mailbox() {
            return Ok(Self::Mailbox(Mailbox::new(settings.http.base_url.as_str(), Arc::clone(clock))?));
        }
        Ok(Self::Off)
    }

    /// The mailbox, if that is where mails go.
    pub(crate) fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Mailbox(mailbox) => Some(mailbox),
            Self::Smtp(_) | Self::Off => None,
        }
    }
}

/// Puts the identity together. Nothing is read from the database yet.
pub(crate) fn identity(settings: &Settings, store: Store, mailer: &Mailer, maker: Maker) -> Result<Identity, Failure> {
    build(settings, store, data::secret(settings, maker)?, mailer)
}

/// Finds what only core can say about settings that have no problem of their own, without touching the database or making
/// a secret.
pub(crate) async fn check(settings: &Settings) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mailer = Mailer::of(settings, &clock)?;
    let store = Store::connect("sqlite::memory:").await?;
    let stand_in = Secret::new(alphanumeric(&OsEntropy, 64));
    build(settings, store, stand_in, &mailer).map(drop)
}

fn build(settings: &Settings, store: Store, secret: Secret<String>, mailer: &Mailer) -> Result<Identity, Failure> {
    let builder = Identity::builder(store, secret).config(settings.to_core());
    let builder = match mailer {
        Mailer::Smtp(smtp) => builder.mailer(smtp.clone()),
        Mailer::Mailbox(mailbox) => builder.mailer(Arc::new(mailbox.clone())),
        Mailer::Off => builder,
    };
    builder.build().map_err(|ConfigProblems(sentences)| {
        Failure::new(format!("the configuration has problems:\n- {}", sentences.join("\n- ")))
    })
}

/// Brings the tables up to date.
pub(crate) async fn migrate(store: &Store) -> Result<(), Failure> {
    identity_migrations::up(store.connection())
        .await
        .map_err(|error| Failure::new(format!("the migrations could not be applied: {error}")))
}

/// Which migrations have been applied.
pub(crate) async fn migration_status(store: &Store) -> Result<Status, Failure> {
    identity_migrations::status(store.connection())
        .await
        .map_err(|error| Failure::new(format!("the state of the migrations cannot be read: {error}")))
}

/// Refuses a database whose tables are not up to date.
pub(crate) async fn require_current(store: &Store, settings: &Settings) -> Result<(), Failure> {
    let pending = migration_status(store).await?.pending;
    if pending.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the database {} lacks {} migration(s), from {} on; run `identity-server migrate up`",
        settings.database.described(),
        pending.len(),
        pending.first().map_or("", String::as_str)
    )))
}
