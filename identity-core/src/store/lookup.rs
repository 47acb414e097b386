//! The hottest statements: those that find the row of a digest or an id.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::DateTime;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OpenFlags};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;

use super::MAPPED_BYTES;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A row of a hand-written statement, whichever way it came.
pub(crate) enum Row<'r> {
    Pooled(&'r QueryResult),
    InPlace(&'r rusqlite::Row<'r>),
}

impl Row<'_> {
    /// Reads a column by its position in the statement.
    pub(crate) fn column<T: TryGetable + FromSql>(&self, index: usize) -> Result<T> {
        match self {
            Self::Pooled(row) => Ok(row.try_get_by_index(index)?),
            Self::InPlace(row) => Ok(row.get(index)?),
        }
    }

    /// Reads a column with a time that is never NULL. SQLite has it as text of RFC 3339, for which there is a faster reader than the
    /// one that finds out which of several forms it is.
    pub(crate) fn time(&self, index: usize) -> Result<Timestamp> {
        if let Self::InPlace(row) = self
            && let ValueRef::Text(text) = row.get_ref(index)?
            && let Some(time) = str::from_utf8(text).ok().and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        {
            return Ok(time.to_utc());
        }
        self.column(index)
    }

    /// Reads a column with JSON, without a tree of its values in between where the row has its text.
    pub(crate) fn json<T: DeserializeOwned>(&self, index: usize) -> Result<T> {
        match self {
            Self::Pooled(row) => serde_json::from_value(row.try_get_by_index(index)?),
            Self::InPlace(row) => serde_json::from_str(row.get_ref(index)?.as_str().map_err(Error::internal)?),
        }
        .map_err(Error::internal)
    }
}

/// What a lookup looks for.
#[derive(Clone, Copy)]
pub(super) enum Key<'k> {
    Bytes(&'k [u8]),
    Text(&'k str),
}

/// Reads a SQLite file on the thread that asks.
///
/// The pool has a thread for each connection and wakes it twice for each statement, which costs several times what the statement
/// does. A lookup by a unique index never waits for a writer, since the file is in WAL mode, and reads pages that are mapped into
/// memory.
#[derive(Debug)]
pub(super) struct Lookups {
    file: PathBuf,
    /// Connections that nobody reads through at this moment, at most one for each thread; `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Lookups {
    /// Reads `file`, which the pool has opened before. `None` for a database that only lives in the memory of the pool.
    pub(super) fn of(file: &Path, url: &str) -> Option<Self> {
        let on_disk = !url.contains(":memory:") && !url.contains("mode=memory");
        on_disk.then(|| Self { file: file.to_owned(), idle: Mutex::new(Some(Vec::new())) })
    }

    /// Finds the row of `key`. Any error means that the pool has to be asked, which can wait.
    pub(super) fn row<T>(
        &self,
        sql: &'static str,
        key: Key<'_>,
        read: impl Fn(Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let idle = self.idle().as_mut().ok_or(Code::StoreUnavailable)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let found = {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = match key {
                Key::Bytes(bytes) => statement.query([bytes])?,
                Key::Text(text) => statement.query([text])?,
            };
            match rows.next()? {
                Some(row) => Some(read(Row::InPlace(row))?),
                None => None,
            }
        };
        // A connection that failed is not kept.
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
        Ok(found)
    }

    fn open(&self) -> Result<Connection> {
        // A reader of a WAL writes its share of the index, so the file is not opened read-only.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "mmap_size", MAPPED_BYTES)?;
        Ok(connection)
    }

    /// Closes the connections that are idle; the others close when their lookup is done.
    pub(super) fn close(&self) {
        self.idle().take();
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
