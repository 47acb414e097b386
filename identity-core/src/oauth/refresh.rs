//! Renewing tokens (RFC 6749, section 6).

use super::error::{ErrorCode, OAuthError};
use super::issue::{self, Draft, narrowed};
use super::token::Asked;
use crate::audit;
use crate::event::{Act, Event};
use crate::family::{self, Family, Presented, Verdict};
use crate::op::Op;
use crate::scope::ScopeSet;
use crate::session;
use crate::shared::Shared;
use crate::token::Token;
use crate::user::{self, User};

/// Renews the tokens of a family. A refresh token that comes back after it was replaced ends the family: two hold it, and one of them
/// should not (RFC 9700, section 4.14.2).
pub(super) async fn refresh(shared: &Shared, asked: Asked<'_>) -> Result<Draft, OAuthError> {
    let Asked { client, params, info } = asked;
    let token = Token::presented(params.required("refresh_token")?);
    let presented = Presented::parse(&shared.signing.refresh, &token).ok_or_else(bad)?;
    let mut op = Op::write(shared).await?;
    let found = family::store::find(&op, &presented.family).await?;
    let found = found.filter(|family| family.client_id == client.id).ok_or_else(bad)?;
    let user = hold_user(&mut op, &found).await?.ok_or_else(bad)?;
    let family = family::store::lock(&mut op, &found.id).await?.ok_or_else(bad)?;
    let verdict = family.judge(&presented, op.now(), &issue::refresh_rules(shared, client));
    match verdict {
        Verdict::Refused => return Err(bad()),
        Verdict::Reused => {
            family::store::end(&mut op, &family.id).await?;
            let event = Event::TokenReused { client: client.id.clone() };
            audit::record(&mut op, Act::anonymous(event, Some(&family.user_id), info)).await?;
            op.commit().await?;
            return Err(bad());
        }
        Verdict::Rotate | Verdict::Keep | Verdict::Repeat => {}
    }
    let scope = narrowed_scope(params.one("scope")?, &family.scope)?;
    let resources = params.all("resource").map(str::to_owned).collect();
    let resources = narrowed(&shared.config, client, resources, &family.resources)?;
    let next = match verdict {
        Verdict::Rotate => family::rotate(&mut op, &family).await?,
        Verdict::Keep => family::store::touch(&mut op, &family).await?.then_some(token),
        _ => {
            let current = family::current_token(&op, &family)?;
            family.current.is_some_and(|stored| stored.eq(&current.digest())).then_some(current)
        }
    };
    let next = next.ok_or_else(bad)?;
    let draft = issue::renew(&mut op, client, &family, &user, (&scope, &resources), None, Some(next)).await?;
    op.commit().await?;
    Ok(draft)
}

/// The user of a family, as long as what it rests on stands: the user is not banned, and the session is live if it goes with one.
async fn hold_user(op: &mut Op<'_>, family: &Family) -> Result<Option<User>, OAuthError> {
    if let Some(session_id) = &family.session_id {
        return Ok(session::hold(op, session_id).await?.map(|(_, user)| user));
    }
    let now = op.now();
    Ok(user::store::share(op, &family.user_id).await?.filter(|user| !user.is_banned(now)))
}

/// The scope may be less than was agreed to, never more.
fn narrowed_scope(asked: Option<&str>, agreed: &ScopeSet) -> Result<ScopeSet, OAuthError> {
    let Some(text) = asked else { return Ok(agreed.clone()) };
    let wrong = || OAuthError::new(ErrorCode::InvalidScope, "The scope is more than was agreed to.");
    ScopeSet::parse(text).ok().filter(|scope| scope.is_within(agreed)).ok_or_else(wrong)
}

fn bad() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "The refresh token is not good.")
}
