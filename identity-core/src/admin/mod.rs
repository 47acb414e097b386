//! Looking after users from outside of their own sessions: by an administrator, the command line, or the embedding application.

use std::fmt;

use serde_json::{Map, Value};

use crate::account;
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::UserId;
use crate::op::Op;
use crate::session;
use crate::shared::Shared;
use crate::store::Tx;
use crate::text::Email;
use crate::user::model::is_valid_role;
use crate::user::{self, Ban, NewUser, ProfileChange, SUPERADMIN, User};
use crate::verification;

/// A new user whose password is hashed already. `Debug` shows neither the password nor the hash.
pub struct PreparedUser {
    new: NewUser,
    hash: Option<String>,
}

impl fmt::Debug for PreparedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedUser").field(&self.new.email).finish()
    }
}

/// The accounts, as an administrator or the command line handles them.
#[derive(Debug)]
pub struct Users<'s> {
    pub(crate) shared: &'s Shared,
}

impl Users<'_> {
    /// Creates a user from outside a sign-up.
    ///
    /// # Errors
    /// `email_taken`, `invalid_role`, `password_too_short`, `password_too_long`, `invalid_input` for the name.
    pub async fn create(&self, new: NewUser) -> Result<User> {
        let hash = self.check_and_hash(&new).await?;
        let mut op = Op::write(self.shared).await?;
        let user = create(&mut op, new, hash).await?;
        op.commit().await?;
        Ok(user)
    }

    /// Checks a new user and hashes the password, before a transaction begins: hashing takes long.
    ///
    /// # Errors
    /// Those of [`Users::create`] but `email_taken`.
    pub async fn prepare(&self, new: NewUser) -> Result<PreparedUser> {
        let hash = self.check_and_hash(&new).await?;
        Ok(PreparedUser { new, hash })
    }

    /// Creates a user inside a transaction of the embedding application, which commits it together with its own rows.
    ///
    /// # Errors
    /// `email_taken`.
    pub async fn create_in(&self, tx: &Tx, prepared: PreparedUser) -> Result<User> {
        create(&mut Op::join(self.shared, tx), prepared.new, prepared.hash).await
    }

    async fn check_and_hash(&self, new: &NewUser) -> Result<Option<String>> {
        check_role(&new.role)?;
        user::check_name(&new.name)?;
        let Some(password) = &new.password else { return Ok(None) };
        self.shared.hasher.check_length(password.expose())?;
        self.shared.hasher.hash(password.expose()).await.map(Some)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn find(&self, id: &UserId) -> Result<Option<User>> {
        user::store::by_id(&Op::read(self.shared), id).await
    }

    /// The user with this address.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn find_by_email(&self, email: &Email) -> Result<Option<User>> {
        user::store::by_email(&Op::read(self.shared), email.as_str()).await
    }

    /// At most `limit` users whose ids come after `after`, in order of creation.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self, after: Option<&UserId>, limit: u64) -> Result<Vec<User>> {
        user::store::list(&Op::read(self.shared), after, limit).await
    }

    /// Gives a user the roles `role`, comma-joined, in place of the old ones.
    ///
    /// # Errors
    /// `user_not_found`, `invalid_role`, `last_administrator`.
    pub async fn set_role(&self, id: &UserId, role: &str) -> Result<()> {
        check_role(role)?;
        let mut op = Op::write(self.shared).await?;
        if !role.split(',').any(|word| word == SUPERADMIN) {
            user::keep_a_superadmin(&mut op, id).await?;
        }
        let from = user::lock(&mut op, id).await?.role;
        user::store::set_role(&mut op, id, role).await?;
        let event = Event::RoleChanged { from, to: role.to_owned() };
        audit::record(&mut op, Act::operator(event, id)).await?;
        op.commit().await
    }

    /// Shuts a user out and ends all their sessions.
    ///
    /// # Errors
    /// `user_not_found`, `last_administrator`.
    pub async fn ban(&self, id: &UserId, ban: &Ban) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        user::keep_a_superadmin(&mut op, id).await?;
        // The user's row goes first: a sign-in in flight holds it until its session exists, and then the session is found here.
        user::store::set_ban(&mut op, id, Some(ban)).await?;
        let lasts = ban.expires_at.map(|end| (end - op.now()).to_std().unwrap_or_default());
        audit::record(&mut op, Act::operator(Event::UserBanned { lasts }, id)).await?;
        session::end_all(&mut op, id).await?;
        verification::close(&mut op, id, &verification::OF_ACCOUNT).await?;
        op.commit().await
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// `user_not_found`.
    pub async fn unban(&self, id: &UserId) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        user::store::set_ban(&mut op, id, None).await?;
        audit::record(&mut op, Act::operator(Event::UserUnbanned, id)).await?;
        op.commit().await
    }

    /// Gives a user a new password, lifts a ban and ends all sessions: the way back in for whoever has the host.
    ///
    /// # Errors
    /// `user_not_found`, `password_too_short`, `password_too_long`.
    pub async fn recover(&self, id: &UserId, password: &str) -> Result<()> {
        self.shared.hasher.check_length(password)?;
        let hash = self.shared.hasher.hash(password).await?;
        let mut op = Op::write(self.shared).await?;
        user::store::set_ban(&mut op, id, None).await?;
        account::put_credential(&mut op, id, &hash).await?;
        audit::record(&mut op, Act::operator(Event::UserRecovered, id)).await?;
        session::end_all(&mut op, id).await?;
        verification::close(&mut op, id, &verification::OF_ACCOUNT).await?;
        op.commit().await
    }

    /// Changes the profile of a user, extra fields that users cannot set themselves included.
    ///
    /// # Errors
    /// `user_not_found`; `invalid_input` for a name, a picture, or a field that is not declared or of another type.
    pub async fn update(&self, id: &UserId, change: ProfileChange) -> Result<User> {
        user::check_change(&self.shared.config.user.fields, &change)?;
        let mut op = Op::write(self.shared).await?;
        let user = user::lock(&mut op, id).await?;
        let user = user::store::update_profile(&mut op, &user, &change).await?;
        audit::record(&mut op, Act::operator(Event::UserUpdated, id)).await?;
        op.commit().await?;
        Ok(user)
    }

    /// Replaces the claims of OpenID Connect that a user has beside name, address and picture, such as `given_name` or `address`.
    ///
    /// # Errors
    /// `user_not_found`; `invalid_input` for a claim that is none of the standard ones, or of another type.
    pub async fn set_claims(&self, id: &UserId, claims: &Map<String, Value>) -> Result<()> {
        user::claims::check(claims)?;
        let mut op = Op::write(self.shared).await?;
        user::store::set_claims(&mut op, id, claims).await?;
        audit::record(&mut op, Act::operator(Event::UserUpdated, id)).await?;
        op.commit().await
    }

    /// Changes the claims that [`Users::set_claims`] replaces, and answers all of them as they are then. A change that changes nothing
    /// leaves no record.
    ///
    /// # Errors
    /// Those of [`Users::set_claims`].
    pub async fn change_claims(
        &self,
        id: &UserId,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Map<String, Value>> {
        let mut op = Op::write(self.shared).await?;
        user::lock(&mut op, id).await?;
        let before = user::store::claims(&op, id).await?;
        let mut claims = before.clone();
        change(&mut claims);
        user::claims::check(&claims)?;
        if claims != before {
            user::store::set_claims(&mut op, id, &claims).await?;
            audit::record(&mut op, Act::operator(Event::UserUpdated, id)).await?;
        }
        op.commit().await?;
        Ok(claims)
    }

    /// Whether anybody holds the highest rank and can sign in.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn has_superadmin(&self) -> Result<bool> {
        Ok(!user::store::superadmins(&Op::read(self.shared)).await?.is_empty())
    }
}

async fn create(op: &mut Op<'_>, new: NewUser, hash: Option<String>) -> Result<User> {
    let mut user = user::fresh(op, &new.email, new.name, Map::new());
    user.role = new.role;
    user.email_verified = new.email_verified;
    user::store::insert(op, &user).await?;
    if let Some(hash) = hash {
        account::add_credential(op, &user.id, &hash).await?;
    }
    audit::record(op, Act::operator(Event::UserCreated, &user.id)).await?;
    Ok(user)
}

fn check_role(role: &str) -> Result<()> {
    if is_valid_role(role) { Ok(()) } else { Err(Error::new(Code::InvalidRole)) }
}
