//! Access tokens that are JWTs (RFC 9068), verified without asking anybody but for the keys.

use std::sync::Arc;
use std::time::Duration;

use identity_core::Result;
use identity_core::id::UserId;
use identity_core::jwt::{self, Algorithm, Expected, KeySet, Refusal};
use identity_core::principal::{Principal, Profile, Proof, Subject, TokenSummary};
use identity_core::scope::ScopeSet;
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
    /// The names of this service, at least one.
    pub(super) audiences: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
}

impl Rules {
    /// Verifies a token. The order of the checks is that of [`KeySet::verify`].
    pub(super) fn verify(&self, token: &str, keys: &KeySet, now: Timestamp) -> Result<TokenSummary, Refusal> {
        let audience: Vec<&str> = self.audiences.iter().map(String::as_str).collect();
        let expected = Expected {
            issuer: &self.issuer,
            audience: &audience,
            // An ID token has another type, or none (RFC 9068, section 5; RFC 8725, section 3.11).
            types: &["at+jwt"],
            algorithms: &self.algorithms,
            now,
            leeway: LEEWAY,
            expired_is_fine: false,
        };
        summary(keys.verify(token, &expected)?)
    }

    /// Whether fresh keys could make a token good that names a key which the known ones do not have. Nothing of it is proved: this
    /// only spares the anchor questions about tokens that are none of its own.
    fn may_be_signed_anew(&self, token: &str) -> bool {
        let names_a_key = jwt::header(token).is_ok_and(|header| header.key_id.is_some());
        let is_ours = |claims: Map<String, Value>| claims.get("iss").and_then(Value::as_str) == Some(&self.issuer);
        names_a_key && jwt::peek(token).is_ok_and(is_ours)
    }
}

/// The claims that an access token has beside the registered ones (RFC 9068, section 2.2).
fn summary(claims: Map<String, Value>) -> Result<TokenSummary, Refusal> {
    if claims.contains_key("cnf") {
        return Err(Refusal::Bound);
    }
    let text = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(str::to_owned).map(Some).ok_or(Refusal::Malformed),
    };
    let named = |name: &str| text(name)?.filter(|text| !text.is_empty()).ok_or(Refusal::Malformed);
    let amr = match claims.get("amr") {
        None => Vec::new(),
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(_) => return Err(Refusal::Malformed),
    };
    let summary = TokenSummary {
        subject: named("sub")?,
        client_id: named("client_id")?,
        scopes: ScopeSet::parse(&text("scope")?.unwrap_or_default()).map_err(|_| Refusal::Malformed)?,
        expires_at: jwt::moment(&claims, "exp")?.ok_or(Refusal::Expired)?,
        auth_time: jwt::moment(&claims, "auth_time")?,
        acr: text("acr")?,
        amr,
        claims: Map::new(),
    };
    Ok(TokenSummary { claims, ..summary })
}

/// Whom a token speaks for: the user, of whom it tells the id alone, or the client.
fn subject(token: TokenSummary) -> Subject {
    if token.has_user() {
        let user = Profile::of_id(UserId::from_text(&token.subject));
        Subject::User(Principal { user, proof: Proof::Token(Box::new(token)) })
    } else {
        Subject::Client(token)
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
    pub(super) async fn resolve(&self, token: &Token<kind::SignedAccess>) -> Result<Option<Subject>> {
        match self.verify(token.expose()).await? {
            Ok(token) => Ok(Some(subject(token))),
            Err(refusal) => {
                tracing::debug!(%refusal, "a bearer is refused");
                Ok(None)
            }
        }
    }

    async fn verify(&self, token: &str) -> Result<Result<TokenSummary, Refusal>> {
        let keys = match self.jwks.fresh() {
            Some(keys) => keys,
            // What no key can make good is not worth a question.
            None => match jwt::header(token) {
                Ok(_) => self.jwks.keys().await?,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        match self.rules.verify(token, &keys, self.clock.now()) {
            Err(Refusal::UnknownKey) if self.rules.may_be_signed_anew(token) => {
                let keys = self.jwks.newer_than(&keys).await?;
                Ok(self.rules.verify(token, &keys, self.clock.now()))
            }
            verified => Ok(verified),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Result<TokenSummary, Refusal> {
        summary(claims.as_object().unwrap().clone())
    }

    #[test]
    fn a_token_tells_its_subject_client_scopes_and_sign_in() {
        let claims = json!({
            "sub": "u1", "client_id": "app", "scope": "b a", "exp": 60, "auth_time": 30, "acr": "phr", "amr": ["pwd", "otp"],
        });
        let token = read(&claims).unwrap();
        assert_eq!((token.subject.as_str(), token.client_id.as_str()), ("u1", "app"));
        assert_eq!((token.scopes.to_string(), token.has_user()), ("a b".to_owned(), true));
        assert_eq!((token.auth_time.unwrap().timestamp(), token.acr.as_deref()), (30, Some("phr")));
        assert_eq!(token.amr, ["pwd", "otp"]);
        assert_eq!(Value::Object(token.claims), claims);
        let client = read(&json!({ "sub": "app", "client_id": "app", "exp": 60 })).unwrap();
        assert!(!client.has_user() && client.scopes.is_empty());
        assert!(matches!(subject(client), Subject::Client(_)));
    }

    #[test]
    fn a_token_without_subject_or_client_or_with_claims_of_other_types_is_none() {
        let good = json!({ "sub": "u1", "client_id": "app", "exp": 60 });
        for (name, value) in [
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", Value::Null),
            ("client_id", json!("")),
            ("client_id", json!(["app"])),
            ("scope", json!(["a"])),
            ("scope", json!("a  b")),
            ("scope", json!("a\nb")),
            ("auth_time", json!("now")),
            ("acr", json!(1)),
            ("amr", json!("pwd")),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            assert_eq!(read(&claims), Err(Refusal::Malformed), "{claims}");
        }
        for name in ["sub", "client_id"] {
            let mut claims = good.as_object().unwrap().clone();
            claims.remove(name);
            assert_eq!(summary(claims), Err(Refusal::Malformed), "{name}");
        }
        let bound = json!({ "sub": "u1", "client_id": "app", "exp": 60, "cnf": { "jkt": "x" } });
        assert_eq!(read(&bound), Err(Refusal::Bound));
    }
}
