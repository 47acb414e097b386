//! Answers: a page with the headers that keep it to itself, or the way to the next one.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity_core::{Error, Result};

use super::view::{Pending, View};

/// What a handler returns. The gate writes failures in the language of the visitor.
pub(super) type Reply = Result<Response, Failed>;

/// A failure that has not become a page yet.
#[derive(Clone, Debug)]
pub(super) struct Failed(pub(super) std::sync::Arc<Error>);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(std::sync::Arc::new(error))
    }
}

impl From<identity_core::Code> for Failed {
    fn from(code: identity_core::Code) -> Self {
        Error::from(code).into()
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Renders a page.
pub(super) fn page(status: StatusCode, view: &View, template: &impl Template) -> Reply {
    render(status, template, forms_of(view), false)
}

/// Renders a page whose forms may end there.
pub(super) fn page_with_forms(status: StatusCode, template: &impl Template, forms: Forms) -> Reply {
    render(status, template, forms, false)
}

/// Renders a page whose form goes to an application, by itself where scripts run.
pub(super) fn forwarding_page(template: &impl Template) -> Reply {
    render(StatusCode::OK, template, Forms::Anywhere, true)
}

/// Where the forms of a page may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forms {
    /// Here.
    Here,
    /// At the application that waits. Browsers hold every redirect that answers a form to `form-action`, those of the application
    /// included, and nobody but the application knows where they lead: the directive is left out.
    Anywhere,
}

fn forms_of(view: &View) -> Forms {
    if matches!(view.pending, Pending::Grant(_)) { Forms::Anywhere } else { Forms::Here }
}

fn render(status: StatusCode, template: &impl Template, forms: Forms, scripts: bool) -> Reply {
    let html = template.render().map_err(Error::internal)?;
    let mut response = (status, Html(html)).into_response();
    let script = if scripts { "script-src 'self'; " } else { "" };
    let form = if forms == Forms::Here { "form-action 'self'; " } else { "" };
    let policy = format!(
        "default-src 'none'; style-src 'self'; {script}img-src 'self'; {form}base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    keep_private(headers);
    Ok(response)
}

/// Leads on by GET, whatever the request was (RFC 9110, section 15.4.4).
pub(super) fn see_other(location: &str) -> Reply {
    let location = HeaderValue::try_from(location).map_err(Error::internal)?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    keep_private(response.headers_mut());
    Ok(response)
}

/// Keeps an answer out of frames, caches and the logs of others, redirects included.
fn keep_private(headers: &mut HeaderMap) {
    let framed = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(framed);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
