//! The hottest statements on PostgreSQL, on connections that nothing else uses.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::QueryResult;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, Connection as _, PgConnection};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::conn::PATIENCE;
use super::lookup::Key;
use crate::code::Code;
use crate::error::{Error, Result};

/// When a request whose lookup found no answer may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Finds rows on connections of its own.
///
/// The pool asks each connection for a sign of life when it comes back, a second round trip for every lookup, and everybody who writes
/// waits for the same connections. A lookup waits for no lock and leaves nothing behind: its connection is ready for the next as soon as
/// the answer is there, and one that was given up on the way, or has failed, is closed.
#[derive(Debug)]
pub(super) struct LookupsOnPostgres {
    server: PgConnectOptions,
    /// As many as there may be connections.
    places: Semaphore,
    /// Connections that nobody reads through at this moment; `None` once closed.
    idle: Mutex<Option<Vec<PgConnection>>>,
}

impl LookupsOnPostgres {
    /// At most `connections` to `server`.
    pub(super) fn of(server: &PgConnectOptions, connections: u32) -> Self {
        let places = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self { server: server.clone(), places: Semaphore::new(places), idle: Mutex::new(Some(Vec::new())) }
    }

    /// Finds the row of `key`.
    ///
    /// # Errors
    /// `store_unavailable` when no answer came in 2 s; anything else means that the pool has to be asked.
    pub(super) async fn row(&self, sql: &'static str, key: Key<'_>) -> Result<Option<QueryResult>> {
        self.in_time(async {
            let mut connection = self.connection().await?;
            let query = match key {
                Key::Bytes(bytes) => sqlx::query(sql).bind(bytes),
                Key::Text(text) => sqlx::query(sql).bind(text),
            };
            let row = query.fetch_optional(&mut connection).await?;
            Ok((connection, row.map(QueryResult::from)))
        })
        .await
    }

    /// Asks the server for a sign of life.
    pub(super) async fn ping(&self) -> Result<()> {
        self.in_time(async {
            let mut connection = self.connection().await?;
            connection.ping().await?;
            Ok((connection, ()))
        })
        .await
    }

    /// Closes the connections that are idle; the others close when their lookup is done.
    pub(super) async fn close(&self) {
        let idle = self.idle().take();
        for connection in idle.unwrap_or_default() {
            // The server finds out by itself when it does not hear of it.
            let _ = timeout(PATIENCE, connection.close()).await;
        }
    }

    /// Waits for a place and for the answer, and keeps the connection.
    async fn in_time<T>(&self, lookup: impl Future<Output = Result<(PgConnection, T), sqlx::Error>>) -> Result<T> {
        let placed = async {
            let _place = self.places.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let (connection, found) = lookup.await?;
            if let Some(idle) = self.idle().as_mut() {
                idle.push(connection);
            }
            Ok::<_, sqlx::Error>(found)
        };
        match timeout(PATIENCE, placed).await {
            Ok(answered) => answered.map_err(Error::internal),
            Err(late) => Err(Error::new(Code::StoreUnavailable).retry_after(RETRY_AFTER).caused_by(late)),
        }
    }

    async fn connection(&self) -> Result<PgConnection, sqlx::Error> {
        let idle = self.idle().as_mut().ok_or(sqlx::Error::PoolClosed)?.pop();
        match idle {
            Some(connection) => Ok(connection),
            // On the heap: every request that looks something up carries the room for this, on SQLite too.
            None => Box::pin(PgConnection::connect_with(&self.server)).await,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<PgConnection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
