//! Scopes (RFC 6749, section 3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The scope that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";
/// The scope that asks for tokens that outlive the session (OpenID Connect Core, section 11).
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The scopes that stand for claims (OpenID Connect Core, section 5.4).
pub const OF_CLAIMS: [&str; 4] = ["profile", "email", "address", "phone"];

/// A set of scopes, in alphabetical order, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeSet(BTreeSet<String>);

/// A text that is no list of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotScopes;

impl fmt::Display for NotScopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a list of scopes")
    }
}

impl std::error::Error for NotScopes {}

impl ScopeSet {
    /// Reads scopes that are separated by single spaces; an empty text has none.
    ///
    /// # Errors
    /// [`NotScopes`] for characters that no scope has, and for two spaces in a row.
    pub fn parse(text: &str) -> Result<Self, NotScopes> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let scopes = text.split(' ').map(|scope| {
            if scope.is_empty() || !scope.bytes().all(allowed) { Err(NotScopes) } else { Ok(scope.to_owned()) }
        });
        scopes.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `scope` is one of them.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of them are among `others`.
    #[must_use]
    pub fn is_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// Those of them, and `others`.
    #[must_use]
    pub fn union(&self, others: &Self) -> Self {
        Self(self.0.union(&others.0).cloned().collect())
    }

    /// Those of them that are not among `others`.
    #[must_use]
    pub fn difference(&self, others: &Self) -> Self {
        Self(self.0.difference(&others.0).cloned().collect())
    }

    /// Those of them that are among `others` too.
    #[must_use]
    pub fn intersection(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).cloned().collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = S>>(scopes: I) -> Self {
        Self(scopes.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for ScopeSet {
    type Error = NotScopes;

    fn try_from(text: String) -> Result<Self, NotScopes> {
        Self::parse(&text)
    }
}

impl From<ScopeSet> for String {
    fn from(scopes: ScopeSet) -> Self {
        scopes.to_string()
    }
}
