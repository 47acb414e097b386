//! The claims of OpenID Connect that a user has beside name, address and picture (OpenID Connect Core, section 5.1).

use chrono::NaiveDate;
use serde_json::{Map, Value};
use url::Url;

use crate::code::Code;
use crate::error::{Error, Result};

/// Longest text of a claim, in bytes.
const MOST_BYTES: usize = 2048;

/// What a claim is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    WebAddress,
    Date,
    Truth,
    Address,
}

const CLAIMS: [(&str, Kind); 15] = [
    ("given_name", Kind::Text),
    ("family_name", Kind::Text),
    ("middle_name", Kind::Text),
    ("nickname", Kind::Text),
    ("preferred_username", Kind::Text),
    ("profile", Kind::WebAddress),
    ("picture", Kind::WebAddress),
    ("website", Kind::WebAddress),
    ("gender", Kind::Text),
    ("birthdate", Kind::Date),
    ("zoneinfo", Kind::Text),
    ("locale", Kind::Text),
    ("phone_number", Kind::Text),
    ("phone_number_verified", Kind::Truth),
    ("address", Kind::Address),
];

/// The parts of an address (OpenID Connect Core, section 5.1.1).
const OF_ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// Checks names and types.
///
/// # Errors
/// `invalid_input` with the name of the claim.
pub(crate) fn check(claims: &Map<String, Value>) -> Result<()> {
    for (name, value) in claims {
        let known = CLAIMS.iter().find(|(known, _)| known == name);
        if !known.is_some_and(|(_, kind)| kind.accepts(value)) {
            return Err(Error::new(Code::InvalidInput)
                .with_field(name.clone())
                .with_detail(format!("Invalid input: {name} is not a claim that can be set, or of another type")));
        }
    }
    Ok(())
}

impl Kind {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => is_text(value),
            Self::WebAddress => {
                let url = value.as_str().filter(|_| is_text(value)).and_then(|text| Url::parse(text).ok());
                url.is_some_and(|url| ["https", "http"].contains(&url.scheme()))
            }
            Self::Date => value.as_str().is_some_and(is_date),
            Self::Truth => value.is_boolean(),
            Self::Address => value.as_object().is_some_and(|parts| {
                !parts.is_empty()
                    && parts.iter().all(|(name, part)| OF_ADDRESS.contains(&name.as_str()) && is_text(part))
            }),
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= MOST_BYTES && !text.contains('\0'))
}

/// A date, a date whose year is nobody's business (`0000-12-31`), or a year alone.
fn is_date(text: &str) -> bool {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok();
    // A leap year stands for the year that is not told.
    let without_year = || text.strip_prefix("0000-").is_some_and(|rest| date(&format!("2000-{rest}")));
    match text.len() {
        4 => text.bytes().all(|byte| byte.is_ascii_digit()),
        10 => date(text) || without_year(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(claims: &Value) -> Result<()> {
        check(claims.as_object().unwrap())
    }

    #[test]
    fn every_standard_claim_is_taken_in_its_type() {
        let claims = json!({
            "given_name": "Ann", "family_name": "Archer", "middle_name": "A.", "nickname": "annie", "preferred_username": "ann",
            "profile": "https://example.org/ann", "picture": "https://example.org/ann.png", "website": "http://ann.example",
            "gender": "female", "birthdate": "0000-02-29", "zoneinfo": "Europe/Paris", "locale": "en-US",
            "phone_number": "+1 202 555 0100", "phone_number_verified": false,
            "address": { "formatted": "1 Street\nTown", "country": "FR" },
        });
        checked(&claims).unwrap();
        for date in ["1990", "1990-12-31"] {
            checked(&json!({ "birthdate": date })).unwrap();
        }
    }

    #[test]
    fn others_and_other_types_are_refused() {
        for claims in [
            json!({ "sub": "somebody else" }),
            json!({ "email": "a@example.org" }),
            json!({ "given_name": "" }),
            json!({ "given_name": null }),
            json!({ "given_name": "x".repeat(MOST_BYTES + 1) }),
            json!({ "profile": "javascript:alert(1)" }),
            json!({ "birthdate": "31.12.1990" }),
            json!({ "birthdate": "1990-02-30" }),
            json!({ "phone_number_verified": "yes" }),
            json!({ "address": "1 Street" }),
            json!({ "address": {} }),
            json!({ "address": { "planet": "Earth" } }),
        ] {
            assert_eq!(checked(&claims).unwrap_err().code(), Code::InvalidInput, "{claims}");
        }
    }
}
