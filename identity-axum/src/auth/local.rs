//! The identity of the same process, asked as a trust anchor is asked.

use std::any::Any;
use std::ptr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRef;
use identity_core::auth::Refresh;
use identity_core::principal::{Device, Profile, Subject};
use identity_core::time::Timestamp;
use identity_core::token::{Token, kind};
use identity_core::{Code, Error, Identity, Result};

use super::{Authenticator, Authn, RequestContext};
use crate::cookie::{Cookies, Name};
use crate::credentials::Credential;

/// An [`Identity`] in the state of a router is all that its extractors need.
impl FromRef<Identity> for Authn {
    fn from_ref(identity: &Identity) -> Self {
        let cookies = Cookies::of(identity);
        Self::new(Arc::new(Local {
            identity: identity.clone(),
            cookie_names: [cookies.name(Name::SessionToken)],
            cookies,
        }))
    }
}

#[derive(Debug)]
struct Local {
    identity: Identity,
    cookies: Cookies,
    cookie_names: [String; 1],
}

impl Local {
    /// The token inside a credential, if it is one of ours and bearers are switched on.
    fn token(&self, credential: &Credential) -> Option<Token<kind::Session>> {
        match credential {
            Credential::Cookies(cookies) => self.cookies.verify(cookies.first()?.decoded()).map(Token::presented),
            Credential::Bearer(_) if !self.identity.config().http.bearer => None,
            Credential::Bearer(token) => self.cookies.token_of_bearer(token.expose()),
            Credential::AccessToken(_) => None,
        }
    }
}

#[async_trait]
impl Authenticator for Local {
    fn cookie_names(&self) -> &[String] {
        &self.cookie_names
    }

    /// Never extends the session: the handler's response does not carry the renewed cookie.
    async fn resolve(&self, credential: &Credential, request: &RequestContext) -> Result<Option<Subject>> {
        if let Credential::AccessToken(token) = credential {
            let audience = request.resource.as_deref().unwrap_or(&self.identity.config().http.base_url);
            return self.identity.oauth().caller(token.expose(), audience).await;
        }
        let Some(token) = self.token(credential) else { return Ok(None) };
        let resolved = self.identity.resolve(&token, Refresh::Never).await?;
        Ok(resolved.map(|resolved| Subject::User(Box::new(resolved.principal()))))
    }

    async fn resolve_device(&self, token: &Token<kind::Device>, _: &RequestContext) -> Result<Option<Device>> {
        let session = self.identity.device_sessions().resolve(token).await?;
        Ok(session.map(|session| session.device(&self.identity.config().device)))
    }

    async fn complete_provisioning(
        &self,
        credential: &Credential,
        target: &str,
        request: &RequestContext,
    ) -> Result<Profile> {
        let Some(Subject::User(principal)) = self.resolve(credential, request).await? else {
            return Err(Code::Unauthorized.into());
        };
        let completed = self.identity.provisioning().complete(&principal.user.id, target).await;
        completed.map_err(|error| match error.code() {
            // The caller cannot help a target that nobody declared.
            Code::UnknownTarget => Error::new(Code::ProvisioningFailed).caused_by(error),
            _ => error,
        })
    }

    fn now(&self) -> Timestamp {
        self.identity.now()
    }

    /// The extractors make one of these for each request; what counts is the identity behind it.
    fn is(&self, other: &dyn Authenticator) -> bool {
        let other = (other as &dyn Any).downcast_ref::<Self>();
        other.is_some_and(|other| ptr::eq(self.identity.config(), other.identity.config()))
    }
}
