//! What an access token tells of whoever is calling with it.

use serde_json::{Map, Value};

use crate::jwt::{Refusal, moment};
use crate::scope::ScopeSet;
use crate::time::Timestamp;

/// An access token of the authorization server that was found good (RFC 9068), without its text.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenSummary {
    /// The `sub`: the id of the user, or of the client where there is no user.
    pub subject: String,
    /// The client that the token was issued to.
    pub client_id: String,
    /// What the client may do.
    pub scopes: ScopeSet,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// When the user signed in, if the token tells.
    pub auth_time: Option<Timestamp>,
    /// How well that proved who it is: the authentication context class (OpenID Connect Core, section 2), if the token tells.
    pub acr: Option<String>,
    /// The ways in which the user proved it, as words of RFC 8176; empty if the token does not tell.
    pub amr: Vec<String>,
    /// All claims of the token, those above included.
    pub claims: Map<String, Value>,
}

impl TokenSummary {
    /// Reads the claims of a token that was found good (RFC 9068, section 2.2).
    ///
    /// # Errors
    /// `Malformed` without a subject or a client, and for claims of another type than they have; `Bound` for a token that is good only
    /// together with a proof that nobody here asks for.
    pub fn read(claims: Map<String, Value>) -> Result<Self, Refusal> {
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
        let summary = Self {
            subject: named("sub")?,
            client_id: named("client_id")?,
            scopes: ScopeSet::parse(&text("scope")?.unwrap_or_default()).map_err(|_| Refusal::Malformed)?,
            expires_at: moment(&claims, "exp")?.ok_or(Refusal::Expired)?,
            auth_time: moment(&claims, "auth_time")?,
            acr: text("acr")?,
            amr,
            claims: Map::new(),
        };
        Ok(Self { claims, ..summary })
    }

    /// Whether a user stands behind the token. One that a client got for itself has the client as its subject (RFC 9068, section 5),
    /// and no client has the id of a user.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.subject != self.client_id
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Result<TokenSummary, Refusal> {
        TokenSummary::read(claims.as_object().unwrap().clone())
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
            assert_eq!(TokenSummary::read(claims), Err(Refusal::Malformed), "{name}");
        }
        let bound = json!({ "sub": "u1", "client_id": "app", "exp": 60, "cnf": { "jkt": "x" } });
        assert_eq!(read(&bound), Err(Refusal::Bound));
    }
}
