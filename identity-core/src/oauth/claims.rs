//! Which claims stand for which scope, and the `claims` parameter (OpenID Connect Core, sections 5.4 and 5.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::error::{ErrorCode, OAuthError};
use crate::scope::ScopeSet;
use crate::text::can_be_stored;

/// Each scope with the claims it stands for.
const OF_SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "given_name",
            "family_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The claims about the sign-in that can be asked for one by one.
const OF_SIGN_IN: [&str; 3] = ["sub", "acr", "auth_time"];

/// Longest `claims` parameter, in bytes.
const MOST_BYTES: usize = 8 * 1024;

/// Every claim about a user.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    OF_SCOPES.iter().flat_map(|(_, claims)| claims.iter().copied())
}

/// The claims that these scopes stand for.
pub(crate) fn of_scopes(scopes: &ScopeSet) -> impl Iterator<Item = &'static str> {
    let held = OF_SCOPES.iter().filter(|(scope, _)| scopes.contains(scope));
    held.flat_map(|(_, claims)| claims.iter().copied())
}

/// The scope that stands for a claim.
fn scope_of(claim: &str) -> Option<&'static str> {
    OF_SCOPES.iter().find(|(_, claims)| claims.contains(&claim)).map(|(scope, _)| *scope)
}

/// The claims of a user that have one of these names.
pub(crate) fn pick<'n>(known: &Map<String, Value>, names: impl Iterator<Item = &'n str>) -> Map<String, Value> {
    names.filter_map(|name| known.get(name).map(|value| (name.to_owned(), value.clone()))).collect()
}

/// How a claim was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// Whether the client says that it cannot do without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) essential: bool,
    /// The values of which it wants one; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<Value>,
}

/// The claims that were asked for one by one, as far as there are such claims.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClaimsRequest {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) userinfo: BTreeMap<String, Wanted>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) id_token: BTreeMap<String, Wanted>,
}

impl ClaimsRequest {
    /// Reads the `claims` parameter. Claims that nobody here knows are ignored.
    pub(crate) fn parse(text: &str) -> Result<Self, OAuthError> {
        let malformed = || {
            OAuthError::new(
                ErrorCode::InvalidRequest,
                "The claims parameter is not a JSON object as OpenID Connect Core, section 5.5 has it.",
            )
        };
        let parsed = (text.len() <= MOST_BYTES).then(|| serde_json::from_str(text).ok()).flatten();
        let Some(Value::Object(members)) = parsed.filter(can_be_stored) else { return Err(malformed()) };
        let member = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(claims)) => {
                let known =
                    claims.iter().filter(|(name, _)| scope_of(name).is_some() || OF_SIGN_IN.contains(&name.as_str()));
                known.map(|(name, how)| Ok((name.clone(), wanted(how).ok_or_else(malformed)?))).collect()
            }
            Some(_) => Err(malformed()),
        };
        let asked = Self { userinfo: member("userinfo")?, id_token: member("id_token")? };
        // An answer is about one user: what cannot name one would be about anybody.
        let subjects = [&asked.userinfo, &asked.id_token].map(|claims| claims.get("sub"));
        let names_one = |wanted: &Wanted| matches!(wanted.values.as_slice(), [] | [Value::String(_)]);
        let all_name_one = subjects.into_iter().flatten().all(names_one);
        if all_name_one { Ok(asked) } else { Err(malformed()) }
    }

    /// The same without the claims of scopes that are not among `allowed`.
    pub(crate) fn within(mut self, allowed: &ScopeSet) -> Self {
        let may = |name: &String, _: &mut Wanted| scope_of(name).is_none_or(|scope| allowed.contains(scope));
        self.userinfo.retain(may);
        self.id_token.retain(may);
        self
    }

    /// The scopes that stand for these claims: whoever agrees to the claims agrees to them.
    pub(crate) fn scopes(&self) -> ScopeSet {
        self.userinfo.keys().chain(self.id_token.keys()).filter_map(|name| scope_of(name)).collect()
    }

    /// The `acr` values without which an answer is no use.
    pub(crate) fn essential_acr(&self) -> Option<impl Iterator<Item = &str>> {
        let wanted = self.id_token.get("acr").filter(|wanted| wanted.essential && !wanted.values.is_empty())?;
        Some(wanted.values.iter().filter_map(Value::as_str))
    }

    /// The user whom the answer must be about.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.id_token.get("sub")?.values.first()?.as_str()
    }

    /// The names alone, as they are kept for as long as tokens are renewed.
    pub(crate) fn names(&self) -> Map<String, Value> {
        let names = |claims: &BTreeMap<String, Wanted>| json!(claims.keys().collect::<Vec<_>>());
        let members = [("userinfo", &self.userinfo), ("id_token", &self.id_token)];
        let asked = members.into_iter().filter(|(_, claims)| !claims.is_empty());
        asked.map(|(member, claims)| (member.to_owned(), names(claims))).collect()
    }
}

