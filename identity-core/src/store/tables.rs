//! Which tables a database has: a look from outside that changes nothing, at a database that need not be ours.

use std::time::Duration;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DbBackend, Statement};

use crate::code::Code;
use crate::error::{Error, Result};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const IN_SQLITE: &str = "SELECT NULL, name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
     ORDER BY name";

const IN_POSTGRES: &str = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' \
     ORDER BY n.nspname, c.relname";

/// A table of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema it stands in; none on SQLite.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

/// The tables of the database at `url`, system tables and temporary ones left out. A SQLite file is opened for reading and must exist.
///
/// # Errors
/// `store_unavailable` when it cannot be reached or the URL is of another kind.
pub async fn tables(url: &str) -> Result<Vec<Table>> {
    if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(Error::new(Code::StoreUnavailable).with_detail("a database URL starts with sqlite: or postgres:"));
    }
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).connect_timeout(PATIENCE).acquire_timeout(PATIENCE).sqlx_logging(false);
    options.map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
    let connection = Database::connect(options).await?;
    let backend = connection.get_database_backend();
    let sql = if backend == DbBackend::Postgres { IN_POSTGRES } else { IN_SQLITE };
    let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await?;
    let tables = rows.iter().map(|row| Ok(Table { schema: row.try_get_by_index(0)?, name: row.try_get_by_index(1)? }));
    let tables = tables.collect::<Result<_>>()?;
    connection.close().await?;
    Ok(tables)
}
