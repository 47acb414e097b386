//! The files beside the pages: one stylesheet, a script that no page needs, and the pictures of applications.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};
use identity_core::Code;
use identity_core::id::ClientId;
use identity_core::oauth::Client;
use identity_core::token::sha256;
use url::form_urlencoded::Serializer;

use super::LOGO;
use super::reply::Reply;
use super::visit::Visit;

/// The parameter that names a client.
const CLIENT_ID: &str = "client_id";

const STYLE: &str = include_str!("../../assets/app.css");
const SCRIPT: &str = include_str!("../../assets/enhance.js");

/// Where the files are, each with a version that changes with its content.
pub(super) static STYLE_URL: LazyLock<String> = LazyLock::new(|| format!("/ui/assets/app.css?v={}", version(STYLE)));
pub(super) static SCRIPT_URL: LazyLock<String> =
    LazyLock::new(|| format!("/ui/assets/enhance.js?v={}", version(SCRIPT)));

fn version(content: &str) -> String {
    sha256(content.as_bytes()).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) async fn style(uri: Uri) -> Response {
    file(STYLE, "text/css; charset=utf-8", uri == STYLE_URL.as_str())
}

pub(super) async fn script(uri: Uri) -> Response {
    file(SCRIPT, "text/javascript; charset=utf-8", uri == SCRIPT_URL.as_str())
}

/// A file under its own version never changes; under another one it may.
fn file(content: &'static str, kind: &'static str, versioned: bool) -> Response {
    let kept = if versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, content).into_response()
}

/// Where we show the picture of a client.
pub(super) fn logo_url(client: &Client) -> String {
    let query = Serializer::new(String::new()).append_pair(CLIENT_ID, client.id.as_str()).finish();
    format!("{LOGO}?{query}")
}

/// The picture of a client, as a picture and nothing else.
pub(super) async fn logo(visit: Visit) -> Reply {
    let clients = visit.site.facade.identity.clients();
    let client = clients.find(&ClientId::from_text(visit.text(CLIENT_ID)?)).await?.ok_or(Code::NotFound)?;
    let picture = clients.picture(&client).await.ok_or(Code::NotFound)?;
    let headers = [
        (header::CONTENT_TYPE, picture.kind),
        (header::CACHE_CONTROL, "private, max-age=600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Whoever opens it by itself gets a file.
        (header::CONTENT_DISPOSITION, "attachment; filename=\"logo\""),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ];
    Ok((headers, picture.bytes.to_vec()).into_response())
}
