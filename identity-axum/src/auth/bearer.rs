//! Access tokens that are JWTs (RFC 9068), verified without asking anybody but for the keys.

use std::sync::Arc;
use std::time::Duration;

use identity_core::Result;
use identity_core::id::UserId;
use identity_core::jwt::{self, Algorithm, Expected, KeySet, Refusal};
use identity_core::principal::{Principal, Profile, Proof, Subject, TokenSummary};
use identity_core::time::{Clock, Timestamp};
use identity_core::token::{Token, kind};
use serde_json::{Map, Value};

use super::jwks::Jwks;

/// How far the clock of the issuer may be off.
const LEEWAY: Duration = Duration::from_secs(10);

/// What a token has to be.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// The names of this service; without any it takes tokens for the issuer.
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
}

impl Rules {
    /// Verifies a token. The order of the checks is that of [`KeySet::verify`].
    pub(super) fn verify(
        &self,
        token: &str,
        resource: Option<&str>,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<TokenSummary, Refusal> {
        let mut audience: Vec<&str> = self.audiences.iter().map(String::as_str).chain(resource).collect();
        if audience.is_empty() {
            audience.push(&self.issuer);
        }
        let expected = Expected {
            issuer: &self.issuer,
            audience: &audience,
            // An ID token has another type, or none (RFC 9068, section 5; RFC 8725, section 3.11).
            types: &["at+jwt"],
            algorithms: &self.algorithms,
            now,
            leeway: LEEWAY,
            allow_expired: false,
        };
        TokenSummary::read(keys.verify(token, &expected)?)
    }

    /// Whether fresh keys could make a token good that names a key which the known ones do not have. Nothing of it is proved: this
    /// only spares the anchor questions about tokens that are none of its own.
    fn may_be_signed_anew(&self, token: &str) -> bool {
        let names_a_key = jwt::header(token).is_ok_and(|header| header.key_id.is_some());
        let is_ours = |claims: Map<String, Value>| claims.get("iss").and_then(Value::as_str) == Some(&self.issuer);
        names_a_key && jwt::peek(token).is_ok_and(is_ours)
    }
}

/// Whom a token speaks for: the user, of whom it tells the id alone, or the client.
fn subject(token: TokenSummary) -> Subject {
    if token.has_user() {
        let user = Profile::of_id(UserId::from_text(&token.subject));
        Subject::User(Box::new(Principal { user, proof: Proof::Token(Arc::new(token)) }))
    } else {
        Subject::Client(Arc::new(token))
    }
}

/// Who holds the tokens of a trust anchor.
#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) rules: Rules,
    pub(super) jwks: Arc<Jwks>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Whom a token speaks for, or none if it is not good. An error means that there are no keys to tell by.
    pub(super) async fn resolve(
        &self,
        token: &Token<kind::SignedAccess>,
        resource: Option<&str>,
    ) -> Result<Option<Subject>> {
        match self.verify(token.expose(), resource).await? {
            Ok(token) => Ok(Some(subject(token))),
            Err(refusal) => {
                tracing::debug!(%refusal, "a bearer is refused");
                Ok(None)
            }
        }
    }

    async fn verify(&self, token: &str, resource: Option<&str>) -> Result<Result<TokenSummary, Refusal>> {
        let keys = match self.jwks.fresh() {
            Some(keys) => keys,
            // What no key can make good is not worth a question.
            None => match jwt::header(token) {
                Ok(_) => self.jwks.keys().await?,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        match self.rules.verify(token, resource, &keys, self.clock.now()) {
            Err(Refusal::UnknownKey) if self.rules.may_be_signed_anew(token) => {
                let keys = self.jwks.newer_than(&keys).await?;
                Ok(self.rules.verify(token, resource, &keys, self.clock.now()))
            }
            verified => Ok(verified),
        }
    }
}
