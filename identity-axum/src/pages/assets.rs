//! The files beside the pages: one stylesheet, and a script that no page needs.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};
use identity_core::crypto::hmac::Key;

const STYLE: &str = include_str!("../../assets/app.css");
const SCRIPT: &str = include_str!("../../assets/enhance.js");

/// Where the files are, each with a version that changes with its content.
pub(super) static STYLE_URL: LazyLock<String> = LazyLock::new(|| format!("/ui/assets/app.css?v={}", version(STYLE)));
pub(super) static SCRIPT_URL: LazyLock<String> =
    LazyLock::new(|| format!("/ui/assets/enhance.js?v={}", version(SCRIPT)));

fn version(content: &str) -> String {
    let digest = Key::new(b"assets").sign(content.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
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
