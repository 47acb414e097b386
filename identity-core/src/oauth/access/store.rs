//! Rows of access tokens: opaque ones, and signed ones that were revoked.

use serde_json::{Map, Value as Json};

use crate::error::Result;
use crate::id::{ClientId, TokenFamilyId};
use crate::op::Op;
use crate::store::value::{self, object};
use crate::store::{Batch, Sql};
use crate::time::Timestamp;
use crate::token::{Digest, kind};

/// What an opaque token stands for.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) claims: Map<String, Json>,
    pub(crate) expires_at: Timestamp,
    pub(crate) is_revoked: bool,
}

pub(crate) async fn insert(
    op: &mut Op<'_>,
    digest: &Digest<kind::Access>,
    client_id: &ClientId,
    family: Option<&TokenFamilyId>,
    claims: &Map<String, Json>,
    expires_at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO identity_access_tokens (token_digest, client_id, family_id, claims, expires_at) \
               VALUES ($1, $2, $3, $4, $5)";
    let values = [
        value::digest(digest),
        value::text(client_id.as_str()),
        value::optional_text(family.map(|id| id.as_str().to_owned())),
        value::json(claims),
        value::time(expires_at),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

const FIND: &str = "SELECT claims, expires_at, revoked_at FROM identity_access_tokens WHERE token_digest = $1";

pub(crate) async fn find(op: &Op<'_>, digest: &Digest<kind::Access>) -> Result<Option<Stored>> {
    let store = &op.shared().store;
    let read = |row: crate::store::Row<'_>| {
        let revoked_at: Option<Timestamp> = row.column(2)?;
        Ok(Stored { claims: object(row.column(0)?), expires_at: row.time(1)?, is_revoked: revoked_at.is_some() })
    };
    store.row_of_digest(op.db(), FIND, digest, read).await
}

/// Revokes a token that has a row, or gives one to a signed token that has none.
pub(crate) async fn revoke(
    op: &mut Op<'_>,
    digest: &Digest<kind::Access>,
    client_id: &ClientId,
    expires_at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO identity_access_tokens (token_digest, client_id, claims, expires_at, revoked_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token_digest) DO UPDATE SET revoked_at = excluded.revoked_at";
    let values = [
        value::digest(digest),
        value::text(client_id.as_str()),
        value::json(&Map::new()),
        value::time(expires_at),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Removes tokens that have run out, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>) -> Result<u64> {
    let over = Batch {
        change: "DELETE FROM identity_access_tokens",
        table: "identity_access_tokens",
        key: "token_digest",
        condition: "expires_at < $1",
    };
    over.run(op.db(), [value::time(op.now())]).await
}
