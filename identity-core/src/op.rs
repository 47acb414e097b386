//! One unit of work: a connection or a transaction, one frozen time, and what has to happen after the commit.

use std::sync::Arc;

use crate::entropy::Entropy;
use crate::error::Result;
use crate::shared::Shared;
use crate::store::{Conn, Turn, Tx};
use crate::time::Timestamp;

/// One unit of work.
///
/// Rows are locked in the order user, account, verification, session, outbox, so that no two operations wait for each other.
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
    /// Held until the transaction has ended; the field order drops it after the transaction.
    turn: Turn,
}

impl<'s> Op<'s> {
    /// Opens a unit of work that only reads.
    pub(crate) fn read(shared: &'s Shared) -> Self {
        Self::over(shared, Conn::pool(shared.store.connection()))
    }

    /// Opens a transaction that writes.
    pub(crate) async fn write(shared: &'s Shared) -> Result<Self> {
        let (tx, turn) = shared.store.begin_write().await?;
        Ok(Self { turn, ..Self::over(shared, Conn::owned(tx)) })
    }

    /// Works inside a transaction of the embedding application, which commits it.
    pub(crate) fn join(shared: &'s Shared, tx: &'s Tx) -> Self {
        Self::over(shared, Conn::joined(tx))
    }

    fn over(shared: &'s Shared, db: Conn<'s>) -> Self {
        Self { shared, db, now: shared.clock.now(), fills_outbox: false, turn: None }
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

    /// Makes the changes permanent.
    pub(crate) async fn commit(self) -> Result<()> {
        self.db.commit().await?;
        drop(self.turn);
        if self.fills_outbox {
            self.shared.outbox_filled.notify_one();
        }
        Ok(())
    }
}
