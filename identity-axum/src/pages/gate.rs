//! What every request for a page passes before a handler sees it: the limit of its address, its fields, where it came from, and
//! whether its form is one of ours. No handler can forget a check, because none makes them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use identity_core::auth::Refresh;
use identity_core::limits::Action;
use identity_core::oauth::Params;
use identity_core::request::RequestInfo;
use identity_core::{Code, Error, Result};

use super::reply::Failed;
use super::visit::Visit;
use super::{Site, error, form};
use crate::cookie::{Name, encode};
use crate::extract::{body, request};
use crate::facade::caller;
use crate::facade::origin;
use crate::facade::session::SET_AUTH_TOKEN;
use crate::middleware::{Around, Next};

/// How long a browser keeps the language that was chosen: a year.
const LANGUAGE_KEPT: std::time::Duration = std::time::Duration::from_hours(24 * 365);

/// What the gate has to know about a page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// A page; its form has to be one of ours, and sending it counts against a limit.
    Page(Action),
    /// An endpoint that other sites send people to, by GET or with a form of their own.
    FromAnywhere,
    /// What is the same whoever asks, and still is work: it counts, and nobody is looked up.
    ForAnybody,
    /// A file for everybody.
    Free,
}

/// The middleware of one page.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    site: Arc<Site>,
    path: &'static str,
    rule: Rule,
}

impl Gate {
    pub(super) fn new(site: &Arc<Site>, path: &'static str, rule: Rule) -> Self {
        Self { site: Arc::clone(site), path, rule }
    }
}

impl Around for Gate {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        if matches!(self.rule, Rule::Free) {
            return next.run(request).await;
        }
        let (mut parts, body) = request.into_parts();
        let info =
            request::info(&parts.extensions, &parts.headers, &self.site.facade.identity.config().http.trusted_proxies);
        let (info, misplaced) = match info {
            Ok(info) => (info, None),
            Err(error) => (RequestInfo::default(), Some(error)),
        };
        let mut visit = Visit::new(&self.site, self.path, &parts, info);
        let named = form::browser(&self.site, &parts.headers);
        let new_name = named.is_none();
        let named = named.unwrap_or_else(|| self.site.facade.identity.browser_name());
        visit.view.csrf = form::proof(&self.site, &named);

        let passed = match misplaced {
            Some(error) => Err(error),
            None => check(self.rule, &mut visit, &parts.method, &parts.headers, parts.uri.query(), body).await,
        };
        let language = visit.view.asked;
        let extended = visit.caller.clone().filter(|caller| caller.resolved.extended);
        let (view, request_id) = (visit.view.clone(), visit.info.request_id.clone());
        let mut response = match passed {
            Ok(()) => {
                parts.extensions.insert(visit);
                next.run(Request::from_parts(parts, Body::empty())).await?
            }
            Err(error) => Failed::from(error).into_response(),
        };
        if let Some(Failed(failure)) = response.extensions_mut().remove() {
            let mut page = error::page(&view, request_id.as_deref(), &failure);
            // A session that was opened on the way is the browser's all the same.
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                page.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            response = page;
        }
        let (cookies, headers) = (&self.site.facade.cookies, response.headers_mut());
        if let Some(caller) = extended.filter(|_| !headers.contains_key(header::SET_COOKIE)) {
            let resolved = &caller.resolved;
            self.site.facade.set_session(headers, &caller.token, &resolved.session, &resolved.profile);
        }
        if new_name && matches!(self.rule, Rule::Page(_)) {
            cookies.set(headers, Name::Browser, &encode(&named), None);
        }
        if let Some(language) = language {
            cookies.set(headers, Name::Language, language.tag(), Some(LANGUAGE_KEPT));
        }
        // Browsers have cookies; a token in a header is for clients of the API.
        headers.remove(SET_AUTH_TOKEN);
        headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        Ok(response)
    }
}

async fn check(
    rule: Rule,
    visit: &mut Visit,
    method: &Method,
    headers: &HeaderMap,
    query: Option<&str>,
    body: Body,
) -> Result<()> {
    let facade = Arc::clone(&visit.site.facade);
    let posted = match *method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return Err(Error::new(Code::MethodNotAllowed)),
    };
    let action = match rule {
        Rule::Page(action) if posted => action,
        _ => Action::Other,
    };
    if let Some(ip) = visit.info.ip {
        facade.identity.count(action, ip).await?;
    }
    let pairs = if posted {
        posted_fields(headers, body).await?
    } else {
        body::form_pairs(query.unwrap_or_default().as_bytes())
    };
    // PostgreSQL stores no NUL character, and nobody's name has one.
    if pairs.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(Error::new(Code::InvalidInput));
    }
    let ours = posted && matches!(rule, Rule::Page(_));
    if ours {
        origin::check(&facade.origins, headers, true)?;
        let sent = pairs.iter().find(|(name, _)| name == form::FIELD).map(|(_, value)| value.as_str());
        form::check(&visit.site, headers, sent)?;
    }
    if matches!(rule, Rule::Page(_)) {
        visit.look(&pairs, posted)?;
    }
    visit.posted = posted;
    visit.fields = Params::new(pairs);
    if !matches!(rule, Rule::ForAnybody) {
        visit.caller = caller::find(&facade, headers, Refresh::Allowed).await?;
    }
    Ok(())
}

async fn posted_fields(headers: &HeaderMap, body: Body) -> Result<Vec<(String, String)>> {
    let bytes = body::read(body).await?;
    if !bytes.is_empty() && body::media_type(headers) != body::FORM {
        return Err(Error::new(Code::UnsupportedMediaType));
    }
    Ok(body::form_pairs(&bytes))
}
