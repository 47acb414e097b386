//! Provisioning: which services have prepared their part for which user.

mod store;

use crate::audit;
use crate::claims;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Actor, Event};
use crate::id::UserId;
use crate::op::Op;
use crate::principal::Profile;
use crate::shared::Shared;
use crate::token::same;
use crate::user;

pub(crate) use store::of_user;

/// Which services have prepared their part for which user.
#[derive(Debug)]
pub struct Provisioning<'s> {
    pub(crate) shared: &'s Shared,
}

impl<'s> Provisioning<'s> {
    /// The name of the service that a credential `<service>.<secret>` proves; `None` for a wrong or unknown one.
    #[must_use]
    pub fn authenticate(&self, credential: &str) -> Option<&'s str> {
        let (name, secret) = credential.split_once('.')?;
        let target = self.shared.config.provisioning.iter().find(|target| target.name == name)?;
        same(target.secret.expose().as_bytes(), secret.as_bytes()).then_some(target.name.as_str())
    }

    /// Records that `target` has prepared its part for a user, once and for good, and returns the user with the flag set.
    ///
    /// # Errors
    /// `unknown_target`, `user_not_found`.
    pub async fn complete(&self, user_id: &UserId, target: &str) -> Result<Profile> {
        self.require(target)?;
        let mut op = Op::write(self.shared).await?;
        let user = user::require(&op, user_id).await?;
        if store::insert(&mut op, user_id, target).await? {
            let event = Event::Provisioned { target: target.to_owned() };
            let actor = Actor::Service(target.to_owned());
            audit::record(&mut op, Act { event, actor, user_id: Some(user_id), info: None }).await?;
        }
        let provisioned = store::of_user(&op, user_id).await?;
        op.commit().await?;
        Ok(claims::profile(&self.shared.config, user, &provisioned))
    }

    /// Refuses a target that is not declared.
    ///
    /// # Errors
    /// `unknown_target`.
    pub fn require(&self, target: &str) -> Result<()> {
        let known = self.shared.config.provisioning.iter().any(|declared| declared.name == target);
        if known { Ok(()) } else { Err(Error::new(Code::UnknownTarget)) }
    }
}
