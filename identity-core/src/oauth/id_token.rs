//! ID tokens (OpenID Connect Core, section 2).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::claims::{kept, of_scopes, pick};
use super::client::Client;
use super::offer;
use super::subject::{sid, subject};
use crate::claims::standard;
use crate::error::Result;
use crate::family::Family;
use crate::jwt::Algorithm;
use crate::keys::Signer;
use crate::op::Op;
use crate::principal;
use crate::scope::ScopeSet;
use crate::time::after;
use crate::user::{self, User};

/// The `typ` of an ID token, by which it is told from tokens of other kinds.
pub(crate) const TYPE: &str = "JWT";

/// A new ID token. It is signed after the transaction, when the access token beside it is there.
#[derive(Debug)]
pub(crate) struct Draft {
    claims: Map<String, Value>,
    algorithm: Algorithm,
}

impl Draft {
    /// The text for the client, bound to the access token that it travels with.
    pub(crate) fn finish(mut self, access_token: &str, signer: &Signer) -> Result<String> {
        self.claims.insert("at_hash".to_owned(), json!(half_hash(self.algorithm, access_token)));
        signer.sign(TYPE, &self.claims)
    }
}

/// Makes an ID token. Claims of scopes are left to UserInfo, unless the policy of the client says otherwise.
pub(crate) async fn draft(
    op: &Op<'_>,
    client: &Client,
    family: &Family,
    user: &User,
    scope: &ScopeSet,
    nonce: Option<&str>,
) -> Result<Draft> {
    let shared = op.shared();
    let allowed = offer::scopes_for(&shared.config.oauth, client);
    let mut names: Vec<&str> = kept(&family.claims, "id_token", &allowed).collect();
    if client.policy.claims_in_id_token {
        of_scopes(scope).for_each(|name| names.push(name));
    }
    let mut claims = Map::new();
    if !names.is_empty() {
        let own = user::store::claims(op, &user.id).await?;
        claims = pick(&standard(user, &own), names.into_iter());
    }
    let lifetime = Client::lifetime(client.policy.id_token_lifetime, shared.config.oauth.id_token_lifetime);
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(shared.config.http.base_url));
    set("sub", json!(subject(shared, client, &family.user_id)));
    set("aud", json!(client.id));
    set("azp", json!(client.id));
    set("iat", json!(op.now().timestamp()));
    set("exp", json!(after(op.now(), lifetime).timestamp()));
    set("auth_time", json!(family.auth_time.timestamp()));
    set("sid", json!(sid(shared, &client.id, &family.opened_in)));
    if let Some(acr) = principal::acr(&family.amr) {
        set("acr", json!(acr));
    }
    if !family.amr.is_empty() {
        set("amr", json!(family.amr));
    }
    if let Some(nonce) = nonce {
        set("nonce", json!(nonce));
    }
    Ok(Draft { claims, algorithm: client.id_token_alg() })
}

/// The left half of the hash of a token, by the hash of the signature (OpenID Connect Core, section 3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let function = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let hash = digest::digest(function, token.as_bytes());
    let half = hash.as_ref().split_at_checked(hash.as_ref().len() / 2).map_or(hash.as_ref(), |(half, _)| half);
    URL_SAFE_NO_PAD.encode(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_half_hash_is_that_of_the_specification() {
        // OpenID Connect Core, appendix A.3.
        assert_eq!(
            half_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(half_hash(Algorithm::EdDsa, "x").len(), 43);
    }
}
