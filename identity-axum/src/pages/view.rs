//! What every page knows about the person who looks at it and about the application that sent them.

use std::fmt;
use std::sync::Arc;

use identity_core::id::GrantId;
use identity_core::oauth::Client;
use url::Url;
use url::form_urlencoded::Serializer;

use super::assets;
use super::texts::{Language, Marked, Texts};
use crate::facade::route::GRANT;

/// Characters of an application's name that are shown.
const SHOWN: usize = 80;
/// The longest id of a pending authorization, and the longest code of a device.
const LONGEST_PENDING: usize = 64;
/// How many tones a monogram can have.
const TONES: u64 = 6;

/// What waits for somebody to sign in. It travels in every link and form, so that no detour loses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Pending {
    /// Nothing: somebody came by themselves.
    #[default]
    Nothing,
    /// An application that asks for an authorization.
    Grant(GrantId),
    /// A device, by the code that it shows.
    Device(String),
}

impl Pending {
    /// The authorization with this id, if it can be one.
    pub(super) fn grant(id: &str) -> Option<Self> {
        is_plain(id).then(|| Self::Grant(GrantId::from_text(id)))
    }

    /// The device that shows this code, if it can be one.
    pub(super) fn device(code: &str) -> Option<Self> {
        is_plain(code).then(|| Self::Device(code.to_owned()))
    }

    /// The parameter that carries it.
    fn parameter(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Nothing => None,
            Self::Grant(id) => Some((GRANT, id.as_str())),
            Self::Device(code) => Some((USER_CODE, code)),
        }
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() <= LONGEST_PENDING && text.bytes().all(plain)
}

/// The parameter with the code of a device (RFC 8628, section 3.3.1).
pub(super) const USER_CODE: &str = "user_code";
/// The parameter with the language of the page.
pub(super) const UI_LOCALES: &str = "ui_locales";

/// The page as it is asked for, in the other languages.
#[derive(Clone, Default)]
pub(super) struct Here {
    /// Its path.
    pub(super) path: &'static str,
    /// Its query, without the language.
    pub(super) query: Vec<(String, String)>,
}

/// The way to a page in another language.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) language: Language,
    pub(super) current: bool,
    pub(super) url: String,
}

/// What every page knows.
#[derive(Clone)]
pub(super) struct View {
    pub(super) language: Language,
    /// The language that the address of the page asks for, before anything else.
    pub(super) asked: Option<Language>,
    pub(super) theme: Option<&'static str>,
    /// What the server is called.
    pub(super) app: Arc<str>,
    /// The proof that a form came from here.
    pub(super) csrf: String,
    pub(super) pending: Pending,
    pub(super) client: Option<Asking>,
    pub(super) here: Option<Here>,
}

/// Shows neither the proof of forms nor the query, which may have the token of a mail.
impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.here.as_ref().map(|here| here.path);
        f.debug_struct("View").field("path", &path).field("language", &self.language).finish_non_exhaustive()
    }
}

impl View {
    /// A page for somebody of whom nothing is known.
    pub(super) fn plain() -> Self {
        Self {
            language: Language::English,
            asked: None,
            theme: None,
            app: Arc::from(""),
            csrf: String::new(),
            pending: Pending::Nothing,
            client: None,
            here: None,
        }
    }

