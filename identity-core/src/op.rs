//! One unit of work: a connection or a transaction, one frozen time, and what has to happen after the commit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::code::Code;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::event::Line;
use crate::shared::Shared;
use crate::store::{Conn, Turn, Tx};
use crate::time::Timestamp;

/// One unit of work.
///
/// Rows are locked in the order user, account, verification, session, device session, signing key, client, logout, grant, consent,
/// device authorization, family, access token, guesses, event, outbox, so that no two operations wait for each other.
///
/// Public methods of services open one; functions inside the crate take `&mut Op`, so that any two steps compose in one
/// transaction. It has no mailer and no HTTP client: code that holds a transaction cannot reach the network, and passwords are
/// hashed before it begins. Dropping it without [`Op::commit`] rolls back.
#[derive(Debug)]
pub(crate) struct Op<'s> {
    shared: &'s Shared,
    db: Conn<'s>,
    now: Timestamp,
    fills_outbox: bool,
    ends_sessions: bool,
    /// What the log is told once this is committed.
    lines: Vec<Line>,
    /// Held until the transaction has ended; the field order drops it after the transaction.
    turn: Turn,
}

impl<'s> Op<'s> {
    /// Opens a unit of work that only reads.
    pub(crate) fn read(shared: &'s Shared) -> Self {
        Self::over(shared, Conn::pool(&shared.store))
    }

    /// Opens a transaction that writes.
    pub(crate) async fn write(shared: &'s Shared) -> Result<Self> {
        let (tx, turn) = shared.store.begin_write().await?;
        Ok(Self { turn, ..Self::over(shared, Conn::owned(&shared.store, tx)) })
    }

    /// Works inside a transaction of the embedding application, which commits it.
    pub(crate) fn join(shared: &'s Shared, tx: &'s Tx) -> Self {
        Self::over(shared, Conn::joined(&shared.store, tx))
    }

    fn over(shared: &'s Shared, db: Conn<'s>) -> Self {
        Self {
            shared,
            db,
            now: shared.clock.now(),
            fills_outbox: false,
            ends_sessions: false,
            lines: Vec::new(),
            turn: None,
        }
    }

    pub(crate) fn db(&self) -> &Conn<'s> {
        &self.db
    }

    pub(crate) fn shared(&self) -> &'s Shared {
        self.shared
    }

    /// The time of the operation: the same for every row it writes.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn entropy(&self) -> &'s dyn Entropy {
        Arc::as_ref(&self.shared.entropy)
    }

    /// Notes that the worker has something to send once this is committed.
    pub(crate) fn wake_worker(&mut self) {
        self.fills_outbox = true;
    }

    /// Notes that clients have to hear of a logout once this is committed.
    pub(crate) fn wake_logouts(&mut self) {
        self.ends_sessions = true;
    }

    /// Tells the log once this is committed; inside a transaction of the embedding application, at once.
    pub(crate) fn log(&mut self, line: Line) {
        if self.db.is_joined() {
            line.write();
        } else {
            self.lines.push(line);
        }
    }

    /// Makes the changes permanent.
    pub(crate) async fn commit(self) -> Result<()> {
        self.db.commit().await?;
        drop(self.turn);
        self.lines.iter().for_each(Line::write);
        if self.fills_outbox {
            self.shared.outbox_filled.notify_one();
        }
        if self.ends_sessions {
            self.shared.session_ended.notify_one();
        }
        Ok(())
    }
}

/// How long a request that reads waits for what it may write.
const PATIENCE: Duration = Duration::from_millis(250);

/// Waits for a write that the request does not need: reading goes on while writing is impossible.
pub(crate) async fn soon<T>(write: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PATIENCE, write)
        .await
        .unwrap_or_else(|late| Err(Error::new(Code::StoreUnavailable).caused_by(late)))
}
