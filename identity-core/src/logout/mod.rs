//! Logouts that clients have to hear of (OpenID Connect Back-Channel Logout 1.0): who is told, and what has become of it.

pub(crate) mod model;
pub(crate) mod store;

pub(crate) use model::{Fate, Leased};
pub use model::{LogoutDelivery, LogoutState};

use crate::error::Result;
use crate::id::{LogoutDeliveryId, SessionId, UserId};
use crate::op::Op;
use crate::shared::Shared;

/// How many logouts clients have yet to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutCounts {
    /// Those that wait for their turn.
    pub waiting: i64,
    /// Those that were given up.
    pub dead: i64,
}

/// The logouts that clients have to hear of.
#[derive(Debug)]
pub struct Logouts<'s> {
    pub(crate) shared: &'s Shared,
}

impl Logouts<'_> {
    /// At most `limit` of them that came after `after`, oldest first, all or those of one state. Those that were delivered are kept
    /// for 7 days, those that were given up for 30.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(
        &self,
        state: Option<LogoutState>,
        after: Option<&LogoutDeliveryId>,
        limit: u64,
    ) -> Result<Vec<LogoutDelivery>> {
        store::list(&Op::read(self.shared), state, after, limit).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn counts(&self) -> Result<LogoutCounts> {
        let (waiting, dead) = store::counts(&Op::read(self.shared)).await?;
        Ok(LogoutCounts { waiting, dead })
    }
}

/// Writes down who has to hear that a session ends: every client that was given something in it and wants to be told. The session is
/// locked and still there, because most of what clients were given goes with it.
pub(crate) async fn announce(op: &mut Op<'_>, user_id: &UserId, session_id: &SessionId) -> Result<()> {
    let clients = store::clients_of_session(op, session_id).await?;
    for client_id in clients {
        store::insert(op, &client_id, user_id, session_id).await?;
    }
    Ok(())
}

/// The same for all sessions of a user, or all but one; also for those that ran out long ago, when a client still has something from
/// them.
pub(crate) async fn announce_all(op: &mut Op<'_>, user_id: &UserId, keep: Option<&SessionId>) -> Result<()> {
    let told = store::clients_of_user(op, user_id, keep).await?;
    for (client_id, session_id) in told {
        store::insert(op, &client_id, user_id, &session_id).await?;
    }
    Ok(())
}
