//! Device sessions: who somebody is before they sign in.

pub(crate) mod model;
pub(crate) mod store;

pub use model::{Currency, DeviceId, DeviceSession, Eligibility, Migration, NewDeviceSession};

use model::Standing;

use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::{DeviceSessionId, UserId};
use crate::op::{Op, soon};
use crate::request::RequestInfo;
use crate::shared::Shared;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user;

/// A device session that was just opened, with the token that is shown this once.
#[derive(Debug)]
pub struct IssuedDevice {
    /// The token for the device.
    pub token: Token<kind::Device>,
    /// The session.
    pub session: DeviceSession,
}

/// The anonymous sessions of devices.
#[derive(Debug)]
pub struct DeviceSessions<'s> {
    pub(crate) shared: &'s Shared,
}

impl DeviceSessions<'_> {
    /// Opens a session.
    ///
    /// The name of a device is no secret, so whoever knows it must not end what others hold. Where there are as many sessions as there
    /// may be, the new one takes the place of the one whose token is `presented`, or else of the oldest that was never used.
    ///
    /// # Errors
    /// `device_full` when there is neither; otherwise trouble with the database only.
    pub async fn create(&self, new: NewDeviceSession, presented: Option<&Token<kind::Device>>) -> Result<IssuedDevice> {
        let policy = &self.shared.config.device;
        let mut op = Op::write(self.shared).await?;
        let token = Token::mint_uuid(op.entropy());
        let session = DeviceSession {
            id: DeviceSessionId::mint(op.now(), op.entropy()),
            device_id: new.device_id,
            preferred_currency: new.preferred_currency,
            created_at: op.now(),
            last_active_at: op.now(),
            expires_at: after(op.now(), policy.max_age),
            used: false,
            migration: None,
        };
        store::lock_device(&mut op, &session.device_id).await?;
        make_room(&mut op, &session.device_id, presented).await?;
        store::insert(&mut op, &session, &token.digest()).await?;
        op.commit().await?;
        Ok(IssuedDevice { token, session })
    }

    /// The session of a token that is good, which its use keeps alive. `None` for a token that is unknown, has run out, or whose
    /// session has become a user's.
    ///
    /// # Errors
    /// Trouble with the database only. Trouble with writing down the use is logged and does not fail the request.
    pub async fn resolve(&self, token: &Token<kind::Device>) -> Result<Option<DeviceSession>> {
        let op = Op::read(self.shared);
        let Some(mut session) = store::find(&op, &token.digest()).await? else { return Ok(None) };
        match session.standing(op.now(), &self.shared.config.device) {
            Standing::Over => return Ok(None),
            Standing::Live => {}
            Standing::Due => match soon(self.touch(token)).await {
                Ok(true) => session.last_active_at = op.now(),
                Ok(false) => return Ok(None),
                Err(error) => tracing::warn!(error = error.chain(), "the use of a device session is not written down"),
            },
        }
        Ok(Some(session))
    }

    /// Writes down that the device is there. Says whether its session is good.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn touch(&self, token: &Token<kind::Device>) -> Result<bool> {
        let mut op = Op::write(self.shared).await?;
        let touched = store::touch(&mut op, &token.digest()).await?;
        op.commit().await?;
        Ok(touched)
    }

    /// Whether the session of a token can become a user's. Asking does not keep it alive.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn eligibility(&self, token: &Token<kind::Device>) -> Result<Eligibility> {
        eligibility(&Op::read(self.shared), token).await
    }

    /// Makes the session of a token a user's, once and for good: the token is dead afterwards. `user_id` must be that of a caller
    /// who has proved it.
    ///
    /// # Errors
    /// `already_migrated`, `not_migratable` for a token that is unknown or has run out, `unauthorized` for a user who is gone or
    /// banned.
    pub async fn migrate(&self, token: &Token<kind::Device>, user_id: &UserId, info: &RequestInfo) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        let user = user::store::lock(&mut op, user_id).await?.filter(|user| !user.is_banned(op.now()));
        if user.is_none() {
            return Err(Error::new(Code::Unauthorized));
        }
        if store::migrate(&mut op, &token.digest(), user_id).await? {
            audit::record(&mut op, Act::own(Event::DeviceMigrated, user_id, info)).await?;
            return op.commit().await;
        }
        let eligibility = eligibility(&op, token).await?;
        let code = if eligibility == Eligibility::Migrated { Code::AlreadyMigrated } else { Code::NotMigratable };
        Err(eligibility.reason().into_iter().fold(Error::new(code), Error::with_detail))
    }

    /// Ends the session of a token. Unknown tokens are fine: the caller wanted it gone.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn delete(&self, token: &Token<kind::Device>) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        store::delete(&mut op, &token.digest()).await?;
        op.commit().await
    }

    /// Removes all sessions that have run out, in small batches, so that no request waits long for the write lock. Returns how many.
    /// The worker does the same from time to time. `administrator` is whom the record names.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn cleanup(&self, administrator: &UserId, info: &RequestInfo) -> Result<u64> {
        let mut removed = 0;
        loop {
            let mut op = Op::write(self.shared).await?;
            let batch = store::purge(&mut op).await?;
            op.commit().await?;
            removed += batch;
            if batch == 0 {
                let event = Event::DevicesCleanedUp { count: removed };
                audit::note(self.shared, Act::own(event, administrator, info)).await;
                return Ok(removed);
            }
        }
    }
}

/// Makes sure that a device may have one more session.
async fn make_room(op: &mut Op<'_>, device_id: &DeviceId, presented: Option<&Token<kind::Device>>) -> Result<()> {
    let surplus = store::count_live(op, device_id).await? + 1 - i64::from(op.shared().config.device.per_device);
    if surplus <= 0 {
        return Ok(());
    }
    if let Some(token) = presented
        && store::replace(op, device_id, &token.digest()).await?
    {
        return Ok(());
    }
    let ended = store::delete_unused(op, device_id, surplus).await?;
    // What was ended for nothing comes back with the transaction that is not committed.
    if i64::try_from(ended).is_ok_and(|ended| ended == surplus) { Ok(()) } else { Err(Code::DeviceFull.into()) }
}

async fn eligibility(op: &Op<'_>, token: &Token<kind::Device>) -> Result<Eligibility> {
    let found = store::find(op, &token.digest()).await?;
    let policy = &op.shared().config.device;
    Ok(found.map_or(Eligibility::NotFound, |session| session.eligibility(op.now(), policy)))
}