/// The names that [`ClaimsRequest::names`] kept for `member`, without the claims of scopes that are not among `allowed` any more.
pub(crate) fn kept<'k>(
    names: &'k Map<String, Value>,
    member: &str,
    allowed: &ScopeSet,
) -> impl Iterator<Item = &'k str> {
    let names = names.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter(move |name| scope_of(name).is_none_or(|scope| allowed.contains(scope)))
}

fn wanted(how: &Value) -> Option<Wanted> {
    let how = match how {
        Value::Null => return Some(Wanted::default()),
        Value::Object(how) => how,
        _ => return None,
    };
    let essential = match how.get("essential") {
        None => false,
        Some(essential) => essential.as_bool()?,
    };
    let values = match (how.get("value"), how.get("values")) {
        (Some(value), None) => vec![value.clone()],
        (None, Some(values)) => values.as_array()?.clone(),
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return None,
    };
    Some(Wanted { essential, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn known_claims_are_taken_and_others_ignored() {
        let text = r#"{"userinfo":{"name":{"essential":true},"email":null,"shoe_size":null},"id_token":{"acr":{"values":["a","b"]},
                      "auth_time":{"essential":true},"sub":{"value":"somebody"}},"elsewhere":7}"#;
        let claims = ClaimsRequest::parse(text).unwrap();
        assert_eq!(claims.userinfo.keys().collect::<Vec<_>>(), ["email", "name"]);
        assert!(claims.userinfo["name"].essential && !claims.userinfo["email"].essential);
        assert_eq!(claims.subject(), Some("somebody"));
        assert!(claims.essential_acr().is_none());
        assert_eq!(claims.scopes(), scopes("email profile"));
        let names = claims.names();
        let all = scopes("email profile");
        assert_eq!(kept(&names, "userinfo", &all).collect::<Vec<_>>(), ["email", "name"]);
        assert_eq!(kept(&names, "userinfo", &scopes("email")).collect::<Vec<_>>(), ["email"]);
        assert_eq!(kept(&names, "id_token", &all).collect::<Vec<_>>(), ["acr", "auth_time", "sub"]);
        let fewer = claims.within(&scopes("openid profile"));
        assert_eq!(fewer.userinfo.keys().collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn what_is_no_such_object_is_refused() {
        for text in [
            "",
            "x",
            "[]",
            "7",
            r#"{"userinfo":[]}"#,
            r#"{"id_token":{"sub":{"value":5}}}"#,
            r#"{"id_token":{"sub":{"values":["a","b"]}}}"#,
            r#"{"id_token":{"acr":{"values":["\u0000"]}}}"#,
            r#"{"userinfo":{"name":{"value":{"a\u0000":1}}}}"#,
            r#"{"userinfo":{"name":{"value":{"a":1,"$serde_json::private::RawValue":"1"}}}}"#,
            r#"{"userinfo":{"name":true}}"#,
            r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"value":"a","values":["b"]}}}"#,
            r#"{"id_token":{"acr":{"values":"a"}}}"#,
        ] {
            assert_eq!(ClaimsRequest::parse(text).unwrap_err().code(), ErrorCode::InvalidRequest, "{text}");
        }
        assert!(ClaimsRequest::parse(&format!("{{\"x\":\"{}\"}}", "x".repeat(MOST_BYTES))).is_err());
        let nested =
            |levels| format!(r#"{{"userinfo":{{"name":{{"value":{}{}}}}}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert!(ClaimsRequest::parse(&nested(29)).is_ok());
        assert!(ClaimsRequest::parse(&nested(30)).is_err());
        assert!(ClaimsRequest::parse(&format!("{}{}", "[".repeat(5000), "]".repeat(3000))).is_err());
        assert_eq!(ClaimsRequest::parse("{}").unwrap(), ClaimsRequest::default());
    }

    #[test]
    fn an_essential_acr_names_the_values_that_will_do() {
        let claims = ClaimsRequest::parse(r#"{"id_token":{"acr":{"essential":true,"value":"a"}}}"#).unwrap();
        assert_eq!(claims.essential_acr().unwrap().collect::<Vec<_>>(), ["a"]);
    }
}
