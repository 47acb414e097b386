//! What statements run on, and how long they are waited for.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::{self, Connection as _, PgConnection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseExecutor, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
};
use tokio::time::timeout;

use super::{Store, Tx};
use crate::error::Result;

/// How long PostgreSQL may take for one step of a request: to give a connection, to run a statement, to commit.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Either the pool or an open transaction. Whoever waits on it longer than 2 s for PostgreSQL is told that the database does not
/// answer.
#[derive(Debug)]
pub struct Conn<'c> {
    executor: DatabaseExecutor<'c>,
    doubts: &'c Doubts,
}

impl<'c> Conn<'c> {
    /// The pool: each statement by itself.
    pub(crate) fn pool(store: &'c Store) -> Self {
        Self { executor: DatabaseExecutor::Connection(&store.connection), doubts: &store.doubts }
    }

    /// A transaction that somebody else commits.
    pub(crate) fn joined(store: &'c Store, tx: &'c Tx) -> Self {
        Self { executor: DatabaseExecutor::Transaction(tx), doubts: &store.doubts }
    }

    /// A transaction of our own.
    pub(crate) fn owned(store: &'c Store, tx: Tx) -> Self {
        Self { executor: DatabaseExecutor::OwnedTransaction(tx), doubts: &store.doubts }
    }

    /// Whether somebody else commits.
    pub(crate) fn is_joined(&self) -> bool {
        matches!(self.executor, DatabaseExecutor::Transaction(_))
    }

    /// The pool, unless this is a transaction.
    pub(super) fn as_pool(&self) -> Option<&'c DatabaseConnection> {
        match &self.executor {
            DatabaseExecutor::Connection(pool) => Some(pool),
            DatabaseExecutor::Transaction(_) | DatabaseExecutor::OwnedTransaction(_) => None,
        }
    }

    /// Commits a transaction of our own; of everything else there is nothing to commit.
    ///
    /// # Errors
    /// Any error of the database. After `store_unavailable` nobody knows whether it was committed.
    pub(crate) async fn commit(self) -> Result<()> {
        if let DatabaseExecutor::OwnedTransaction(tx) = self.executor {
            self.doubts.in_time(tx.get_database_backend(), tx.commit()).await?;
        }
        Ok(())
    }

    /// Waits for one step, as [`Doubts::in_time`].
    pub(super) async fn in_time<T, E: From<DbErr>>(
        &self,
        step: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.doubts.in_time(self.executor.get_database_backend(), step).await
    }
}

#[async_trait]
impl ConnectionTrait for Conn<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.executor.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.in_time(self.executor.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.in_time(self.executor.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.in_time(self.executor.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.in_time(self.executor.query_all_raw(statement)).await
    }
}

/// What speaks against the connections that come back to the pool of one database.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubts(Arc<Mutex<Suspicion>>);

#[derive(Debug, Default)]
struct Suspicion {
    /// Until when each of them is asked for a sign of life.
    until: Option<Instant>,
    /// How many of them are asked besides: as many as were given up before their answer could be called late.
    hang_ups: usize,
}

/// A step that was given up after this long says something about the server; before, only about a client that went away.
const LATE: Duration = Duration::from_secs(1);

/// For how long connections are asked after a step that was late.
const SUSPECTED_FOR: Duration = Duration::from_mins(1);

impl Suspicion {
    fn note(&mut self, waited: Duration, now: Instant) {
        if waited >= LATE {
            self.until = Some(now + SUSPECTED_FOR);
        } else {
            self.hang_ups = self.hang_ups.saturating_add(1);
        }
    }

    /// Whether the connection that comes back now is to be asked.
    fn asks(&mut self, now: Instant) -> bool {
        if self.until.is_some_and(|until| now < until) {
            return true;
        }
        let asks = self.hang_ups > 0;
        self.hang_ups = self.hang_ups.saturating_sub(1);
        asks
    }
}

/// Notes a step that was given up by whoever waited for it: because it took too long, or because the client went away.
struct Waiting<'d> {
    doubts: &'d Doubts,
    since: Instant,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.doubts.note(self.since.elapsed(), Instant::now());
        }
    }
}

impl Doubts {
    fn note(&self, waited: Duration, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(waited, now);
    }

    fn asks(&self, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asks(now)
    }

    /// Whether a connection that comes back to the pool answers, as far as there is reason to ask: asking costs as much as a statement.
    /// The pool itself asks too, but waits for the answer for ever, and the place of the connection stays taken: with all places taken
    /// so, nothing new would be opened although the server is there again.
    pub(super) async fn is_answering(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        if !self.asks(Instant::now()) {
            return Ok(true);
        }
        match timeout(PATIENCE, connection.ping()).await {
            Ok(answered) => answered.map(|()| true),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Waits for one step. A server that is stopped in its tracks, or cut off without a word, keeps its connections open and says
    /// nothing: no error would ever come. A file does not do that, and has a busy timeout.
    pub(super) async fn in_time<T, E: From<DbErr>>(
        &self,
        backend: DbBackend,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if backend != DbBackend::Postgres {
            return step.await;
        }
        let mut waiting = Waiting { doubts: self, since: Instant::now(), answered: false };
        match timeout(PATIENCE, step).await {
            Ok(done) => {
                waiting.answered = true;
                done
            }
            Err(late) => Err(DbErr::Conn(RuntimeErr::Internal(format!("the database does not answer: {late}"))).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_goes_away_has_one_connection_asked_and_a_late_answer_all_of_them_for_a_minute() {
        let now = Instant::now();
        let mut suspicion = Suspicion::default();
        assert!(!suspicion.asks(now));
        suspicion.note(Duration::from_millis(20), now);
        assert!(suspicion.asks(now));
        assert!(!suspicion.asks(now));
        suspicion.note(LATE, now);
        assert!(suspicion.asks(now) && suspicion.asks(now + SUSPECTED_FOR / 2));
        assert!(!suspicion.asks(now + SUSPECTED_FOR));
    }

    #[test]
    fn what_one_database_is_suspected_of_is_nothing_to_another() {
        let now = Instant::now();
        let (late, other) = (Doubts::default(), Doubts::default());
        late.clone().note(LATE, now);
        assert!(late.asks(now) && !other.asks(now));
    }
}
