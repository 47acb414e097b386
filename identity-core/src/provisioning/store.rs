//! Rows of provisionings.

use crate::error::Result;
use crate::id::UserId;
use crate::op::Op;
use crate::store::Sql;
use crate::store::value::{self, column};

/// Inserts the row unless it is there; the time of the first one stays. Says whether it was inserted.
pub(crate) async fn insert(op: &mut Op<'_>, user_id: &UserId, target: &str) -> Result<bool> {
    let sql = "INSERT INTO identity_provisionings (user_id, target, provisioned_at) VALUES ($1, $2, $3) \
               ON CONFLICT (user_id, target) DO NOTHING";
    let values = [value::text(user_id.as_str()), value::text(target), value::time(op.now())];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|rows| rows == 1)
}

pub(crate) async fn of_user(op: &Op<'_>, user_id: &UserId) -> Result<Vec<String>> {
    let sql = "SELECT target FROM identity_provisionings WHERE user_id = $1 ORDER BY target";
    let rows = Sql::new(op.db(), sql, [value::text(user_id.as_str())]).rows(op.db()).await?;
    rows.iter().map(|row| column(row, 0)).collect()
}
