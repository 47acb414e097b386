//! The parameters of an OAuth request: repeated ones are wrong, empty ones are not there (RFC 6749, section 3.1).

use std::fmt;

use super::error::{ErrorCode, OAuthError};

/// The parameters of a query or form, decoded, in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
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

/// Shows the names alone: values are codes, tokens and passwords.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::{Authorization, ClientAnswer, Presented, ResponseMode, UserInfo};

    #[test]
    fn no_value_of_a_request_or_an_answer_is_shown() {
        let params = Params::new([("client_secret".to_owned(), "a secret".to_owned())]);
        let presented = Presented { authorization: Some("Basic of a secret"), params: &params };
        let answer = ClientAnswer {
            redirect_uri: "https://app.example".to_owned(),
            mode: ResponseMode::Query,
            params: vec![("code", "a secret".to_owned())],
        };
        let shown = [
            format!("{params:?} {presented:?} {answer:?}"),
            format!("{:?}", Authorization::Answer(answer)),
            format!("{:?}", UserInfo::Signed("a secret".to_owned())),
        ];
        for text in &shown {
            assert!(!text.contains("a secret"), "{text}");
        }
        assert!(shown[0].contains("client_secret") && shown[0].contains("\"code\""), "{shown:?}");
    }
}
