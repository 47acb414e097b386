//! One visit to a page: what was asked, by whom, and what waits for them.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use identity_core::auth::Resolved;
use identity_core::oauth::{Authorization, Client, Interaction, Params};
use identity_core::request::RequestInfo;
use identity_core::text::Email;
use identity_core::{Code, Error, Result};
use url::form_urlencoded::Serializer;

use super::reply::Failed;
use super::texts::Language;
use super::view::{Asking, Here, Pending, UI_LOCALES, USER_CODE, View, place_of};
use super::{Site, answer, assets};
use crate::cookie::{Name, encode};
use crate::facade::caller::Caller;
use crate::facade::route::GRANT;

/// The longest query that a posted request is turned into.
const LONGEST_QUERY: usize = 6 * 1024;
/// How long the address that was given stays with the pages that follow.
const ADDRESS_KEPT: std::time::Duration = std::time::Duration::from_hours(1);
/// What of a form is still part of the page when it is shown again.
const KEPT: [&str; 3] = [GRANT, USER_CODE, "token"];

/// What the gate has found out about a request.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) site: Arc<Site>,
    pub(super) info: RequestInfo,
    pub(super) headers: HeaderMap,
    /// The query of a GET, the form of a POST.
    pub(super) fields: Params,
    pub(super) posted: bool,
    pub(super) caller: Option<Caller>,
    pub(super) view: View,
    path: &'static str,
}

/// Shows no header: the cookies are among them.
impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("path", &self.path).field("fields", &self.fields).finish_non_exhaustive()
    }
}

/// What a page is shown for.
#[derive(Debug)]
pub(super) enum Asked {
    /// Somebody came by themselves, or for a device.
    Nobody,
    /// An application waits.
    Application(Box<Interaction>),
    /// What waited needs no page any more, or never was.
    Elsewhere(Response),
}

impl Visit {
    /// A visit of which no more is known than its headers.
    pub(super) fn new(site: &Arc<Site>, path: &'static str, parts: &Parts, info: RequestInfo) -> Self {
        let cookies = &site.facade.cookies;
        let chosen = cookies.plain(&parts.headers, Name::Language).and_then(|tag| Language::of_tag(&tag));
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.or_else(|| accepted.and_then(Language::of_accept_language));
        let theme = cookies.plain(&parts.headers, Name::Theme);
        let view = View {
            language: language.unwrap_or(Language::English),
            theme: ["light", "dark"].into_iter().find(|known| theme.as_deref() == Some(*known)),
            app: Arc::clone(&site.app),
            ..View::plain()
        };
        Self {
            site: Arc::clone(site),
            info,
            headers: parts.headers.clone(),
            fields: Params::default(),
            posted: false,
            caller: None,
            view,
            path,
        }
    }

    /// Looks at the fields that belong to every page: its language, and what waits.
    pub(super) fn look(&mut self, fields: &[(String, String)], posted: bool) -> Result<()> {
        let field = |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        self.view.asked = field(UI_LOCALES).and_then(Language::of_tags);
        self.view.language = self.view.asked.unwrap_or(self.view.language);
        let filled = |name: &str| field(name).filter(|value| !value.is_empty());
        self.view.pending = match (filled(GRANT), filled(USER_CODE)) {
            (Some(grant), _) => Pending::grant(grant).ok_or_else(|| Error::new(Code::InvalidInput))?,
            (None, Some(code)) => Pending::device(code).unwrap_or_default(),
            (None, None) => Pending::Nothing,
        };
        let stays = |name: &String| name != UI_LOCALES && (!posted || KEPT.contains(&name.as_str()));
        let query = fields.iter().filter(|(name, _)| stays(name)).cloned().collect();
        self.view.here = (!self.path.contains('{')).then_some(Here { path: self.path, query });
        Ok(())
    }

    /// A field, empty when it is missing.
    pub(super) fn text(&self, name: &str) -> Result<&str> {
        let found = self.fields.one(name).map_err(|error| Error::new(Code::InvalidInput).caused_by(error))?;
        Ok(found.unwrap_or_default())
    }

    /// Whether a field says yes.
    pub(super) fn says(&self, name: &str, value: &str) -> Result<bool> {
        self.text(name).map(|found| found == value)
    }

    /// The same request by GET, where that finds out more: a form of another site comes without the cookie of the session
    /// (`SameSite=Lax`), and the GET that follows has it.
    pub(super) fn by_get(&self, path: &str) -> Option<String> {
        if !self.is_of_another_site() {
            return None;
        }
        let query = Serializer::new(String::new()).extend_pairs(self.fields.iter()).finish();
        (query.len() <= LONGEST_QUERY).then(|| format!("{path}?{query}"))
    }

    /// Whether a form was posted without a session, as another site does it.
    pub(super) fn is_of_another_site(&self) -> bool {
        self.posted && self.caller.is_none()
    }

    /// The session of the browser.
    pub(super) fn session(&self) -> Option<&Resolved> {
        self.caller.as_ref().map(|caller| &caller.resolved)
    }

    /// What the page is shown for; the application that asks becomes part of the page.
    pub(super) async fn asked(&mut self) -> Result<Asked, Failed> {
        let Pending::Grant(grant) = &self.view.pending else { return Ok(Asked::Nobody) };
        let oauth = self.site.facade.identity.oauth();
        match oauth.resume(grant, self.session()).await? {
            Authorization::Ask(interaction) => {
                self.view.prefer(&interaction.ui_locales);
                let asking = self.asking(&interaction.client).await;
                self.view.client = Some(Asking { host: place_of(&interaction.redirect_uri), ..asking });
                Ok(Asked::Application(Box::new(interaction)))
            }
            settled => Ok(Asked::Elsewhere(answer::follow(self, settled)?)),
        }
    }

    /// An application as people see it, with its picture.
    pub(super) async fn asking(&self, client: &Client) -> Asking {
        let pictured = self.site.facade.identity.clients().picture(client).await.is_some();
        Asking { logo: pictured.then(|| assets::logo_url(client)), ..Asking::of(client) }
    }

    /// The address that was last given on a page of this browser.
    pub(super) fn address(&self) -> Option<Email> {
        let kept = self.site.facade.cookies.plain(&self.headers, Name::Address)?;
        Email::parse(&kept).ok()
    }

    /// Keeps an address for the pages that follow.
    pub(super) fn keep_address(&self, response: &mut Response, email: &Email) {
        let cookies = &self.site.facade.cookies;
        cookies.set(response.headers_mut(), Name::Address, &encode(email.as_str()), Some(ADDRESS_KEPT));
    }

    /// The value of the cookie that lets this browser be signed in by a verification.
    pub(super) fn flow(&self) -> Option<String> {
        self.site.facade.cookies.plain(&self.headers, Name::EmailFlow)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.remove().ok_or_else(|| Error::internal("a page was mounted outside of its gate").into())
    }
}
