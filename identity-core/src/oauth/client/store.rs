//! Rows of clients, of their secrets, and of the assertions that they have proved themselves with.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::model::{AuthMethod, Client, ClientKind, ClientSecret};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::id::{ClientId, ClientSecretId};
use crate::op::Op;
use crate::store::value::{self, column, serialized};
use crate::store::{Batch, Row, Sql, Store, for_update};
use crate::time::{Timestamp, before};
use crate::token::{Digest, kind};

/// For how long a client that registered itself is kept without being used.
const UNUSED: Duration = Duration::from_hours(24 * 90);

/// An assertion that a client has proved itself with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Assertion {}

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT c.id, c.name, c.kind, c.auth_method, c.metadata, c.policy, c.registered, c.created_at, \
             c.updated_at, c.last_used_at",
            $more,
            " FROM identity_clients c ",
            $rest
        )
    };
}

const FIND: &str = select!("", "WHERE c.id = $1");

pub(crate) async fn find(op: &Op<'_>, id: &ClientId) -> Result<Option<Client>> {
    op.shared().store.row_of_text(op.db(), FIND, id.as_str(), |row| read(&row)).await
}

/// What a secret leads to.
#[derive(Debug)]
pub(super) struct BySecret {
    pub(super) client: Client,
    /// When the secret ends.
    pub(super) ends_at: Option<Timestamp>,
    /// Whether a user has the id of the client.
    pub(super) shares_id_with_user: bool,
}

/// The client of a secret, and what there is to know about both.
pub(super) async fn find_by_secret(op: &Op<'_>, digest: &Digest<kind::ClientSecret>) -> Result<Option<BySecret>> {
    // Whether there is such a user matters to client credentials alone, but asked in a second statement it would cost them more than it
    // costs everybody here.
    let sql = select!(
        ", s.ends_at, EXISTS (SELECT 1 FROM identity_users u WHERE u.id = c.id)",
        "JOIN identity_client_secrets s ON s.client_id = c.id WHERE s.digest = $1"
    );
    let read = |row: Row<'_>| {
        Ok(BySecret { client: read(&row)?, ends_at: row.column(10)?, shares_id_with_user: row.column(11)? })
    };
    op.shared().store.row_of_digest(op.db(), sql, digest, read).await
}

/// The client whose registration a token manages.
pub(super) async fn find_by_registration(op: &Op<'_>, digest: &Digest<kind::Registration>) -> Result<Option<Client>> {
    let sql = select!("", "WHERE c.registration_digest = $1");
    op.shared().store.row_of_digest(op.db(), sql, digest, |row| read(&row)).await
}

/// The client, which nobody else changes until this is committed.
pub(super) async fn lock(op: &mut Op<'_>, id: &ClientId) -> Result<Option<Client>> {
    let sql = format!("{FIND}{}", for_update(op.db(), "c"));
    Sql::new(op.db(), sql, [value::text(id.as_str())]).one(op.db(), read).await
}

/// A page of clients in order of their ids.
pub(super) async fn list(op: &Op<'_>, after: Option<&ClientId>, limit: u64) -> Result<Vec<Client>> {
    let sql = format!("{}{limit}", select!("", "WHERE c.id > $1 ORDER BY c.id LIMIT "));
    let after = after.map_or("", ClientId::as_str);
    Sql::new(op.db(), sql, [value::text(after)]).all(op.db(), read).await
}

fn read(row: &Row<'_>) -> Result<Client> {
    let id = ClientId::from_text(row.column::<String>(0)?);
    Ok(Client {
        metadata: read_json(&id, row, 4)?,
        policy: read_json(&id, row, 5)?,
        id,
        name: row.column(1)?,
        kind: value::word(row, 2, ClientKind::parse)?,
        auth_method: value::word(row, 3, AuthMethod::parse)?,
        registered: row.column(6)?,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
        last_used_at: row.time(9)?,
    })
}

/// Reads what is stored. Members that nobody here knows, such as those of a newer release, are left out. One that cannot be read is
/// no reason to take a default in its place: that could let the client do more than it may.
fn read_json<T: DeserializeOwned>(id: &ClientId, row: &Row<'_>, index: usize) -> Result<T> {
    row.json(index).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Error::new(error.code()).caused_by(format!("what is stored of the client {id} cannot be read: {cause}"))
    })
}

/// What a client that registered itself has beside the rest.
pub(super) struct Registered<'r> {
    /// What it manages its registration with.
    pub(super) token: &'r Digest<kind::Registration>,
    /// Whether it is removed when nobody uses it.
    pub(super) expires_unused: bool,
}

