//! From a session token to the caller.

use std::sync::Arc;

use crate::claims;
use crate::error::Result;
use crate::op::{Op, soon};
use crate::principal::{Principal, Profile, Proof};
use crate::session::{self, Issued, Session, Standing};
use crate::shared::Shared;
use crate::token::{Token, kind};
use crate::user::User;

/// Whether using a session may extend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// The caller will pass the renewed cookie on.
    Allowed,
    /// The caller only asks.
    Never,
}

/// A live session and its user.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The session.
    pub session: Session,
    /// The user as others see them.
    pub profile: Profile,
    /// Whether this call extended the session, so that the cookie has to be set anew.
    pub extended: bool,
}

impl Resolved {
    /// The caller of whoever has just signed in.
    #[must_use]
    pub fn of(issued: &Issued, profile: Profile) -> Self {
        Self { session: issued.session.clone(), profile, extended: false }
    }

    /// The caller as a handler sees it.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal { user: self.profile.clone(), proof: Proof::Session(Arc::new(self.session.summary())) }
    }
}

/// Finds the live session of a token. Trouble with extending or removing it is logged and does not fail the request, and waiting
/// for it soon ends: reading goes on while writing is impossible.
pub(crate) async fn resolve(
    shared: &Shared,
    token: &Token<kind::Session>,
    refresh: Refresh,
) -> Result<Option<Resolved>> {
    let op = Op::read(shared);
    let Some(found) = session::store::find(&op, &token.digest(), !shared.config.provisioning.is_empty()).await? else {
        return Ok(None);
    };
    let (now, mut session, user) = (op.now(), found.session, found.user);
    if user.is_banned(now) {
        return Ok(None);
    }
    let mut extended = false;
    match session.standing(now, &shared.config.session) {
        Standing::Live => {}
        Standing::Expired if refresh == Refresh::Never => return Ok(None),
        Standing::Expired => {
            if let Err(error) = soon(remove(shared, &session)).await {
                tracing::warn!(error = error.chain(), "an expired session could not be removed");
            }
            return Ok(None);
        }
        Standing::Due(_) if refresh == Refresh::Never => {}
        Standing::Due(until) => match soon(extend(shared, &session, until)).await {
            Ok(true) => {
                session.expires_at = until;
                session.updated_at = now;
                extended = true;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = error.chain(), "a session could not be extended"),
        },
    }
    let profile = claims::profile(&shared.config, user, &found.provisioned);
    Ok(Some(Resolved { session, profile, extended }))
}

async fn extend(shared: &Shared, session: &Session, until: crate::time::Timestamp) -> Result<bool> {
    let mut op = Op::write(shared).await?;
    let extended = session::store::extend(&mut op, session, until).await?;
    op.commit().await?;
    Ok(extended)
}

async fn remove(shared: &Shared, session: &Session) -> Result<()> {
    let mut op = Op::write(shared).await?;
    session::store::delete_expired(&mut op, session).await?;
    op.commit().await
}

/// The user as others see them, with the provisioning flags as they stand now.
pub(crate) async fn profile_of(op: &Op<'_>, user: User) -> Result<Profile> {
    let config = &op.shared().config;
    let provisioned =
        if config.provisioning.is_empty() { Vec::new() } else { crate::provisioning::of_user(op, &user.id).await? };
    Ok(claims::profile(config, user, &provisioned))
}
