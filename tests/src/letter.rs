//! A mail as the person who received it sees it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::mail::Purpose;

/// A received mail.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The one address it was sent to.
    pub to: String,
    /// The subject, as it was written in the header.
    pub subject: String,
    /// What it is for, as the id of its purpose: `verify_email`, `reset_password` and so on.
    pub purpose: String,
    /// The plain-text part.
    pub text: String,
}

impl Letter {
    /// Reads a message as it came over SMTP (RFC 5322 with RFC 2045 and RFC 2046).
    #[must_use]
    pub fn read(to: &str, message: &str) -> Self {
        let (head, _) = message.split_once("\r\n\r\n").expect("a message has headers and a body");
        let header = |name| header(head, name).unwrap_or_default();
        let subject = header("Subject");
        Self {
            to: to.to_owned(),
            purpose: purpose_of(&subject),
            subject,
            text: plain_text(message).expect("a mail has a plain-text part"),
        }
    }

    /// The link that it asks to follow.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn link(&self) -> String {
        let start = self.text.find("http").unwrap_or_else(|| panic!("a link in {:?}", self.text));
        let rest = &self.text[start..];
        rest.split(|c: char| c.is_whitespace() || "<>\"".contains(c)).next().unwrap_or_default().to_owned()
    }

    /// The six-digit code that it carries.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn code(&self) -> String {
        let mut words = self.text.split(|c: char| !c.is_ascii_alphanumeric());
        let code = words.find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()));
        code.unwrap_or_else(|| panic!("a code in {:?}", self.text)).to_owned()
    }

    /// The token inside its link.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn token(&self) -> String {
        token_of(&self.link())
    }
}

/// The purpose whose template the subject is made from; empty when it is none of ours.
fn purpose_of(subject: &str) -> String {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity-core/src/mail/templates/en");
    let is_made_from = |purpose: &&Purpose| {
        let file = templates.join(format!("{}.subject", purpose.id()));
        let template = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (start, rest) = template.trim().split_once("{{").expect("a subject names the application");
        let (_, end) = rest.split_once("}}").expect("a placeholder is closed");
        subject.starts_with(start) && subject.ends_with(end)
    };
    Purpose::ALL.iter().find(is_made_from).map(|purpose| purpose.id().to_owned()).unwrap_or_default()
}

/// The token inside a link: the query parameter `token`, or the last segment of the path.
///
/// # Panics
/// When the link is not a URL.
#[must_use]
pub fn token_of(link: &str) -> String {
    let url = url::Url::parse(link).unwrap_or_else(|error| panic!("{link:?} is a URL: {error}"));
    let query = url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    query.or_else(|| url.path_segments()?.next_back().map(str::to_owned)).unwrap_or_default()
}

fn header(head: &str, name: &str) -> Option<String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let mut lines = unfolded.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn plain_text(entity: &str) -> Option<String> {
    let (head, body) = entity.split_once("\r\n\r\n")?;
    let content_type = header(head, "Content-Type").unwrap_or_else(|| "text/plain".to_owned());
    if let Some((_, after)) = content_type.split_once("boundary=") {
        let boundary = format!("--{}", after.split(';').next()?.trim().trim_matches('"'));
        return body.split(boundary.as_str()).skip(1).find_map(|part| plain_text(part.trim_start_matches("\r\n")));
    }
    if !content_type.starts_with("text/plain") {
        return None;
    }
    match header(head, "Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase().as_str() {
        "base64" => {
            let text: String = body.split_whitespace().collect();
            String::from_utf8(STANDARD.decode(text).ok()?).ok()
        }
        "quoted-printable" => quoted_printable(body),
        _ => Some(body.to_owned()),
    }
}

fn quoted_printable(body: &str) -> Option<String> {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'=' {
            let (hex, tail) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}
