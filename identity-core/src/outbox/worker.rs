//! The worker that empties the outbox: it leases due rows, sends them, retries with growing pauses and gives up in the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::store::{self, Leased};
use super::{DECOY, MAIL, place};
use crate::audit;
use crate::device;
use crate::error::{Error, Result};
use crate::keys;
use crate::limits;
use crate::mail::{Mail, MailError};
use crate::oauth::{self, client};
use crate::op::Op;
use crate::session;
use crate::shared::Shared;
use crate::time::{after, before};
use crate::verification;

/// How long a row belongs to the worker that took it. Longer than one send can take, so that a mail is not sent twice.
const LEASE: Duration = Duration::from_mins(2);
/// How often the worker looks without being woken: for rows of other processes, and for retries that are due.
const POLL: Duration = Duration::from_secs(5);
/// How often rows that have run out are removed.
const PURGE: Duration = Duration::from_mins(10);
/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// How often a mail without an expiry is tried: about two days.
const MAX_ATTEMPTS: i32 = 100;
/// For how long events of a deleted account are looked for that still say from where it was used.
const FORGETTING: Duration = Duration::from_hours(24);
/// How long a message that was given up is kept for the operator to see.
const KEEP_DEAD_LETTERS: Duration = Duration::from_hours(24 * 30);
/// How long spent and expired verifications are kept, so that a link opened twice can still say "already verified".
const KEEP_VERIFICATIONS: Duration = Duration::from_hours(24 * 7);

/// The running worker. It stops when it is told to or dropped.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Stops after the mail in hand.
    pub async fn stop(self) {
        let Self { stop, task } = self;
        let _ = stop.send(true);
        if let Err(error) = task.await {
            tracing::error!(%error, "the outbox worker ended badly");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the worker is the one task that outlives its caller; its handle stops it"
)]
pub(crate) fn spawn(shared: Arc<Shared>) -> Worker {
    let (stop, stopped) = watch::channel(false);
    Worker { stop, task: tokio::spawn(run(shared, stopped)) }
}

async fn run(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut next_purge = shared.clock.now();
    while !*stopped.borrow() {
        match drain(&shared, &stopped).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(error = error.chain(), "the outbox cannot be read; trying again"),
        }
        if next_purge <= shared.clock.now() {
            next_purge = after(shared.clock.now(), PURGE);
            if let Err(error) = purge(&shared).await {
                tracing::warn!(error = error.chain(), "expired rows could not be removed");
            }
            if let Err(error) = keys::tend(&shared).await {
                tracing::warn!(error = error.chain(), "the signing keys could not be looked after");
            }
        }
        tokio::select! {
            () = shared.outbox_filled.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            changed = stopped.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Works until nothing is due.
pub(crate) async fn drain(shared: &Shared, stopped: &watch::Receiver<bool>) -> Result<()> {
    loop {
        let mut op = Op::write(shared).await?;
        let leased = store::lease(&mut op, LEASE).await?;
        op.commit().await?;
        let Some(row) = leased else { return Ok(()) };
        handle(shared, &row).await?;
        if *stopped.borrow() {
            return Ok(());
        }
    }
}

/// What becomes of a row.
enum Fate {
    Done,
    Retry { reason: String, pause: Duration },
    Dead { reason: String },
}

async fn handle(shared: &Shared, row: &Leased) -> Result<()> {
    let fate = decide(shared, row).await;
    let mut op = Op::write(shared).await?;
    match &fate {
        Fate::Done => store::delete(&mut op, row).await?,
        Fate::Retry { reason, pause } => {
            tracing::warn!(id = %row.id, topic = row.topic, attempts = row.attempts, reason, "a message could not be sent yet");
            let due = after(op.now(), *pause);
            store::retry(&mut op, row, due, reason).await?;
        }
        Fate::Dead { reason } => {
            tracing::error!(id = %row.id, topic = row.topic, attempts = row.attempts, reason, "a message was given up");
            store::bury(&mut op, row, reason).await?;
        }
    }
    op.commit().await
}

async fn decide(shared: &Shared, row: &Leased) -> Fate {
    if row.topic == DECOY {
        return Fate::Done;
    }
    if row.expires_at.is_some_and(|end| end <= shared.clock.now()) {
        return Fate::Dead { reason: "expired before it could be sent".to_owned() };
    }
    match send(shared, row).await {
        Ok(()) => Fate::Done,
        Err(failure) if failure.permanent || row.attempts >= MAX_ATTEMPTS => Fate::Dead { reason: failure.to_string() },
        Err(failure) => Fate::Retry { reason: failure.to_string(), pause: pause(row.attempts) },
    }
}

async fn send(shared: &Shared, row: &Leased) -> std::result::Result<(), MailError> {
    let Some(transport) = shared.mail.as_ref().filter(|_| row.topic == MAIL) else {
        return Err(MailError::transient(Error::internal(format!("nothing here sends {}", row.topic))));
    };
    let clear = shared.at_rest.open(place(row.id.as_str()), &row.payload).map_err(MailError::permanent)?;
    let mail: Mail = serde_json::from_slice(&clear).map_err(MailError::permanent)?;
    transport.send(&mail).await
}

/// The pause before the next try: it doubles, up to a limit.
fn pause(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or_default().min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

/// Removes what nobody asks for any more, in small batches, so that no request waits long for the write lock.
pub(crate) async fn purge(shared: &Shared) -> Result<()> {
    let now = shared.clock.now();
    while removed(shared, async |op| session::store::purge(op, now).await).await? {}
    while removed(shared, async |op| device::store::purge(op).await).await? {}
    while removed(shared, async |op| verification::store::purge(op, before(now, KEEP_VERIFICATIONS)).await).await? {}
    while removed(shared, async |op| audit::forget_rest(op, before(now, FORGETTING)).await).await? {}
    while removed(shared, async |op| audit::purge(op, before(now, shared.config.audit.keep_for)).await).await? {}
    while removed(shared, async |op| oauth::purge(op).await).await? {}
    while removed(shared, async |op| client::store::purge(op).await).await? {}
    while removed(shared, async |op| store::purge(op, before(now, KEEP_DEAD_LETTERS)).await).await? {}
    while removed(shared, async |op| limits::store::purge(op.db(), now).await).await? {}
    Ok(())
}

/// Runs one batch. Says whether there may be another.
async fn removed(shared: &Shared, batch: impl AsyncFnOnce(&mut Op<'_>) -> Result<u64>) -> Result<bool> {
    let mut op = Op::write(shared).await?;
    let rows = batch(&mut op).await?;
    op.commit().await?;
    Ok(rows > 0)
}
