//! Rows of clients.

use super::Client;
use crate::error::Result;
use crate::id::ClientId;
use crate::op::Op;

pub(crate) async fn find(_op: &Op<'_>, _id: &ClientId) -> Result<Option<Client>> {
    todo!()
}
