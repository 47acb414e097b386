//! Work on many rows, a few at a time.

use sea_orm::{ConnectionTrait as _, DbBackend, Value};

use super::{Conn, Sql};
use crate::error::Result;

/// Many rows, of which some have something to be done to them.
pub(crate) struct Batch<'a> {
    /// What is done, up to its `WHERE`: `DELETE FROM table` or `UPDATE table SET …`.
    pub(crate) change: &'a str,
    /// The table.
    pub(crate) table: &'a str,
    /// Its primary key.
    pub(crate) key: &'a str,
    /// To which rows, with parameters from `$1` on.
    pub(crate) condition: &'a str,
}

impl Batch<'_> {
    /// Does it to at most 500 rows, so that no request waits long for them. Returns to how many.
    ///
    /// On PostgreSQL it passes over rows that somebody holds: they are in use, or another worker is at them, and the next batch or the
    /// next round comes to them. Waiting would be for a transaction of unknown length, and of two that wait for each other one is undone.
    /// SQLite has one writer at a time and nothing to pass over.
    pub(crate) async fn run(&self, conn: &Conn<'_>, values: impl IntoIterator<Item = Value>) -> Result<u64> {
        let Self { change, table, key, condition } = self;
        let some = format!("SELECT {key} FROM {table} WHERE {condition} LIMIT 500");
        let sql = match conn.get_database_backend() {
            // As an array it is computed once. In a list PostgreSQL may compute it anew for each row, and find others every time.
            DbBackend::Postgres => format!("{change} WHERE {key} = ANY(ARRAY({some} FOR UPDATE SKIP LOCKED))"),
            _ => format!("{change} WHERE {key} IN ({some})"),
        };
        Sql::new(conn, sql, values).execute(conn).await
    }
}
