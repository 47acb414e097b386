//! What is mailed, what it looks like, and how it leaves.

mod message;
mod smtp;
mod template;

use std::error::Error as StdError;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::message::{Message, Purpose};
pub use self::smtp::SmtpTransport;
pub use self::template::Templates;
use crate::text::Email;

/// How mail leaves: over SMTP, or into whatever an embedder or a test has instead.
#[async_trait]
pub trait MailTransport: Send + Sync + fmt::Debug {
    /// Hands a mail over. It is called again with the same mail when it fails, unless the failure is permanent.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A mail as it is sent. It holds links and codes that are as good as a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What it is for.
    pub purpose: Purpose,
    /// Who gets it.
    #[serde(with = "address")]
    pub to: Email,
    /// The subject, one line.
    pub subject: String,
    /// The whole content as plain text.
    pub text: String,
    /// The whole content as HTML.
    pub html: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("purpose", &self.purpose).field("to", &self.to).finish_non_exhaustive()
    }
}

mod address {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::text::Email;

    pub(super) fn serialize<S: Serializer>(email: &Email, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(email.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Email, D::Error> {
        Email::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Why a mail did not leave. `Display` is for logs: it may quote the mail server, never the mail.
#[derive(Debug)]
pub struct MailError {
    /// Whether trying again is in vain.
    pub permanent: bool,
    source: Box<dyn StdError + Send + Sync>,
}

impl MailError {
    /// This mail will never leave: the server refuses it for good.
    pub fn permanent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { permanent: true, source: source.into() }
    }

    /// It may leave later: the server cannot be reached, or says so.
    pub fn transient(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { permanent: false, source: source.into() }
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.permanent { "the mail was refused" } else { "the mail cannot be sent now" })?;
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*self.source);
        while let Some(next) = cause {
            write!(f, ": {next}")?;
            cause = next.source();
        }
        Ok(())
    }
}

impl StdError for MailError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            purpose: Purpose::ResetPassword,
            to: Email::parse("ann@example.com").unwrap(),
            subject: "Reset your password".to_owned(),
            text: "https://example.com/reset/secret".to_owned(),
            html: "<a href=\"https://example.com/reset/secret\">".to_owned(),
        }
    }

    #[test]
    fn debug_shows_neither_link_nor_code() {
        let shown = format!("{:?}", mail());
        assert!(shown.contains("ResetPassword") && shown.contains("ann@example.com"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_mail_survives_being_stored() {
        let stored = serde_json::to_vec(&mail()).unwrap();
        assert_eq!(serde_json::from_slice::<Mail>(&stored).unwrap(), mail());
    }

    #[test]
    fn an_error_tells_its_causes() {
        let error = MailError::transient(std::io::Error::other("connection refused"));
        assert_eq!(error.to_string(), "the mail cannot be sent now: connection refused");
    }
}
