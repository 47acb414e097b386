//! Rows of counters. Each call is admitted by one conditional statement whose row count is the answer, so that the count holds among
//! many at once and across processes. All times are microseconds since 1970.

use std::time::Duration;

use super::Counter;
use crate::error::Result;
use crate::store::{Batch, Conn, Sql, Store, value};
use crate::token::Digest;

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// When the bucket of an address will have run empty, so that all of its calls are allowed again.
pub(super) async fn full_at(store: &Store, digest: &Digest<Counter>) -> Result<Option<i64>> {
    let sql = "SELECT full_at FROM identity_limits WHERE digest = $1";
    store.row_of_digest(&Conn::pool(store), sql, digest, |row| row.column(0)).await
}

/// Counts a call that fills `share` of a bucket, if that leaves the bucket full no later than `tolerance` after now. Says whether.
pub(super) async fn take(
    store: &Store,
    digest: &Digest<Counter>,
    now: i64,
    tolerance: Duration,
    share: Duration,
) -> Result<bool> {
    let sql = "INSERT INTO identity_limits AS l (digest, full_at) VALUES ($1, $2 + $3) \
               ON CONFLICT (digest) DO UPDATE SET full_at = $3 + CASE WHEN l.full_at > $2 THEN l.full_at ELSE $2 END \
               WHERE l.full_at <= $4";
    let values =
        [value::digest(digest), now.into(), micros(share).into(), now.saturating_add(micros(tolerance)).into()];
    Ok(store.write_alone(sql, values).await? == 1)
}

/// Puts right when a bucket runs empty, unless somebody has done so since it was read.
pub(super) async fn mend_bucket(store: &Store, digest: &Digest<Counter>, wrong: i64, right: i64) -> Result<()> {
    let sql = "UPDATE identity_limits SET full_at = $3 WHERE digest = $1 AND full_at = $2";
    store.write_alone(sql, [value::digest(digest), wrong.into(), right.into()]).await.map(|_| ())
}

/// Where a counter of guesses stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) failures: i32,
    pub(super) paused_until: i64,
    pub(super) known_until: i64,
}

pub(super) async fn standing(store: &Store, digest: &Digest<Counter>) -> Result<Option<Standing>> {
    let sql = "SELECT failures, paused_until, known_until FROM identity_guesses WHERE digest = $1";
    let read = |row: crate::store::Row<'_>| {
        Ok(Standing { failures: row.column(0)?, paused_until: row.column(1)?, known_until: row.column(2)? })
    };
    store.row_of_digest(&Conn::pool(store), sql, digest, read).await
}

/// The pause that follows a number of failures.
pub(super) struct Pauses {
    /// Failures that are followed by none.
    pub(super) free: i32,
    /// The pause after the first one that costs; it doubles with each further one.
    pub(super) first: Duration,
    /// How often it doubles before it is the longest.
    pub(super) doublings: i32,
    /// The longest.
    pub(super) longest: Duration,
    /// After this long without a failure, the count starts again.
    pub(super) memory: Duration,
}

impl Pauses {
    /// The pause that a count of failures has caused.
    pub(super) fn after(&self, failures: i32) -> Duration {
        match failures.saturating_sub(self.free) {
            ..=0 => Duration::ZERO,
            over if over - 1 <= self.doublings => self.first * (1 << (over - 1)),
            _ => self.longest,
        }
    }
}

/// Puts a pause right, unless a guess was charged or the pause put right since it was read.
pub(super) async fn mend_pause(store: &Store, digest: &Digest<Counter>, wrong: i64, right: i64) -> Result<()> {
    let sql = "UPDATE identity_guesses SET paused_until = $3 WHERE digest = $1 AND paused_until = $2";
    store.write_alone(sql, [value::digest(digest), wrong.into(), right.into()]).await.map(|_| ())
}

