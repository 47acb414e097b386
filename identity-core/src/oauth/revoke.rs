//! The revocation endpoint (RFC 7009).

use super::client::{Client, ClientKind, auth};
use super::error::OAuthError;
use super::{OAuth, Presented, access, request};
use crate::audit;
use crate::event::{Act, Event};
use crate::family::{self, Presented as Refresh};
use crate::limits::Action;
use crate::op::Op;
use crate::request::RequestInfo;
use crate::token::Token;

impl OAuth<'_> {
    /// Takes a token back: a refresh token with everything that came of the same word, an access token alone. Tokens that are unknown,
    /// over, or another client's are left as they are, and the answer is the same.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` without a token; `temporarily_unavailable` whose cause is `rate_limited` for public clients
    /// that take back what is not there.
    pub async fn revoke(&self, presented: Presented<'_>, info: &RequestInfo) -> Result<(), OAuthError> {
        request::everything_is_text(presented.params)?;
        request::nothing_is_repeated(presented.params)?;
        let client = auth::authenticate(self.shared, presented).await?.into_client();
        let token = presented.params.required("token")?;
        let was_there = self.take_back(&client, token, info).await?;
        if !was_there && client.kind == ClientKind::Public {
            // Whoever knows the name of a public client can ask for this as often as they like.
            self.shared.limiter.count_request(&self.shared.store, Action::Other, info).await?;
        }
        Ok(())
    }

    /// Says whether there was anything to take back.
    async fn take_back(&self, client: &Client, token: &str, info: &RequestInfo) -> Result<bool, OAuthError> {
        if let Some(refresh) = Refresh::parse(&self.shared.signing.refresh, &Token::presented(token)) {
            if !refresh.is_genuine() {
                return Ok(false);
            }
            let mut op = Op::write(self.shared).await?;
            // The same row lock as renewing takes: what comes second finds what came first.
            let family = family::store::lock(&mut op, &refresh.family).await?;
            let Some(family) = family.filter(|family| family.client_id == client.id) else { return Ok(false) };
            let ended = family::store::end(&mut op, &family.id).await?;
            if ended {
                let event = Event::TokensRevoked { client: client.id.clone() };
                audit::record(&mut op, Act::anonymous(event, Some(&family.user_id), info)).await?;
            }
            op.commit().await?;
            return Ok(ended);
        }
        let access = access::find(self.shared, token).await?;
        let Some(access) = access.filter(|access| access.client_id == client.id) else { return Ok(false) };
        let mut op = Op::write(self.shared).await?;
        access::revoke(&mut op, &access).await?;
        op.commit().await?;
        Ok(true)
    }
}
