//! The parameters of an OAuth request: repeated ones are wrong, empty ones are not there (RFC 6749, section 3.1).

use super::error::{ErrorCode, OAuthError};

/// The parameters of a query or form, decoded, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Takes decoded pairs.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The parameter `name`; none when it is missing or empty.
    ///
    /// # Errors
    /// `invalid_request` when it stands there twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, format!("The parameter {name} is repeated.")));
        }
        Ok(first.filter(|value| !value.is_empty()))
    }

    /// The parameter `name`, which must be there.
    ///
    /// # Errors
    /// `invalid_request` when it is missing, empty or repeated.
    pub fn required(&self, name: &str) -> Result<&str, OAuthError> {
        self.one(name)?
            .ok_or_else(|| OAuthError::new(ErrorCode::InvalidRequest, format!("The parameter {name} is missing.")))
    }

    /// Every value of a parameter that may be repeated, such as `resource` (RFC 8707, section 2).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Every pair.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
