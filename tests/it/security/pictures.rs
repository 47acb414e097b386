//! Pictures that others bring, as they are shown from here.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{RelyingParty, TestApp};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::over_http::address;

type Upload = (&'static str, &'static str, &'static [u8]);

const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script></svg>";
const HTML: &[u8] = b"<!doctype html><html><script>alert(1)</script></html>";

/// What is no picture: the name, the type that its server says, the bytes.
const NONE: [Upload; 12] = [
    ("drawing.svg", "image/svg+xml", SVG),
    ("drawing.png", "image/png", SVG),
    (
        "declared.svg",
        "image/svg+xml",
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    ),
    ("marked.svg", "image/svg+xml", b"\xef\xbb\xbf<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("page.png", "text/html", HTML),
    ("page.gif", "image/gif", HTML),
    ("late.png", "image/png", b" \x89PNG\r\n\x1a\n<script>alert(1)</script>"),
    ("script.js", "text/javascript", b"alert(1)"),
    ("sheet.pdf", "application/pdf", b"%PDF-1.4 <script>alert(1)</script>"),
    ("flash.swf", "image/gif", b"FWS\x09"),
    ("icon.ico", "image/x-icon", b"\0\0\x01\0<script>"),
    ("empty.png", "image/png", b""),
];

/// What is a picture and something else at once, with the type that it has.
const BOTH: [(Upload, &str); 5] = [
    (("script.gif", "text/javascript", b"GIF89a=0;alert(1)//\0\0;"), "image/gif"),
    (("page.gif", "text/html", b"GIF89a<html><script>alert(1)</script>"), "image/gif"),
    (("page.png", "text/html; charset=utf-8", b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>"), "image/png"),
    (("drawing.jpg", "image/svg+xml", b"\xff\xd8\xff\xe0<svg onload='alert(1)'/>"), "image/jpeg"),
    (("script.webp", "application/javascript", b"RIFF\0\0\0\0WEBP*/;alert(1)"), "image/webp"),
];

async fn upload(State(all): State<Vec<Upload>>, Path((number, _)): Path<(usize, String)>) -> Response {
    match all.get(number) {
        Some((_, kind, bytes)) => ([("content-type", *kind)], *bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Case 91: what is shown as a picture is one and nothing else, whatever its name or its server says.
#[tokio::test]
async fn a_picture_that_is_something_else_is_not_shown_or_is_only_a_picture() {
    let all: Vec<Upload> = NONE.into_iter().chain(BOTH.map(|(upload, _)| upload)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    let routes = Router::new().route("/{number}/{name}", get(upload)).with_state(all.clone());
    serving.spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let app = TestApp::builder().config(|config| config.oauth.outbound.allow_private = true).start().await;
    let visitor = app.actor("visitor");
    for (number, (name, said, bytes)) in all.iter().enumerate() {
        let place = format!("{base}/{number}/{name}");
        let party = RelyingParty::with(&app, &format!("app{number}"), AuthMethod::None, |metadata, _| {
            metadata.logo_uri = Some(place.clone());
        })
        .await;
        let kind = number.checked_sub(NONE.len()).and_then(|both| BOTH.get(both)).map(|(_, kind)| *kind);
        let page = visitor.visits(&address(&party.ask())).await.at("/ui/login");
        assert_eq!(page.tags().iter().any(|tag| tag.name == "img"), kind.is_some(), "{name} as {said}");
        assert!(!page.reply.text().contains(&base), "{name}");
        let reply = visitor.opens(&format!("/ui/logo?client_id=app{number}")).await;
        let Some(kind) = kind else {
            assert_eq!(reply.status, 404, "{name} as {said}");
            assert!(!reply.text().contains("alert(1)"), "{name} as {said}");
            continue;
        };
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, Some(kind)), "{name} as {said}");
        assert_eq!(reply.body, *bytes);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{name}");
        assert_eq!(reply.header("content-disposition"), Some("attachment; filename=\"logo\""), "{name}");
        let policy: Vec<&str> = reply.header("content-security-policy").unwrap().split("; ").collect();
        assert!(policy.contains(&"default-src 'none'") && policy.contains(&"sandbox"), "{name}: {policy:?}");
        assert!(reply.cookies().is_empty(), "{name}");
    }
    // The picture of a user is an address, never bytes that are served from here.
    let ann = app.user("ann").await;
    for bytes in ["data:image/svg+xml,<svg/>", "data:image/svg+xml;base64,PHN2Zy8+", "data:text/html,x"] {
        ann.post("/update-user", json!({ "image": bytes })).await.expect_error(400, "VALIDATION_ERROR");
    }
    let upload =
        ann.request(http::Method::POST, "/update-user").header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(ann.send(upload.body("--x\r\n\r\n--x--")).await.status, 415);
}
