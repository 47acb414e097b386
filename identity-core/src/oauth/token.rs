//! The token endpoint (RFC 6749, section 3.2): what each grant type gets.

use serde_json::{Map, Value};

use super::access::{self, Terms};
use super::client::auth::{self, AuthenticatedClient};
use super::client::{Client, ClientKind, GrantType};
use super::error::{ErrorCode, OAuthError};
use super::issue::{Draft, Signers};
use super::params::Params;
use super::{OAuth, Presented, code, device, offer, refresh, request};
use crate::config::OAuthOptions;
use crate::op::Op;
use crate::request::RequestInfo;
use crate::scope::{OF_CLAIMS, OFFLINE_ACCESS, OPENID, ScopeSet};

/// What a request asks for, once its client is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'r> {
    pub(super) client: &'r Client,
    pub(super) params: &'r Params,
    pub(super) info: &'r RequestInfo,
}

impl OAuth<'_> {
    /// The token endpoint. Returns the JSON object of the answer.
    ///
    /// # Errors
    /// As RFC 6749, section 5.2, and the specifications of each grant type say.
    pub async fn token(&self, presented: Presented<'_>, info: &RequestInfo) -> Result<Map<String, Value>, OAuthError> {
        request::everything_is_text(presented.params)?;
        request::nothing_is_repeated(presented.params)?;
        let caller = auth::authenticate(self.shared, presented).await?;
        let (client, params) = (caller.client(), presented.params);
        let Some(grant) = GrantType::parse(params.required("grant_type")?) else {
            return Err(OAuthError::new(ErrorCode::UnsupportedGrantType, "There is no such grant type."));
        };
        if !client.may_use(grant) {
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "This client may not use this grant type."));
        }
        let asked = Asked { client, params, info };
        let signers = Signers::of(self.shared, client).await?;
        // On the heap: a request of a client in its own name would carry the room of the others.
        let draft = match grant {
            GrantType::AuthorizationCode => Box::pin(code::redeem(self.shared, asked)).await?,
            GrantType::RefreshToken => Box::pin(refresh::refresh(self.shared, asked)).await?,
            GrantType::ClientCredentials => self.for_itself(&caller, params).await?,
            GrantType::DeviceCode => Box::pin(device::poll(self.shared, asked)).await?,
        };
        Ok(draft.finish(&signers)?)
    }

    /// A client asks for a token in its own name (RFC 6749, section 4.4).
    async fn for_itself(&self, caller: &AuthenticatedClient, params: &Params) -> Result<Draft, OAuthError> {
        let client = caller.client();
        if client.kind == ClientKind::Public {
            let text = "A public client cannot prove that it is itself.";
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, text));
        }
        let scope = own_scope(client, params, &self.shared.config.oauth)?;
        let resources = request::resources(params, client, &self.shared.config)?;
        let opaque = access::is_opaque(self.shared, client, &resources);
        let mut op = if opaque { Op::write(self.shared).await? } else { Op::read(self.shared) };
        // The subject of the token is the client. Nobody may take it for a user (RFC 9700, section 4.15).
        if caller.shares_id_with_user(&op).await? {
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "This client has the id of a user."));
        }
        let terms = Terms { client, family: None, scope: &scope, resources: &resources };
        let access = access::draft(&mut op, &terms).await?;
        op.commit().await?;
        Ok(Draft { access, refresh: None, id_token: None })
    }
}

/// The scope of a client that acts for itself: nothing that is about a user.
fn own_scope(client: &Client, params: &Params, options: &OAuthOptions) -> Result<ScopeSet, OAuthError> {
    let text = params.one("scope")?;
    if text.is_none() && client.metadata.scope.is_none() {
        return Ok(ScopeSet::default());
    }
    let about_users: ScopeSet = [OPENID, OFFLINE_ACCESS].into_iter().chain(OF_CLAIMS).collect();
    let own = offer::scopes_for(options, client).difference(&about_users);
    let Some(text) = text else { return Ok(own) };
    let wrong = || OAuthError::new(ErrorCode::InvalidScope, "This client may not have this scope in its own name.");
    ScopeSet::parse(text).ok().filter(|scope| scope.is_within(&own)).ok_or_else(wrong)
}
