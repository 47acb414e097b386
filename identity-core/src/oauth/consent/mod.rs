//! Consents: what users have agreed that a client may do.

pub(crate) mod store;

use crate::audit;
use crate::error::Result;
use crate::event::{Act, Event};
use crate::family;
use crate::id::{ClientId, UserId};
use crate::oauth::{OAuth, device, grant};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::user;

/// What a user has agreed that a client may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The client.
    pub client_id: ClientId,
    /// What people know it by.
    pub client_name: String,
    /// What it may ask for without asking the user again.
    pub scope: ScopeSet,
    /// The resources it may ask for.
    pub resources: Vec<String>,
    /// When the user agreed for the first time.
    pub created_at: Timestamp,
    /// When the user last agreed to more.
    pub updated_at: Timestamp,
}

impl OAuth<'_> {
    /// What a user has agreed that clients may do, the oldest first.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn consents(&self, user_id: &UserId) -> Result<Vec<Consent>> {
        store::list(&Op::read(self.shared), user_id).await
    }

    /// Takes a consent back: the client is asked about again, and what it was given for the user is dead. Says whether there was one.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn revoke_consent(&self, user_id: &UserId, client_id: &ClientId, info: &RequestInfo) -> Result<bool> {
        let mut op = Op::write(self.shared).await?;
        user::store::share(&mut op, user_id).await?;
        grant::store::deny_codes(&mut op, user_id, client_id).await?;
        let revoked = store::delete(&mut op, user_id, client_id).await?;
        device::store::deny_approved(&mut op, user_id, client_id).await?;
        // At the end: what a code or a device has been given at this very moment is found too.
        family::store::end_of_client(&mut op, user_id, client_id).await?;
        if revoked {
            let event = Event::ConsentRevoked { client: client_id.clone() };
            audit::record(&mut op, Act::own(event, user_id, info)).await?;
        }
        op.commit().await?;
        Ok(revoked)
    }
}

/// Writes down that a user agrees, beside what they agreed to before.
pub(crate) async fn give(
    op: &mut Op<'_>,
    user_id: &UserId,
    client_id: &ClientId,
    scope: &ScopeSet,
    resources: &[String],
    info: &RequestInfo,
) -> Result<()> {
    let earlier = store::lock(op, user_id, client_id).await?;
    let (mut all_scopes, mut all_resources) = (scope.clone(), resources.to_vec());
    if let Some(earlier) = earlier {
        all_scopes = all_scopes.union(&earlier.scope);
        all_resources.extend(earlier.resources);
        all_resources.sort();
        all_resources.dedup();
    }
    store::put(op, user_id, client_id, &all_scopes, &all_resources).await?;
    let event = Event::ConsentGranted { client: client_id.clone(), scope: scope.to_string() };
    audit::record(op, Act::own(event, user_id, info)).await
}
