//! The revocation endpoint (RFC 7009).

use super::client::auth;
use super::error::OAuthError;
use super::{OAuth, Presented, access, request};
use crate::audit;
use crate::event::{Act, Event};
use crate::family::{self, Presented as Refresh};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::token::Token;

impl OAuth<'_> {
    /// Takes a token back: a refresh token with everything that came of the same word, an access token alone. Tokens that are unknown,
    /// over, or another client's are left as they are, and the answer is the same.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` without a token.
    pub async fn revoke(&self, presented: Presented<'_>, info: &RequestInfo) -> Result<(), OAuthError> {
        request::everything_is_text(presented.params)?;
        request::nothing_is_repeated(presented.params)?;
        let client = auth::authenticate(self.shared, presented).await?.into_client();
        let token = presented.params.required("token")?;
        if let Some(refresh) = Refresh::parse(&self.shared.signing.refresh, &Token::presented(token)) {
            if refresh.is_genuine() {
                let mut op = Op::write(self.shared).await?;
                // The same row lock as renewing takes: what comes second finds what came first.
                let family = family::store::lock(&mut op, &refresh.family).await?;
                if let Some(family) = family.filter(|family| family.client_id == client.id) {
                    if family::store::end(&mut op, &family.id).await? {
                        let event = Event::TokensRevoked { client: client.id };
                        audit::record(&mut op, Act::anonymous(event, Some(&family.user_id), info)).await?;
                    }
                    op.commit().await?;
                }
            }
            return Ok(());
        }
        let access = access::find(self.shared, token).await?;
        if let Some(access) = access.filter(|access| access.client_id == client.id) {
            let mut op = Op::write(self.shared).await?;
            access::revoke(&mut op, &access).await?;
            op.commit().await?;
        }
        Ok(())
    }
}
