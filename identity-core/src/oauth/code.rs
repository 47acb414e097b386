//! Redeeming a code (RFC 6749, section 4.1.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{ErrorCode, OAuthError};
use super::grant::{self, State};
use super::issue::{self, Agreement, Draft, narrowed};
use super::params::Params;
use super::request::AuthorizationRequest;
use super::token::Asked;
use crate::audit;
use crate::event::{Act, Event};
use crate::family;
use crate::id::{TokenFamilyId, UserId};
use crate::op::Op;
use crate::session;
use crate::shared::Shared;
use crate::token::{Token, kind, same, sha256};

/// Redeems a code, once. A code that comes back ends everything that came of it: somebody else has it too (RFC 9700, section 4.5).
pub(super) async fn redeem(shared: &Shared, asked: Asked<'_>) -> Result<Draft, OAuthError> {
    let Asked { client, params, .. } = asked;
    let digest = Token::<kind::AuthorizationCode>::presented(params.required("code")?).digest();
    let mut op = Op::write(shared).await?;
    let grant = grant::store::find_by_code(&op, &digest).await?.ok_or_else(bad)?;
    if grant.client_id != client.id {
        // Whoever presents it has stolen it, and nobody redeems it any more.
        if grant::store::deny(&mut op, &grant.id).await? {
            record_replay(&mut op, asked, holder(&grant.state)).await?;
            op.commit().await?;
        }
        return Err(bad());
    }
    bound(&grant.request, params)?;
    let holder = match &grant.state {
        State::Issued(holder) => holder,
        State::Redeemed(..) => return replayed(op, asked, &grant.state).await,
        State::Requested | State::Denied | State::Expired => return Err(bad()),
    };
    if op.now() >= grant.expires_at {
        grant::store::expire(&mut op, &grant.id).await?;
        op.commit().await?;
        return Err(bad());
    }
    let resources = params.all("resource").map(str::to_owned).collect();
    let resources = narrowed(&shared.config, client, resources, &grant.request.resources)?;
    let held = session::hold(&mut op, &holder.session_id).await?.filter(|(_, user)| user.id == holder.user_id);
    let (session, user) = held.ok_or_else(bad)?;
    let family = TokenFamilyId::mint(op.now(), op.entropy());
    if !grant::store::redeem(&mut op, &grant.id, &family).await? {
        let now = grant::store::find_by_code(&op, &digest).await?.ok_or_else(bad)?;
        return replayed(op, asked, &now.state).await;
    }
    let request = grant.request;
    let agreement = Agreement {
        family,
        scope: request.scope,
        resources: request.resources,
        claims: request.claims.names(),
        nonce: request.nonce,
    };
    let draft = issue::open(&mut op, client, (&session, &user), agreement, &resources).await?;
    op.commit().await?;
    Ok(draft)
}

/// Ends what came of a code that was redeemed before.
async fn replayed(mut op: Op<'_>, asked: Asked<'_>, state: &State) -> Result<Draft, OAuthError> {
    if let State::Redeemed(_, Some(family)) = state {
        family::store::end(&mut op, family).await?;
        record_replay(&mut op, asked, holder(state)).await?;
        op.commit().await?;
    }
    Err(bad())
}

async fn record_replay(op: &mut Op<'_>, asked: Asked<'_>, user_id: Option<&UserId>) -> crate::error::Result<()> {
    let event = Event::CodeReplayed { client: asked.client.id.clone() };
    audit::record(op, Act::anonymous(event, user_id, asked.info)).await
}

fn holder(state: &State) -> Option<&UserId> {
    match state {
        State::Issued(holder) | State::Redeemed(holder, _) => Some(&holder.user_id),
        State::Requested | State::Denied | State::Expired => None,
    }
}

/// Whether the request for tokens is of whoever made the request for the code: by the redirect URI and by PKCE. A code that was
/// redeemed is not given away by somebody who cannot show this: it would have been no use to them.
fn bound(request: &AuthorizationRequest, params: &Params) -> Result<(), OAuthError> {
    let reply_to = &request.reply_to;
    let same_uri = match params.one("redirect_uri")? {
        Some(uri) => uri == reply_to.redirect_uri(),
        // OAuth 2.1 leaves it out, since PKCE binds the code more tightly.
        None => !reply_to.was_named() || request.code_challenge.is_some(),
    };
    // A verifier without a challenge means that somebody has cut the challenge out (RFC 9700, section 2.1.1).
    let proved = match (&request.code_challenge, params.one("code_verifier")?) {
        (Some(challenge), Some(verifier)) => {
            is_verifier(verifier) && same(challenge.as_bytes(), s256(verifier).as_bytes())
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if same_uri && proved { Ok(()) } else { Err(bad()) }
}

/// The form of a verifier (RFC 7636, section 4.1).
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}

fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()))
}

fn bad() -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, "The code is not good, or not for this request.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_specification() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(s256(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(is_verifier(verifier) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)) && !is_verifier(&"+".repeat(43)));
    }
}
