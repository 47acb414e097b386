//! The few pages that the API itself shows: a confirmation before a link acts, and the page that errors lead to.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};
use url::Url;

use super::gate::Passed;
use super::reply::no_store;
use crate::facade::Facade;

/// Asks whether an address shall really be changed.
pub(super) fn confirm_email_change(
    facade: &Facade,
    new_email: &str,
    token: &str,
    callback_url: Option<&str>,
) -> Response {
    let text = format!("Change the e-mail address of your account to <strong>{}</strong>?", escape(new_email));
    confirm(
        facade,
        "verify-email",
        &Question { title: "Change e-mail address", text: &text, button: "Change address" },
        token,
        callback_url,
    )
}

/// Asks whether an account shall really be deleted.
pub(super) fn confirm_deletion(facade: &Facade, email: &str, token: &str, callback_url: Option<&str>) -> Response {
    let text = format!("Delete the account of <strong>{}</strong> for good? This cannot be undone.", escape(email));
    confirm(
        facade,
        "delete-user/callback",
        &Question { title: "Delete account", text: &text, button: "Delete account" },
        token,
        callback_url,
    )
}

struct Question<'a> {
    title: &'a str,
    /// Escaped.
    text: &'a str,
    button: &'a str,
}

fn confirm(
    facade: &Facade,
    endpoint: &str,
    question: &Question<'_>,
    token: &str,
    callback_url: Option<&str>,
) -> Response {
    let action = format!("{}/{endpoint}", facade.identity.config().http.base_path);
    let callback = callback_url.map(|url| hidden("callbackURL", url)).unwrap_or_default();
    let body = format!(
        "<p>{}</p><form method=\"post\" action=\"{}\">{}{callback}<button id=\"confirm\">{}</button></form>",
        question.text,
        escape(&action),
        hidden("token", token),
        escape(question.button),
    );
    // Chrome holds the redirect that answers a form to `form-action` as well, so the place it leads to has to be named.
    let leads_to = callback_url.and_then(|url| Url::parse(url).ok()).map(|url| url.origin().ascii_serialization());
    show(question.title, &body, &format!("'self' {}", leads_to.filter(|origin| origin != "null").unwrap_or_default()))
}

/// The page that failed redirects end at when the application gave no other.
pub(super) async fn error(passed: Passed) -> Response {
    let code = passed.query_text("error").unwrap_or("UNKNOWN");
    let known = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let code = if known { code } else { "UNKNOWN" };
    let body =
        format!("<p>Something went wrong. Go back to the application and try again.</p><p><code>{code}</code></p>");
    show("Error", &body, "'none'")
}

fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
}

fn show(title: &str, body: &str, form_action: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\"><title>{title}</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}}\
         button{{font:inherit;padding:.5rem 1rem}}</style><main><h1>{title}</h1>{body}</main></html>"
    );
    let mut response = Html(page).into_response();
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}"
    );
    let headers = response.headers_mut();
    no_store(headers);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
