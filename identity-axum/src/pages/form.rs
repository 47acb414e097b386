//! Forms: the proof that one was shown to the browser that sends it, and fields that remember what was typed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity_core::{Class, Code, Error, Result};

use super::Site;
use super::reply::{Failed, Reply};
use super::view::View;
use crate::cookie::Name;
use crate::problem::status;

/// The hidden field with the proof.
pub(super) const FIELD: &str = "csrf";
/// Characters that the name of a browser has at least.
const NAME: usize = 32;

/// The name of the browser, from its cookie.
pub(super) fn browser(site: &Site, headers: &HeaderMap) -> Option<String> {
    let name = site.facade.cookies.plain(headers, Name::Browser)?;
    (name.len() >= NAME && name.len() <= 2 * NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .then_some(name)
}

/// What the forms of this browser carry: another site neither reads its cookie nor can make one that fits.
pub(super) fn proof(site: &Site, browser: &str) -> String {
    URL_SAFE_NO_PAD.encode(site.facade.identity.form_key().sign(browser.as_bytes()))
}

/// Refuses a form that was not shown to this browser.
pub(super) fn check(site: &Site, headers: &HeaderMap, sent: Option<&str>) -> Result<()> {
    let name = browser(site, headers);
    let sent = sent.and_then(|sent| URL_SAFE_NO_PAD.decode(sent).ok());
    match (name, sent) {
        (Some(name), Some(sent)) if site.facade.identity.form_key().verify(name.as_bytes(), &sent) => Ok(()),
        _ => Err(Error::new(Code::FormNotOurs)),
    }
}

/// A field of a form as it is shown: with what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    pub(super) id: &'static str,
    pub(super) value: String,
    pub(super) error: Option<String>,
    pub(super) focus: bool,
}

impl Field {
    pub(super) fn new(id: &'static str, value: impl Into<String>) -> Self {
        Self { id, value: value.into(), ..Self::default() }
    }

    /// With the cursor in it when the page opens.
    pub(super) fn focused(self) -> Self {
        Self { focus: true, ..self }
    }

    /// Says that what was typed is no address.
    pub(super) fn refuse_address(&mut self, view: &View) {
        let texts = &view.t().common;
        self.refuse(if self.value.is_empty() { texts.no_email() } else { texts.bad_email() });
    }

    /// Says what is wrong with it.
    pub(super) fn refuse(&mut self, error: impl Into<String>) {
        self.error = Some(error.into());
    }
}

/// Something that is said above a form.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// Whether it is good news, a warning or bad news, as a class of the stylesheet.
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl Notice {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self { kind: "ok", text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { kind: "bad", text: text.into() }
    }

    /// How it is announced.
    pub(super) fn role(&self) -> &'static str {
        if self.kind == "bad" { "alert" } else { "status" }
    }
}

/// Something that is in the way for a while only: the form is shown again, to be sent later.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) status: StatusCode,
    text: String,
    wait: Option<u64>,
}

impl Trouble {
    /// What a failure says that passes by itself.
    ///
    /// # Errors
    /// Every other failure.
    pub(super) fn of(view: &View, error: Error) -> Result<Self, Failed> {
        let texts = &view.t().common;
        let wait = error.wait_seconds();
        let text = match (error.code().class(), wait) {
            (Class::TooMany, Some(1)) => texts.wait_one().to_owned(),
            (Class::TooMany, Some(seconds)) => texts.wait(seconds),
            (Class::Unavailable, _) => texts.busy().to_owned(),
            _ => return Err(error.into()),
        };
        Ok(Self { status: status(error.code()), text, wait })
    }

    /// The words for it.
    pub(super) fn notice(&self) -> Notice {
        Notice::bad(self.text.as_str())
    }

    /// Says on an answer when to come back.
    pub(super) fn on(&self, reply: Reply) -> Reply {
        let mut response = reply?;
        if let Some(seconds) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Ok(response)
    }
}

/// Puts the cursor into the first field that is wrong, and into no other.
pub(super) fn focus_first<'f>(fields: impl IntoIterator<Item = &'f mut Field>) -> usize {
    let mut wrong = 0;
    for field in fields {
        field.focus = field.error.is_some() && wrong == 0;
        wrong += usize::from(field.error.is_some());
    }
    wrong
}
