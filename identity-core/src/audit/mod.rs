//! The record of what happened: every sign-in and failure, every change of a credential, every act of an administrator.

mod store;

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::runtime::Handle;

use crate::error::Result;
use crate::event::{Act, Actor, Event, Line};
use crate::id::{EventId, UserId};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::shared::Shared;
use crate::time::Timestamp;

pub(crate) use store::{forget, forget_rest, purge, purge_strangers, surplus_of_strangers};

/// Something that happened, as it was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id; ids of later events sort after it.
    pub id: EventId,
    /// Its name, such as `sign_in.succeeded`; see [`crate::event::Event::kind`].
    pub kind: String,
    /// Whose account it is about. The account may be gone.
    pub user_id: Option<UserId>,
    /// Who did it.
    pub actor: Actor,
    /// The address of the client. Forgotten with the account.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` of the client. Forgotten with the account.
    pub user_agent: Option<String>,
    /// The id of the request in the logs.
    pub request_id: Option<String>,
    /// What there is to say beyond the name.
    pub details: Map<String, Value>,
    /// When it happened.
    pub at: Timestamp,
}

/// Which events to list; the default is all.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only about this account.
    pub user_id: Option<UserId>,
    /// Only of this name, or of all names that begin so before a dot: `password` finds `password.reset`.
    pub kind: Option<String>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
}

/// The record of what happened.
#[derive(Debug)]
pub struct Audit<'s> {
    pub(crate) shared: &'s Shared,
}

impl Audit<'_> {
    /// At most `limit` events that came after `after`, oldest first. Only age removes one; the deletion of its
    /// account takes away address and client.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self, filter: &EventFilter, after: Option<&EventId>, limit: u64) -> Result<Vec<Recorded>> {
        store::list(&Op::read(self.shared), filter, after, limit).await
    }
}

/// Writes down what happened, in the transaction in which it happens.
pub(crate) async fn record(op: &mut Op<'_>, act: Act<'_>) -> Result<()> {
    store::insert(op, &act).await?;
    op.log(Line::from(&act));
    Ok(())
}

/// Writes down something that changed nothing, such as a refusal. Trouble with writing is logged: the answer stays a refusal.
pub(crate) async fn note(shared: &Shared, act: Act<'_>) {
    let written = async {
        let mut op = Op::write(shared).await?;
        record(&mut op, act).await?;
        op.commit().await
    };
    if let Err(error) = written.await {
        tracing::warn!(error = error.chain(), "an event could not be written down");
    }
}

/// Something that counts from its beginning on and takes a while, such as checking a password. Dropped before it is over, because whoever
/// asked for it went away, it leaves an event of its own.
#[derive(Debug)]
#[must_use]
pub(crate) struct Unfinished<'s> {
    shared: &'s Arc<Shared>,
    event: Event,
    actor: Actor,
    user_id: Option<UserId>,
    info: &'s RequestInfo,
    over: bool,
}

impl<'s> Unfinished<'s> {
    /// Something begins that is written down as `act` if it is given up.
    pub(crate) fn begin(
        shared: &'s Arc<Shared>,
        event: Event,
        actor: Actor,
        user_id: Option<UserId>,
        info: &'s RequestInfo,
    ) -> Self {
        Self { shared, event, actor, user_id, info, over: false }
    }

    /// It turns out whose account it is about.
    pub(crate) fn about(&mut self, user_id: &UserId) {
        self.user_id = Some(user_id.clone());
    }

    /// It has come to an end, which is written down elsewhere.
    pub(crate) fn over(mut self) {
        self.over = true;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // A process that is ending has no more tasks.
        let Ok(runtime) = Handle::try_current() else { return };
        let (shared, event, actor) = (Arc::clone(self.shared), self.event.clone(), self.actor.clone());
        let (user_id, info) = (self.user_id.take(), self.info.clone());
        runtime.spawn(async move {
            let act = Act { event, actor, user_id: user_id.as_ref(), info: Some(&info) };
            note(&shared, act).await;
        });
    }
}
