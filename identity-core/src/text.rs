//! Text that has been checked once and carries the proof in its type.

use std::fmt;

use serde_json::{Map, Value};

use crate::code::Code;
use crate::error::{Error, Result};

/// The longest local part that mail can be sent to (RFC 5321, section 4.5.3.1.1).
const MOST_LOCAL_BYTES: usize = 64;
/// The longest label of a domain (RFC 1035, section 2.3.4).
const MOST_LABEL_BYTES: usize = 63;

/// An e-mail address in lower case, of the shape that the Better Auth client accepts: an ASCII local part and a dotted domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3, less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// Checks an address and puts it in lower case.
    ///
    /// # Errors
    /// `invalid_email` for anything that is not an address.
    pub fn parse(text: &str) -> Result<Self> {
        let valid = text.len() <= Self::MAX_BYTES
            && text.rsplit_once('@').is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if valid { Ok(Self(text.to_ascii_lowercase())) } else { Err(Error::new(Code::InvalidEmail)) }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

fn is_local_part(local: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_'+-.".contains(&byte);
    let fits = local.len() <= MOST_LOCAL_BYTES;
    let end_ok = local.bytes().last().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte));
    fits && end_ok && !local.starts_with('.') && !local.contains("..") && local.bytes().all(plain)
}

fn is_domain(domain: &str) -> bool {
    let Some((rest, top)) = domain.rsplit_once('.') else { return false };
    let letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let label = |label: &str| {
        label.len() <= MOST_LABEL_BYTES
            && letter(label.bytes().next())
            && letter(label.bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    (2..=MOST_LABEL_BYTES).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && rest.split('.').all(label)
}

/// The member by which `serde_json` marks JSON that it keeps as text: an object that begins with it is read as the JSON inside of its
/// string, or not at all.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Deepest nesting of JSON of strangers that is kept. Readers of stored JSON have limits of their own: that of `serde_json` is 128, that of
/// SQLite 1000.
#[doc(hidden)]
pub const MOST_DEPTH: usize = 32;

/// Whether a JSON value comes back as it was when it has been stored: PostgreSQL stores no NUL, [`RAW_VALUE`] is read as something else,
/// which may be nested without a limit, and nobody reads what is nested too deep.
pub(crate) fn can_be_stored(value: &Value) -> bool {
    can_be_stored_within(MOST_DEPTH, value)
}

fn can_be_stored_within(levels: usize, value: &Value) -> bool {
    let below = |value: &Value| can_be_stored_within(levels.saturating_sub(1), value);
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(values) => levels > 0 && values.iter().all(below),
        Value::Object(members) => {
            let good = |(name, value): (&String, &Value)| !name.contains('\0') && name != RAW_VALUE && below(value);
            levels > 0 && members.iter().all(good)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The members of a JSON object; anything else has none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A newer `serde_json` may call the member something else.
    #[test]
    fn the_member_that_is_refused_is_the_one_that_is_not_read_as_it_stands() {
        let read: Value = serde_json::from_str(&format!(r#"{{"{RAW_VALUE}":"1"}}"#)).unwrap();
        assert_eq!(read, Value::from(1));
    }

    #[test]
    fn an_address_that_no_mail_can_be_sent_to_is_refused() {
        let accepts = |local: &str, domain: &str| Email::parse(&format!("{local}@{domain}")).is_ok();
        let long = "a".repeat(63);
        assert!(accepts(&format!("{long}b"), "example.com") && !accepts(&format!("{long}bc"), "example.com"));
        assert!(accepts("a", &format!("{long}.com")) && !accepts("a", &format!("{long}b.com")));
        assert!(accepts("a", &format!("example.{long}")) && !accepts("a", &format!("example.{long}b")));
        assert!(accepts("a", "x-1.example.com") && !accepts("a", "x-.example.com") && !accepts("a", "-x.example.com"));
    }
}
