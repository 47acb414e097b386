//! Rows of authorizations. Each step is one conditional update.

use super::model::{Grant, Holder, State};
use crate::error::Result;
use crate::id::{ClientId, GrantId, SessionId, TokenFamilyId, UserId};
use crate::op::Op;
use crate::store::value;
use crate::store::{Batch, Row, Sql};
use crate::time::Timestamp;
use crate::token::{Digest, kind};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, client_id, request, state, began_in, kept_in, consented_by, user_id, session_id, family_id, \
             created_at, expires_at FROM identity_authorization_grants WHERE ",
            $rest
        )
    };
}

pub(crate) async fn insert(op: &mut Op<'_>, grant: &Grant) -> Result<()> {
    let sql = "INSERT INTO identity_authorization_grants \
               (id, client_id, state, request, began_in, created_at, expires_at) \
               VALUES ($1, $2, 'requested', $3, $4, $5, $6)";
    let values = [
        value::text(grant.id.as_str()),
        value::text(grant.client_id.as_str()),
        value::serialized(&grant.request)?,
        value::optional_text(grant.began_in.as_ref().map(|id| id.as_str().to_owned())),
        value::time(grant.created_at),
        value::time(grant.expires_at),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

pub(crate) async fn find(op: &Op<'_>, id: &GrantId) -> Result<Option<Grant>> {
    Sql::new(op.db(), select!("id = $1"), [value::text(id.as_str())]).one(op.db(), read).await
}

pub(crate) async fn find_by_code(op: &Op<'_>, digest: &Digest<kind::AuthorizationCode>) -> Result<Option<Grant>> {
    Sql::new(op.db(), select!("code_digest = $1"), [value::digest(digest)]).one(op.db(), read).await
}

fn read(row: &Row<'_>) -> Result<Grant> {
    let holder = row
        .column::<Option<String>>(7)?
        .zip(row.column::<Option<String>>(8)?)
        .map(|(user, session)| Holder { user_id: UserId::from_text(user), session_id: SessionId::from_text(session) });
    let family = row.column::<Option<String>>(9)?.map(TokenFamilyId::from_text);
    Ok(Grant {
        id: GrantId::from_text(row.column::<String>(0)?),
        client_id: ClientId::from_text(row.column::<String>(1)?),
        request: row.json(2)?,
        state: value::word(row, 3, |word| State::of_row(word, holder, family))?,
        began_in: row.column::<Option<String>>(4)?.map(SessionId::from_text),
        kept_in: row.column::<Option<String>>(5)?.map(SessionId::from_text),
        consented_by: row.column::<Option<String>>(6)?.map(UserId::from_text),
        created_at: row.time(10)?,
        expires_at: row.time(11)?,
    })
}

/// Notes that somebody goes on with the account of a session. Says whether the request still waits.
pub(crate) async fn keep(op: &mut Op<'_>, id: &GrantId, session_id: &SessionId) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET kept_in = $1 \
               WHERE id = $2 AND state = 'requested' AND expires_at > $3";
    let values = [value::text(session_id.as_str()), value::text(id.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Writes down that less is asked for. Says whether the request still waits.
pub(crate) async fn set_request(op: &mut Op<'_>, grant: &Grant) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET request = $1 \
               WHERE id = $2 AND state = 'requested' AND expires_at > $3";
    let values = [value::serialized(&grant.request)?, value::text(grant.id.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Notes that a user agrees. Says whether the request still waits.
pub(crate) async fn consent(op: &mut Op<'_>, id: &GrantId, user_id: &UserId) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET consented_by = $1 \
               WHERE id = $2 AND state = 'requested' AND expires_at > $3";
    let values = [value::text(user_id.as_str()), value::text(id.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Gives out the code of a request that waits. Of several calls at once, one gets `true`.
pub(crate) async fn issue(
    op: &mut Op<'_>,
    id: &GrantId,
    holder: &Holder,
    code: &Digest<kind::AuthorizationCode>,
    until: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET state = 'issued', user_id = $1, session_id = $2, \
               code_digest = $3, expires_at = $4 WHERE id = $5 AND state = 'requested' AND expires_at > $6";
    let values = [
        value::text(holder.user_id.as_str()),
        value::text(holder.session_id.as_str()),
        value::digest(code),
        value::time(until),
        value::text(id.as_str()),
        value::time(op.now()),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Redeems a code that is good for the family that comes of it. Of several calls at once, one gets `true`.
pub(crate) async fn redeem(op: &mut Op<'_>, id: &GrantId, family: &TokenFamilyId) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET state = 'redeemed', family_id = $1 \
               WHERE id = $2 AND state = 'issued' AND expires_at > $3";
    let values = [value::text(family.as_str()), value::text(id.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Closes a request that waits, or a code that was not redeemed. Says whether this call did it.
pub(crate) async fn deny(op: &mut Op<'_>, id: &GrantId) -> Result<bool> {
    let sql = "UPDATE identity_authorization_grants SET state = 'denied' \
               WHERE id = $1 AND state IN ('requested', 'issued')";
    Ok(Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Closes a code that came too late.
pub(crate) async fn expire(op: &mut Op<'_>, id: &GrantId) -> Result<()> {
    let sql = "UPDATE identity_authorization_grants SET state = 'expired' \
               WHERE id = $1 AND state = 'issued' AND expires_at <= $2";
    let values = [value::text(id.as_str()), value::time(op.now())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Closes the codes of a client that a user no longer agrees to.
pub(crate) async fn deny_codes(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<()> {
    let sql = "UPDATE identity_authorization_grants SET state = 'denied' \
               WHERE user_id = $1 AND client_id = $2 AND state = 'issued'";
    let values = [value::text(user_id.as_str()), value::text(client_id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Removes requests that came to nothing as soon as they are over, and those whose code went out once they were over before `limit`,
/// at most 500 of each at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let over = |condition| Batch {
        change: "DELETE FROM identity_authorization_grants",
        table: "identity_authorization_grants",
        key: "id",
        condition,
    };
    let abandoned = over("state IN ('requested', 'denied', 'expired') AND expires_at <= $1");
    let answered = over("state IN ('issued', 'redeemed') AND expires_at < $1");
    let removed = abandoned.run(op.db(), [value::time(op.now())]).await?;
    Ok(removed + answered.run(op.db(), [value::time(limit)]).await?)
}
