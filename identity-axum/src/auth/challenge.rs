//! What a refusal tells the client of an API about the token that would do (RFC 6750, section 3).

use std::time::Duration;

use http::HeaderValue;
use identity_core::{Code, Error};

use super::Authn;
use crate::problem::{Api, Failure};
use crate::resource::ProtectedResource;

/// What a token has to be for one place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand<'a> {
    /// The scopes that it needs.
    pub(crate) scopes: &'a [&'a str],
    /// How lately the user has to have signed in (RFC 9470, section 3).
    pub(crate) max_age: Option<Duration>,
    /// The authentication contexts of which the user has to have been in one (RFC 9470, section 3).
    pub(crate) acr_values: &'a [&'a str],
}

impl Authn {
    /// The refusal of a place that anybody with a good credential may enter.
    pub(crate) fn refuse(&self, error: Error) -> Failure<Api> {
        self.refuse_for(error, Demand::default())
    }

    /// The refusal of a place that demands more.
    pub(crate) fn refuse_for(&self, error: Error, demand: Demand<'_>) -> Failure<Api> {
        let challenge = challenge(error.code(), demand, self.resource().map(ProtectedResource::metadata_url));
        Failure::from(error).challenge(challenge)
    }
}

/// The value of `WWW-Authenticate`; none for refusals that no token would change.
fn challenge(code: Code, demand: Demand<'_>, metadata: Option<&str>) -> Option<HeaderValue> {
    let error = match code {
        // Without a credential there is nothing to find fault with (RFC 6750, section 3.1).
        Code::Unauthorized => None,
        // Another token may do, but nothing is known of which.
        Code::PermissionDenied if metadata.is_some() => None,
        Code::InvalidBearer => Some("invalid_token"),
        Code::InsufficientScope => Some("insufficient_scope"),
        Code::InsufficientAuthentication => Some("insufficient_user_authentication"),
        _ => return None,
    };
    let scope = (!demand.scopes.is_empty()).then(|| demand.scopes.join(" "));
    let acr_values = (!demand.acr_values.is_empty()).then(|| demand.acr_values.join(" "));
    let max_age = demand.max_age.map(|age| age.as_secs().to_string());
    let parameters = [
        ("error", error),
        ("scope", scope.as_deref()),
        ("max_age", max_age.as_deref()),
        ("acr_values", acr_values.as_deref()),
        ("resource_metadata", metadata),
    ];
    let said = parameters.iter().filter_map(|(name, value)| value.map(|value| format!("{name}=\"{value}\"")));
    let said = said.collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(format!("Bearer {said}").trim_end()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_what_is_wrong_and_what_would_do() {
        let shown =
            |code, demand, metadata| challenge(code, demand, metadata).map(|value| value.to_str().unwrap().to_owned());
        let nothing = Demand::default();
        assert_eq!(shown(Code::Unauthorized, nothing, None).unwrap(), "Bearer");
        assert_eq!(shown(Code::InvalidBearer, nothing, None).unwrap(), "Bearer error=\"invalid_token\"");
        let demand = Demand { scopes: &["a", "b:c"], ..nothing };
        assert_eq!(
            shown(Code::InsufficientScope, demand, Some("https://a.test/x")).unwrap(),
            "Bearer error=\"insufficient_scope\", scope=\"a b:c\", resource_metadata=\"https://a.test/x\""
        );
        let demand = Demand { max_age: Some(Duration::from_mins(5)), acr_values: &["phr", "phrh"], ..nothing };
        assert_eq!(
            shown(Code::InsufficientAuthentication, demand, None).unwrap(),
            "Bearer error=\"insufficient_user_authentication\", max_age=\"300\", acr_values=\"phr phrh\""
        );
        for code in [Code::AnchorUnavailable, Code::DeviceTokenMissing, Code::SessionNotFresh, Code::PermissionDenied] {
            assert_eq!(shown(code, demand, None), None, "{code:?}");
        }
    }
}
