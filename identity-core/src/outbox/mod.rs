//! The outbox: messages that are stored with the change that caused them and leave after its commit.

pub(crate) mod store;
mod worker;

pub use worker::Worker;
pub(crate) use worker::{purge, spawn};

use crate::crypto::aead::Place;
use crate::error::{Error, Result};
use crate::id::OutboxId;
use crate::mail::{Mail, Message};
use crate::op::Op;
use crate::text::Email;
use crate::time::Timestamp;

/// The topic of a mail.
pub(crate) const MAIL: &str = "mail";
/// The topic of a row that only costs what a mail would have cost; the worker drops it.
pub(crate) const DECOY: &str = "decoy";

/// Where the sealed body of an outbox row stands.
pub(crate) fn place(id: &str) -> Place<'_> {
    Place { table: "identity_outbox", column: "payload", row: id }
}

/// Puts a mail into the outbox, sealed. After `expires_at` it is no longer sent: what it carries would be of no use.
pub(crate) async fn mail(
    op: &mut Op<'_>,
    to: &str,
    name: &str,
    message: &Message,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    put(op, MAIL, to, name, message, expires_at).await
}

/// Does all the work of [`mail`] for an address that nobody has, so that the time of an answer tells nothing.
pub(crate) async fn decoy(op: &mut Op<'_>, to: &str, name: &str, message: &Message) -> Result<()> {
    let now = op.now();
    put(op, DECOY, to, name, message, Some(now)).await
}

async fn put(
    op: &mut Op<'_>,
    topic: &str,
    to: &str,
    name: &str,
    message: &Message,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    let shared = op.shared();
    let mail: Mail = shared.templates.render(message, &Email::parse(to)?, name)?;
    let id = OutboxId::mint(op.now(), op.entropy());
    let clear = serde_json::to_vec(&mail).map_err(Error::internal)?;
    let sealed = shared.at_rest.seal(place(id.as_str()), &clear)?;
    store::insert(op, &id, topic, sealed, expires_at).await?;
    op.wake_worker();
    Ok(())
}