/// Makes a client, unless there is one with its id.
pub(super) async fn insert(op: &mut Op<'_>, client: &Client, registered: Option<Registered<'_>>) -> Result<()> {
    let sql = "INSERT INTO identity_clients (id, name, kind, auth_method, metadata, policy, registered, \
               expires_unused, registration_digest, created_at, updated_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING";
    let values = [
        value::text(client.id.as_str()),
        value::text(&client.name),
        value::text(client.kind.as_str()),
        value::text(client.auth_method.as_str()),
        serialized(&client.metadata)?,
        serialized(&client.policy)?,
        client.registered.into(),
        registered.as_ref().is_some_and(|registered| registered.expires_unused).into(),
        registered.map(|registered| registered.token.as_bytes().to_vec()).into(),
        value::time(client.created_at),
        value::time(client.updated_at),
        value::time(client.last_used_at),
    ];
    match Sql::new(op.db(), sql, values).execute(op.db()).await? {
        1 => Ok(()),
        _ => Err(Error::new(Code::ClientIdTaken)),
    }
}

/// Writes a client that is locked.
pub(super) async fn update(op: &mut Op<'_>, client: &Client) -> Result<()> {
    let sql = "UPDATE identity_clients SET name = $2, kind = $3, auth_method = $4, metadata = $5, policy = $6, \
               updated_at = $7 WHERE id = $1";
    let values = [
        value::text(client.id.as_str()),
        value::text(&client.name),
        value::text(client.kind.as_str()),
        value::text(client.auth_method.as_str()),
        serialized(&client.metadata)?,
        serialized(&client.policy)?,
        value::time(client.updated_at),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// Removes a client and everything that hangs on it. Says whether there was one.
pub(super) async fn delete(op: &mut Op<'_>, id: &ClientId) -> Result<bool> {
    let sql = "DELETE FROM identity_clients WHERE id = $1";
    Ok(Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Writes down that a client is in use, unless that was written down after `since`.
pub(super) async fn touch(store: &Store, id: &ClientId, now: Timestamp, since: Timestamp) -> Result<()> {
    let sql = "UPDATE identity_clients SET last_used_at = $2 WHERE id = $1 AND last_used_at <= $3";
    store.write_alone(sql, [value::text(id.as_str()), value::time(now), value::time(since)]).await.map(|_| ())
}

pub(super) async fn insert_secret(
    op: &mut Op<'_>,
    client_id: &ClientId,
    digest: &Digest<kind::ClientSecret>,
) -> Result<()> {
    let sql = "INSERT INTO identity_client_secrets (id, client_id, digest, created_at) VALUES ($1, $2, $3, $4)";
    let values = [
        value::text(ClientSecretId::mint(op.now(), op.entropy()).as_str()),
        value::text(client_id.as_str()),
        value::digest(digest),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// Lets the secrets of a client end at `ends_at`, unless they end earlier.
pub(super) async fn end_secrets(op: &mut Op<'_>, client_id: &ClientId, ends_at: Timestamp) -> Result<()> {
    let sql = "UPDATE identity_client_secrets SET ends_at = $2 \
               WHERE client_id = $1 AND (ends_at IS NULL OR ends_at > $2)";
    let values = [value::text(client_id.as_str()), value::time(ends_at)];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// The secrets of a client that are good, the oldest first.
pub(super) async fn secrets(op: &Op<'_>, client_id: &ClientId) -> Result<Vec<ClientSecret>> {
    let sql = "SELECT id, created_at, ends_at FROM identity_client_secrets \
               WHERE client_id = $1 AND (ends_at IS NULL OR ends_at > $2) ORDER BY created_at, id";
    let values = [value::text(client_id.as_str()), value::time(op.now())];
    let rows = Sql::new(op.db(), sql, values).rows(op.db()).await?;
    let secret = |row| {
        let id = ClientSecretId::from_text(column::<String>(row, 0)?);
        Ok(ClientSecret { id, created_at: column(row, 1)?, ends_at: column(row, 2)? })
    };
    rows.iter().map(secret).collect()
}

/// Spends an assertion. Of several calls at once, one gets `true`.
pub(super) async fn spend(store: &Store, assertion: &Digest<Assertion>, expires_at: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO identity_client_assertions (digest, expires_at) VALUES ($1, $2) \
               ON CONFLICT (digest) DO NOTHING";
    let written = store.write_alone(sql, [value::digest(assertion), value::time(expires_at)]).await?;
    Ok(written == 1)
}

/// Removes what no longer counts, at most 500 of each at a time: assertions and secrets that have run out, and clients that registered
/// themselves and are not used. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>) -> Result<u64> {
    let assertions = Batch {
        change: "DELETE FROM identity_client_assertions",
        table: "identity_client_assertions",
        key: "digest",
        condition: "expires_at <= $1",
    };
    let secrets = Batch {
        change: "DELETE FROM identity_client_secrets",
        table: "identity_client_secrets",
        key: "id",
        condition: "ends_at <= $1",
    };
    let unused = Batch {
        change: "DELETE FROM identity_clients",
        table: "identity_clients",
        key: "id",
        condition: "last_used_at <= $1 AND expires_unused",
    };
    let mut removed = 0;
    for (batch, limit) in [(assertions, op.now()), (secrets, op.now()), (unused, before(op.now(), UNUSED))] {
        removed += batch.run(op.db(), [value::time(limit)]).await?;
    }
    Ok(removed)
}
