//! How an OAuth request fails: the closed set of words of the specifications, which are not ours to choose.

use std::borrow::Cow;
use std::fmt;

use crate::code::Class;
use crate::error::Error;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $id:literal, $status:literal;)+) => {
        /// An `error` of the OAuth specifications.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// The status with which an endpoint that answers JSON says it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }
        }
    };
}

codes! {
    /// A parameter is missing, repeated or malformed (RFC 6749).
    InvalidRequest = "invalid_request", 400;
    /// The client is unknown, or did not prove itself (RFC 6749, section 5.2).
    InvalidClient = "invalid_client", 401;
    /// The code, refresh token or device code is not good (RFC 6749, section 5.2).
    InvalidGrant = "invalid_grant", 400;
    /// This client may not do that (RFC 6749).
    UnauthorizedClient = "unauthorized_client", 400;
    /// There is no such grant type (RFC 6749, section 5.2).
    UnsupportedGrantType = "unsupported_grant_type", 400;
    /// There is no such response type (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType = "unsupported_response_type", 400;
    /// The scope is unknown, malformed or more than was granted (RFC 6749).
    InvalidScope = "invalid_scope", 400;
    /// The resource is unknown or not this client's (RFC 8707, section 2).
    InvalidTarget = "invalid_target", 400;
    /// The user, or the server in their place, said no (RFC 6749, section 4.1.2.1).
    AccessDenied = "access_denied", 400;
    /// Somebody has to sign in, and no page may be shown (OpenID Connect Core, section 3.1.2.6).
    LoginRequired = "login_required", 400;
    /// Somebody has to agree, and no page may be shown (OpenID Connect Core, section 3.1.2.6).
    ConsentRequired = "consent_required", 400;
    /// Somebody has to do something, and no page may be shown (OpenID Connect Core, section 3.1.2.6).
    InteractionRequired = "interaction_required", 400;
    /// The `request` parameter is not offered (OpenID Connect Core, section 3.1.2.6).
    RequestNotSupported = "request_not_supported", 400;
    /// The `request_uri` parameter is not offered (OpenID Connect Core, section 3.1.2.6).
    RequestUriNotSupported = "request_uri_not_supported", 400;
    /// The `registration` parameter is not offered (OpenID Connect Core, section 3.1.2.6).
    RegistrationNotSupported = "registration_not_supported", 400;
    /// None of the requested ways to sign in can be had (OpenID Connect Core Unmet Authentication Requirements).
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400;
    /// Nobody has entered the device's code yet (RFC 8628, section 3.5).
    AuthorizationPending = "authorization_pending", 400;
    /// The device asks too often (RFC 8628, section 3.5).
    SlowDown = "slow_down", 400;
    /// The device's code has run out (RFC 8628, section 3.5).
    ExpiredToken = "expired_token", 400;
    /// The access token is not good (RFC 6750, section 3.1).
    InvalidToken = "invalid_token", 401;
    /// The access token is good, but not for this (RFC 6750, section 3.1).
    InsufficientScope = "insufficient_scope", 403;
    /// The sign-in behind the access token is too old or too weak (RFC 9470, section 3).
    InsufficientUserAuthentication = "insufficient_user_authentication", 401;
    /// A redirect URI may not be registered (RFC 7591, section 3.2.2).
    InvalidRedirectUri = "invalid_redirect_uri", 400;
    /// A field of a registration is wrong (RFC 7591, section 3.2.2).
    InvalidClientMetadata = "invalid_client_metadata", 400;
    /// Not now (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable = "temporarily_unavailable", 503;
    /// Our fault (RFC 6749, section 4.1.2.1).
    ServerError = "server_error", 500;
}

impl ErrorCode {
    /// The word for trouble that is not about the request as such, by its class.
    #[must_use]
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Unavailable | Class::TooMany => Self::TemporarilyUnavailable,
            Class::Internal => Self::ServerError,
            _ => Self::InvalidRequest,
        }
    }
}

/// A refused OAuth request. What it says is safe for clients; causes that are ours are in [`OAuthError::cause`], for the log.
#[derive(Debug)]
pub struct OAuthError {
    code: ErrorCode,
    description: Cow<'static, str>,
    cause: Option<Error>,
}

impl OAuthError {
    /// A refusal with one plain sentence for the developer of the client, in the characters that RFC 6749 allows: ASCII without `"` and `\`.
    pub fn new(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: description.into(), cause: None }
    }

    /// The word.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The sentence. Characters that RFC 6749, section 5.2 does not allow are replaced.
    #[must_use]
    pub fn description(&self) -> String {
        let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
        self.description.chars().map(|c| if allowed(c) { c } else { '?' }).collect()
    }

    /// What went wrong on our side, if it did.
    #[must_use]
    pub fn cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }
}

/// Trouble of our own: the database, the queue of hashes, a limit.
impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        let code = ErrorCode::of(error.code().class());
        Self { code, description: Cow::Borrowed(error.code().title()), cause: Some(error) }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.description)
    }
}

impl std::error::Error for OAuthError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_refusal_that_is_our_fault_has_a_cause_for_the_log() {
        let ours = OAuthError::from(Error::internal("the disk is gone"));
        let cause = ours.source().unwrap();
        assert_eq!(cause.source().unwrap().to_string(), "the disk is gone");
        assert!(!ours.to_string().contains("disk"));
        assert!(OAuthError::new(ErrorCode::InvalidGrant, "The code is not good.").source().is_none());
    }
}
