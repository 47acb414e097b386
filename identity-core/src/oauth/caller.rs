//! Access tokens at the APIs of the application that issues them.

use std::sync::Arc;

use super::{OAuth, access};
use crate::auth::resolve::profile_of;
use crate::error::Result;
use crate::jwt::audiences;
use crate::op::Op;
use crate::principal::{Principal, Proof, Subject, TokenSummary, provisioning_flag};
use crate::user;

impl OAuth<'_> {
    /// Whom an access token speaks for, if it is good for `audience` at this moment. The token is judged by what it came of, and not by
    /// its signature alone: one that was revoked is seen at once, and so is the end of the session.
    ///
    /// # Errors
    /// Trouble of our own only; a token that is not good is `None`.
    pub async fn caller(&self, access_token: &str, audience: &str) -> Result<Option<Subject>> {
        let Some(found) = access::find(self.shared, access_token).await? else { return Ok(None) };
        if !audiences(&found.claims).any(|known| known == audience) {
            return Ok(None);
        }
        let Ok(token) = TokenSummary::read(found.public_claims()) else { return Ok(None) };
        let Some(family) = &found.family else { return Ok(Some(Subject::Client(Arc::new(token)))) };
        let op = Op::read(self.shared);
        let Some(user) = user::store::by_id(&op, &family.user_id).await? else { return Ok(None) };
        let mut user = profile_of(&op, user).await?;
        // A client may do what its scopes say, and has no share in what its user may: a token tells neither roles nor flags, here as little
        // as to a service that verifies it by itself.
        user.role = None;
        for target in &self.shared.config.provisioning {
            user.attributes.remove(&provisioning_flag(&target.name));
        }
        let principal = Principal { user, proof: Proof::Token(Arc::new(token)) };
        Ok(Some(Subject::User(Box::new(principal))))
    }
}