    /// Where the stylesheet is.
    #[expect(clippy::unused_self, reason = "templates reach functions through what they are given")]
    pub(super) fn style(&self) -> &'static str {
        &assets::STYLE_URL
    }

    /// Where the script is.
    #[expect(clippy::unused_self, reason = "templates reach functions through what they are given")]
    pub(super) fn script(&self) -> &'static str {
        &assets::SCRIPT_URL
    }

    /// The texts.
    pub(super) fn t(&self) -> &'static Texts {
        self.language.texts()
    }

    /// Speaks the first of these languages that is known, unless the page was asked for in another one.
    pub(super) fn prefer(&mut self, locales: &[String]) {
        let preferred = locales.iter().find_map(|tag| Language::of_tag(tag));
        self.language = self.asked.or(preferred).unwrap_or(self.language);
    }

    /// The fields that every form and link carries.
    pub(super) fn carried(&self) -> Vec<(&'static str, String)> {
        let pending = self.pending.parameter().map(|(name, value)| (name, value.to_owned()));
        let language = self.asked.map(|language| (UI_LOCALES, language.tag().to_owned()));
        pending.into_iter().chain(language).collect()
    }

    /// The address of one of our pages, with what waits and the language.
    pub(super) fn url(&self, path: &str) -> String {
        self.url_with(path, &[])
    }

    /// The same with more in its query.
    pub(super) fn url_with(&self, path: &str, more: &[(&str, &str)]) -> String {
        let carried = self.carried();
        if carried.is_empty() && more.is_empty() {
            return path.to_owned();
        }
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&carried).extend_pairs(more);
        format!("{path}?{}", query.finish())
    }

    /// Where the page is in each language; nowhere for a page that cannot be asked for again.
    pub(super) fn translations(&self) -> Vec<Translation> {
        let Some(here) = &self.here else { return Vec::new() };
        let url = |language: Language| {
            let mut query = Serializer::new(String::new());
            query.extend_pairs(&here.query).append_pair(UI_LOCALES, language.tag());
            format!("{}?{}", here.path, query.finish())
        };
        let all = Language::ALL.into_iter();
        all.map(|language| Translation { language, current: language == self.language, url: url(language) }).collect()
    }

    /// A text in three parts, the one in the middle as it stands.
    #[expect(clippy::unused_self, reason = "templates reach functions through what they are given")]
    pub(super) fn marked(&self, text: impl AsRef<str>) -> Marked {
        Marked::with(text.as_ref(), None)
    }

    /// A text in three parts, `label` in the middle.
    #[expect(clippy::unused_self, reason = "templates reach functions through what they are given")]
    pub(super) fn marked_with(&self, text: impl AsRef<str>, label: &str) -> Marked {
        Marked::with(text.as_ref(), Some(label))
    }
}

/// The application that asks, as people see it. Everything in it was said by the application itself.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) name: String,
    pub(super) letters: String,
    pub(super) tone: u64,
    /// Where we show its picture, when there is one.
    pub(super) logo: Option<String>,
    /// Where the answer to this request goes, if it is an answer.
    pub(super) host: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) terms: Option<String>,
    /// Whether it registered itself, so that its name is its own word.
    pub(super) unchecked: bool,
}

impl Asking {
    pub(super) fn of(client: &Client) -> Self {
        let name = shown(&client.name);
        let name = if name.is_empty() { shown(client.id.as_str()) } else { name };
        let letters = name.chars().find(|letter| letter.is_alphanumeric());
        let sum = client.id.as_str().bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self {
            letters: letters.map(|letter| letter.to_uppercase().collect()).unwrap_or_default(),
            name,
            tone: sum % TONES + 1,
            logo: None,
            host: None,
            policy: client.metadata.policy_uri.as_deref().and_then(web_page),
            terms: client.metadata.tos_uri.as_deref().and_then(web_page),
            unchecked: client.registered,
        }
    }
}

/// Text of somebody else as it may stand in a page: on one line, in one direction, not too long.
fn shown(text: &str) -> String {
    let kept = text.chars().filter(|letter| {
        !letter.is_control()
            && !matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    });
    kept.take(SHOWN).collect::<String>().trim().to_owned()
}

/// What people may know an address by: its host, or the scheme of an application on this device.
pub(super) fn place_of(uri: &str) -> Option<String> {
    host_of(uri).or_else(|| uri.split_once(':').map(|(scheme, _)| format!("{scheme}:")))
}

/// The host of a web address.
pub(super) fn host_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.host_str().map(str::to_owned)
}

/// An address that a link may lead to: `javascript:` and its like are none.
pub(super) fn web_page(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_turn_the_line_around_or_leave_it() {
        assert_eq!(shown(" Led\u{202e}ger\r\n\u{200b}\0 "), "Ledger");
        assert_eq!(shown(&"x".repeat(1000)).len(), SHOWN);
    }

    #[test]
    fn only_web_pages_are_linked() {
        for uri in ["javascript:alert(1)", "data:text/html,x", " https//x", "vbscript:x", "//example.com", ""] {
            assert_eq!(web_page(uri), None, "{uri}");
        }
        assert_eq!(web_page("https://example.com/a\"b").as_deref(), Some("https://example.com/a%22b"));
        assert_eq!(host_of("com.example.app:/cb"), None);
        assert_eq!(place_of("com.example.app:/cb").as_deref(), Some("com.example.app:"));
        assert_eq!(place_of("https://app.example:444/cb").as_deref(), Some("app.example"));
    }
}
