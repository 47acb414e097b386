//! The few pages that the server has itself, without scripts or files besides them.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, header};

/// Allows the styles in the page, and in the mails that it frames, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

const STYLE: &str = "\
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent);--brand:#2f6f4f}\
@media(prefers-color-scheme:dark){:root{--brand:#7cc6a0}}\
*{box-sizing:border-box}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:0}a{color:var(--brand)}p{margin:.5rem 0}\
.notice{border:1px solid var(--line);border-left:.3rem solid #c2410c;border-radius:.4rem;padding:.5rem .9rem;margin:0 0 1.5rem}\
.lede,.small{color:color-mix(in srgb,currentColor 65%,transparent)}.small{font-size:.875rem}\
.card{border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.75rem 0 0}\
iframe{width:100%;height:26rem;border:1px solid var(--line);border-radius:.4rem;background:#fff;margin-top:.5rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.4rem 1.5rem}dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}";

/// A whole page. `body` is HTML; the title is text.
pub(crate) fn page(title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n",
        escape(title)
    );
    let headers =
        [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, Html(html)).into_response()
}

/// Text as it stands in HTML, in an element or a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text as it stands in HTML, with its http and https URLs as links.
pub(crate) fn escape_with_links(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for word in text.split_inclusive(char::is_whitespace) {
        let url = word.trim_end();
        let space = word.get(url.len()..).unwrap_or_default();
        let url = escape(url);
        if url.starts_with("http://") || url.starts_with("https://") {
            html.push_str("<a rel=\"noreferrer\" href=\"");
            html.push_str(&url);
            html.push_str("\">");
            html.push_str(&url);
            html.push_str("</a>");
        } else {
            html.push_str(&url);
        }
        html.push_str(space);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_element_or_attribute() {
        assert_eq!(escape(r#"<a b="c" d='e'>&"#), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }

    #[test]
    fn urls_become_links_and_nothing_else_does() {
        let html = escape_with_links("see https://x.example/?a=1&b=\"2\" or\njavascript:alert(1) <b>");
        assert_eq!(
            html,
            "see <a rel=\"noreferrer\" href=\"https://x.example/?a=1&amp;b=&quot;2&quot;\">\
             https://x.example/?a=1&amp;b=&quot;2&quot;</a> or\njavascript:alert(1) &lt;b&gt;"
        );
    }
}
