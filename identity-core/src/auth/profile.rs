//! Changing one's own profile.

use serde_json::{Map, Value};

use super::resolve::{Resolved, profile_of};
use super::sign_up::refuse_privileged;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::op::Op;
use crate::principal::Profile;
use crate::shared::Shared;
use crate::user::{self, FieldsAt, ProfileChange, take_fields};

/// The profile of a signed-in user.
#[derive(Debug)]
pub struct Profiles<'s> {
    pub(crate) shared: &'s Shared,
}

impl Profiles<'_> {
    /// Changes name, picture and declared extra fields; `extra` is everything else that was sent.
    ///
    /// # Errors
    /// `email_not_updatable` when an address was sent, `field_not_allowed`, `invalid_input`, `no_fields_to_update`, `unauthorized`
    /// when the user is gone.
    pub async fn update(
        &self,
        caller: &Resolved,
        mut change: ProfileChange,
        extra: &Map<String, Value>,
    ) -> Result<Profile> {
        if extra.contains_key("email") {
            return Err(Error::new(Code::EmailNotUpdatable));
        }
        refuse_privileged(self.shared, extra)?;
        change.fields = take_fields(&self.shared.config.user.fields, extra, FieldsAt::Change)?;
        if change.is_empty() {
            return Err(Error::new(Code::NoFieldsToUpdate));
        }
        change.name.as_deref().map_or(Ok(()), user::check_name)?;
        change.image.iter().flatten().try_for_each(|image| user::check_image(image))?;
        let mut op = Op::write(self.shared).await?;
        let user = user::store::lock(&mut op, &caller.profile.id).await?.ok_or(Code::Unauthorized)?;
        let user = user::store::update_profile(&mut op, &user, &change).await?;
        let profile = profile_of(&op, user).await?;
        op.commit().await?;
        Ok(profile)
    }
}
