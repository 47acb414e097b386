//! What statements run on, and how long they are waited for.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sea_orm::sqlx::{self, Connection as _, PgConnection};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseExecutor, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
};
use tokio::sync::{Semaphore, SemaphorePermit};
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
    /// Where a statement waits before it takes a connection of the pool.
    places: Option<&'c Semaphore>,
}

impl<'c> Conn<'c> {
    /// The pool: each statement by itself.
    pub(crate) fn pool(store: &'c Store) -> Self {
        Self { places: store.places.as_deref(), ..Self::over(DatabaseExecutor::Connection(&store.connection)) }
    }

    /// The pool for what every request with a credential asks: it finds a connection whatever else is going on.
    pub(crate) fn lookup(store: &'c Store) -> Self {
        Self::over(DatabaseExecutor::Connection(&store.connection))
    }

    /// A transaction that somebody else commits.
    pub(crate) fn joined(tx: &'c Tx) -> Self {
        Self::over(DatabaseExecutor::Transaction(tx))
    }

    /// A transaction of our own.
    pub(crate) fn owned(tx: Tx) -> Self {
        Self::over(DatabaseExecutor::OwnedTransaction(tx))
    }

    fn over(executor: DatabaseExecutor<'c>) -> Self {
        Self { executor, places: None }
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
            in_time(tx.get_database_backend(), tx.commit()).await?;
        }
        Ok(())
    }

    async fn in_time<T>(&self, step: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        let placed = async {
            let _place = self.place().await?;
            step.await
        };
        in_time(self.executor.get_database_backend(), placed).await
    }

    /// Waits until it may take a connection of the pool.
    pub(super) async fn place(&self) -> Result<Option<SemaphorePermit<'c>>, DbErr> {
        match self.places {
            Some(places) => places.acquire().await.map(Some).map_err(|closed| DbErr::Custom(closed.to_string())),
            None => Ok(None),
        }
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

/// When a step was last given up by whoever waited for it: because it took too long, or because the client went away.
static GIVEN_UP: Mutex<Option<Instant>> = Mutex::new(None);

/// For how long connections that come back are then asked for a sign of life.
const SUSPICION: Duration = Duration::from_mins(1);

/// Notes a step that was given up.
struct Waiting {
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.answered {
            *GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}

/// Whether a connection that comes back to the pool answers, as far as there is reason to ask. The pool itself asks too, but waits
/// for the answer for ever, and the place of the connection stays taken: with all places taken so, nothing new would be opened
/// although the server is there again.
pub(super) async fn is_answering(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let given_up = *GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner);
    if given_up.is_none_or(|when| when.elapsed() > SUSPICION) {
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
    backend: DbBackend,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if backend != DbBackend::Postgres {
        return step.await;
    }
    let mut waiting = Waiting { answered: false };
    match timeout(PATIENCE, step).await {
        Ok(done) => {
            waiting.answered = true;
            done
        }
        Err(late) => Err(DbErr::Conn(RuntimeErr::Internal(format!("the database does not answer: {late}"))).into()),
    }
}
