//! The UserInfo endpoint (OpenID Connect Core, section 5.3).

use std::fmt;

use serde_json::{Map, Value, json};

use super::claims::{kept, of_scopes, pick};
use super::error::{ErrorCode, OAuthError};
use super::{OAuth, access, client, id_token, offer};
use crate::claims::standard;
use crate::jwt::audiences;
use crate::keys;
use crate::op::Op;
use crate::scope::OPENID;
use crate::user;

/// What UserInfo answers.
#[derive(Clone, PartialEq)]
pub enum UserInfo {
    /// A JSON object.
    Plain(Map<String, Value>),
    /// The same as a signed token, for clients that registered `userinfo_signed_response_alg`.
    Signed(String),
}

/// Shows nothing of the user.
impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(redacted)",
            Self::Signed(_) => "Signed(redacted)",
        })
    }
}

impl OAuth<'_> {
    /// The claims about a user that an access token opens. The token is judged by what it came of, and not by its signature alone.
    ///
    /// # Errors
    /// `invalid_token`; `insufficient_scope` for a token without `openid`.
    pub async fn userinfo(&self, access_token: &str) -> Result<UserInfo, OAuthError> {
        let shared = self.shared;
        let issuer = shared.config.http.base_url.as_str();
        let invalid = || OAuthError::new(ErrorCode::InvalidToken, "The access token is not good.");
        let access = access::find(shared, access_token).await?.ok_or_else(invalid)?;
        if !audiences(&access.claims).any(|audience| audience == issuer) {
            return Err(OAuthError::new(ErrorCode::InvalidToken, "The access token is for another audience."));
        }
        let scope = access.scope();
        let family = access.family.as_ref().filter(|_| scope.contains(OPENID));
        let family = family
            .ok_or_else(|| OAuthError::new(ErrorCode::InsufficientScope, "The access token lacks the scope openid."))?;
        let op = Op::read(shared);
        let client = client::store::find(&op, &access.client_id).await?.ok_or_else(invalid)?;
        let user = user::store::by_id(&op, &family.user_id).await?.ok_or_else(invalid)?;
        let own = user::store::claims(&op, &user.id).await?;
        let known = standard(&user, &own);
        let mut claims = pick(&known, of_scopes(&scope));
        let allowed = offer::scopes_for(&shared.config.oauth, &client);
        claims.extend(pick(&known, kept(&family.claims, "userinfo", &allowed)));
        claims.insert("sub".to_owned(), json!(access.text("sub")));
        let Some(algorithm) = client.metadata.userinfo_signed_response_alg else { return Ok(UserInfo::Plain(claims)) };
        claims.insert("iss".to_owned(), json!(issuer));
        claims.insert("aud".to_owned(), json!(client.id));
        Ok(UserInfo::Signed(keys::signer(shared, algorithm).await?.sign(id_token::TYPE, &claims)?))
    }
}
