//! The bridge to an application with pages of its own for signing in and agreeing: what waits travels in a signed query, which the page
//! gives back with its calls (contract section 9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::crypto::hmac::Key;
use identity_core::id::{ClientId, GrantId};
use identity_core::oauth::{Authorization, ErrorCode, Interaction, OAuthError, ResponseMode, Step};
use identity_core::time::{Timestamp, after};
use url::form_urlencoded::{self, Serializer};

use super::Facade;
use super::route::{self, GRANT};

/// Parameters that the signature covers beside those that are named in [`NAMES`].
const EXPIRY: &str = "exp";
const ISSUED_AT: &str = "ba_iat";
/// Repeated: the name of a parameter that the signature covers. A page may have parameters of its own.
const NAMES: &str = "ba_param";
/// The signature. The official client cuts off what stands behind it.
const SIGNATURE: &str = "sig";
/// Who waits.
const CLIENT: &str = "client_id";

/// What a signed query stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) grant: GrantId,
    pub(crate) client_id: ClientId,
}

impl Facade {
    /// Where an authorization goes on, as an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn next(&self, authorization: Authorization) -> Result<String, OAuthError> {
        match authorization {
            Authorization::Answer(answer) if answer.mode == ResponseMode::Query => {
                Ok(with_parameters(&answer.redirect_uri, &answer.params))
            }
            Authorization::Answer(_) => {
                let text = "The answer is a form, which only a page of this server can send.";
                Err(OAuthError::new(ErrorCode::InvalidRequest, text))
            }
            Authorization::Ask(interaction) => Ok(self.page_of_application(&interaction).unwrap_or_else(|| {
                let page = route::address_of(&interaction.step, &interaction.grant);
                format!("{}{page}", self.identity.config().http.base_url)
            })),
            Authorization::Refused(error) => Err(error),
        }
    }

    /// The page of the application for a step, if it has one. An answer that is a form needs a page of ours in the end, so that all of
    /// its pages are ours.
    pub(crate) fn page_of_application(&self, interaction: &Interaction) -> Option<String> {
        let oauth = &self.identity.config().oauth;
        let page = match &interaction.step {
            Step::Login | Step::Register | Step::SelectAccount => oauth.login_url.as_ref(),
            Step::Consent { .. } => oauth.consent_url.as_ref(),
        };
        let page = page.filter(|_| interaction.mode == ResponseMode::Query)?;
        let separator = if page.contains('?') { '&' } else { '?' };
        let until = after(self.identity.now(), oauth.request_lifetime);
        let key = self.identity.query_key();
        let query = sign(key, &interaction.params, &interaction.grant, self.identity.now(), until);
        Some(format!("{page}{separator}{query}"))
    }

    /// What a query stands for that a page gives back; `None` for one that is not ours, was changed, or has run out.
    pub(crate) fn pending(&self, query: &str) -> Option<Pending> {
        open(self.identity.query_key(), query, self.identity.now())
    }
}

/// Signs a query that is good until `until`.
pub(crate) fn sign(
    key: &Key,
    params: &[(&'static str, String)],
    grant: &GrantId,
    now: Timestamp,
    until: Timestamp,
) -> String {
    let mut pairs = params.to_vec();
    pairs.push((GRANT, grant.as_str().to_owned()));
    let names: Vec<&'static str> = pairs.iter().map(|(name, _)| *name).collect();
    pairs.push((EXPIRY, until.timestamp().to_string()));
    pairs.push((ISSUED_AT, now.timestamp_millis().to_string()));
    pairs.extend(names.into_iter().map(|name| (NAMES, name.to_owned())));
    let signature = key.sign(canonical(&pairs).as_bytes());
    pairs.push((SIGNATURE, STANDARD.encode(signature)));
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What a signed query stands for.
pub(crate) fn open(key: &Key, query: &str, now: Timestamp) -> Option<Pending> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    };
    let names: Vec<&str> = pairs.iter().filter(|(name, _)| name == NAMES).map(|(_, value)| value.as_str()).collect();
    let covered = |name: &str| [EXPIRY, ISSUED_AT, NAMES].contains(&name) || names.contains(&name);
    let signed: Vec<(&str, String)> =
        pairs.iter().filter(|(name, _)| covered(name)).map(|(name, value)| (name.as_str(), value.clone())).collect();
    let signature = STANDARD.decode(one(SIGNATURE)?).ok()?;
    if !key.verify(canonical(&signed).as_bytes(), &signature) {
        return None;
    }
    let expires_at = Timestamp::from_timestamp(one(EXPIRY)?.parse().ok()?, 0)?;
    let pending = Pending { grant: GrantId::from_text(one(GRANT)?), client_id: ClientId::from_text(one(CLIENT)?) };
    (now < expires_at).then_some(pending)
}

/// The pairs in an order that does not depend on how a page has put them together again.
fn canonical(pairs: &[(&str, String)]) -> String {
    let mut pairs: Vec<&(&str, String)> = pairs.iter().collect();
    pairs.sort();
    let pairs = pairs.into_iter().map(|(name, value)| (*name, value.as_str()));
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A redirect URI with parameters behind those it has (RFC 6749, section 3.1.2).
pub(crate) fn with_parameters(uri: &str, params: &[(&'static str, String)]) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let query = Serializer::new(String::new()).extend_pairs(params).finish();
    format!("{uri}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_behind_those_that_a_redirect_uri_has() {
        let params = [("code", "a b".to_owned()), ("state", "&=é".to_owned())];
        let query = "code=a+b&state=%26%3D%C3%A9";
        for (uri, expected) in [
            ("https://app.example/cb", format!("https://app.example/cb?{query}")),
            ("https://app.example/cb?x=1", format!("https://app.example/cb?x=1&{query}")),
            ("https://app.example/cb?", format!("https://app.example/cb?{query}")),
            ("com.example.app:/cb", format!("com.example.app:/cb?{query}")),
        ] {
            assert_eq!(with_parameters(uri, &params), expected);
        }
    }

    #[test]
    fn the_order_of_parameters_makes_no_difference_but_their_number_does() {
        let pair = |name, value: &str| (name, value.to_owned());
        let one = canonical(&[pair("b", "2"), pair("a", "1"), pair("a", "0")]);
        assert_eq!(one, canonical(&[pair("a", "0"), pair("b", "2"), pair("a", "1")]));
        assert_ne!(one, canonical(&[pair("a", "0"), pair("b", "2")]));
        assert_ne!(canonical(&[pair("a", "1&b=2")]), canonical(&[pair("a", "1"), pair("b", "2")]));
    }
}
