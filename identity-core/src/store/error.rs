//! What an error of the database means to a caller.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::code::Code;
use crate::error::Error;

impl From<DbErr> for Error {
    /// Trouble with the connection is temporary; everything else is a fault of ours.
    fn from(error: DbErr) -> Self {
        if matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_))) {
            // All foreign keys lead to users: this one was deleted meanwhile.
            Self::new(Code::UserNotFound).caused_by(error)
        } else if is_temporary(&error) {
            Self::new(Code::StoreUnavailable).retry_after(Duration::from_secs(1)).caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into()
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal(error)
    }
}

/// Whether a row could not be written because a unique key is taken.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Whether SQLite says that another connection has the file (primary result code 5).
pub(super) fn is_busy(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    let code = cause.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

fn is_temporary(error: &DbErr) -> bool {
    use RuntimeErr::SqlxError;
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(SqlxError(cause)) | DbErr::Query(SqlxError(cause)) => is_temporary_cause(cause),
        _ => false,
    }
}

fn is_temporary_cause(cause: &sqlx::Error) -> bool {
    use sqlx::Error as Cause;
    match cause {
        Cause::Io(_)
        | Cause::Tls(_)
        | Cause::Protocol(_)
        | Cause::PoolTimedOut
        | Cause::PoolClosed
        | Cause::WorkerCrashed => true,
        Cause::Database(error) => error.code().is_some_and(|code| is_temporary_code(&code)),
        _ => false,
    }
}

/// SQLite primary result codes 5 (busy), 6 (locked), 8 (read-only), 10 (I/O) and 13 (full), also in the low byte of extended codes;
/// PostgreSQL classes 08 (connection), 40 (rollback), 53 (resources), 57 (operator intervention) and 58 (system).
fn is_temporary_code(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006";
    }
    code.parse::<u32>().is_ok_and(|number| [5, 6, 8, 10, 13].contains(&(number & 0xff)))
}