/// Counts a guess as wrong before it is checked, unless there is a pause. Says whether it may be checked.
pub(super) async fn charge(
    store: &Store,
    digest: &Digest<Counter>,
    account: &Digest<Counter>,
    now: i64,
    pauses: &Pauses,
) -> Result<bool> {
    let sql = "INSERT INTO identity_guesses AS g (digest, account, failures, paused_until, forgotten_at, known_until) \
               VALUES ($1, $2, 1, $3, $4, 0) \
               ON CONFLICT (digest) DO UPDATE SET \
                 failures = 1 + CASE WHEN g.forgotten_at > $3 THEN g.failures ELSE 0 END, \
                 paused_until = $3 + CASE WHEN g.forgotten_at <= $3 OR g.failures < $5 THEN 0 \
                   WHEN g.failures <= $6 THEN $7 * (1 << (g.failures - $5)) ELSE $8 END, \
                 forgotten_at = $4 \
               WHERE g.paused_until <= $3";
    let values = [
        value::digest(digest),
        value::digest(account),
        now.into(),
        now.saturating_add(micros(pauses.memory)).into(),
        pauses.free.into(),
        pauses.free.saturating_add(pauses.doublings).into(),
        micros(pauses.first).into(),
        micros(pauses.longest).into(),
    ];
    Ok(store.write_alone(sql, values).await? == 1)
}

/// Takes back a guess that was charged at `charged_at` and never checked. The pause it caused goes with it, unless another guess
/// has been charged since.
pub(super) async fn withdraw(store: &Store, digest: &Digest<Counter>, charged_at: i64, memory: Duration) -> Result<()> {
    let sql = "UPDATE identity_guesses SET failures = failures - 1, \
                 paused_until = CASE WHEN forgotten_at = $2 THEN $3 ELSE paused_until END \
               WHERE digest = $1 AND failures > 0";
    let values = [value::digest(digest), charged_at.saturating_add(micros(memory)).into(), charged_at.into()];
    store.write_alone(sql, values).await.map(|_| ())
}

const RESET: &str = "UPDATE identity_guesses SET failures = 0, paused_until = 0, forgotten_at = 0 WHERE digest = $1";

/// Starts a count again, in the transaction of what the right guess is good for.
pub(super) async fn reset(conn: &Conn<'_>, digest: &Digest<Counter>) -> Result<()> {
    Sql::new(conn, RESET, [value::digest(digest)]).execute(conn).await.map(|_| ())
}

/// Starts a count again, without anything else.
pub(super) async fn reset_alone(store: &Store, digest: &Digest<Counter>) -> Result<()> {
    store.write_alone(RESET, [value::digest(digest)]).await.map(|_| ())
}

/// Notes that an account has proved itself from a network, whose guesses are counted apart until `known_until`.
pub(super) async fn know(
    conn: &Conn<'_>,
    digest: &Digest<Counter>,
    account: &Digest<Counter>,
    known_until: i64,
) -> Result<()> {
    let sql = "INSERT INTO identity_guesses (digest, account, failures, paused_until, forgotten_at, known_until) \
               VALUES ($1, $2, 0, 0, 0, $3) \
               ON CONFLICT (digest) DO UPDATE SET failures = 0, paused_until = 0, forgotten_at = 0, known_until = $3";
    let values = [value::digest(digest), value::digest(account), known_until.into()];
    Sql::new(conn, sql, values).execute(conn).await.map(|_| ())
}

/// Removes the networks that an account is known from. What strangers have guessed stays counted.
pub(super) async fn forget_networks(conn: &Conn<'_>, account: &Digest<Counter>) -> Result<()> {
    let sql = "DELETE FROM identity_guesses WHERE account = $1 AND digest <> $1";
    Sql::new(conn, sql, [value::digest(account)]).execute(conn).await.map(|_| ())
}

/// Removes counters of both kinds that no longer count, at most 500 of each at a time. Returns how many.
pub(crate) async fn purge(conn: &Conn<'_>, now: crate::time::Timestamp) -> Result<u64> {
    let now = now.timestamp_micros();
    let addresses = Batch {
        change: "DELETE FROM identity_limits",
        table: "identity_limits",
        key: "digest",
        condition: "full_at < $1",
    };
    let accounts = Batch {
        change: "DELETE FROM identity_guesses",
        table: "identity_guesses",
        key: "digest",
        condition: "forgotten_at < $1 AND paused_until < $1 AND known_until < $1",
    };
    let removed = addresses.run(conn, [now.into()]).await?;
    Ok(removed + accounts.run(conn, [now.into()]).await?)
}
