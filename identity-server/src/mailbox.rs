//! `/dev/mailbox`: on this machine alone, mails are shown instead of being sent.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::SecondsFormat;
use http::{HeaderMap, HeaderValue, header};
use identity_axum::middleware::host::Hosts;
use identity_axum::{Api, Code, Error, Failure};
use identity_core::mail::{Mail, MailError, MailTransport};
use identity_core::time::{Clock, Timestamp};
use serde::Serialize;

use crate::page::{escape, escape_with_links, page};

/// The path of the mailbox.
pub(crate) const PATH: &str = "/dev/mailbox";

/// Older mails are forgotten.
const KEPT: usize = 200;

/// The last mails, newest first. Clones share them.
#[derive(Clone)]
pub(crate) struct Mailbox {
    mails: Arc<Mutex<VecDeque<Received>>>,
    clock: Arc<dyn Clock>,
    url: String,
    hosts: Hosts,
}

struct Received {
    mail: Mail,
    at: Timestamp,
}

impl Mailbox {
    /// An empty mailbox of the server at `base_url`, which leads to this machine.
    pub(crate) fn new(base_url: &str, clock: Arc<dyn Clock>) -> identity_core::Result<Self> {
        let hosts = Hosts::new(base_url, &[])?;
        Ok(Self { mails: Arc::default(), clock, url: format!("{base_url}{PATH}"), hosts })
    }

    /// The route of the mailbox.
    pub(crate) fn routes(&self) -> Router {
        Router::new().route(PATH, get(show)).with_state(self.clone())
    }

    fn with_mails<T>(&self, read: impl FnOnce(&mut VecDeque<Received>) -> T) -> T {
        read(&mut self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a request comes from this machine and means it: a page elsewhere cannot reach the mailbox through a name
    /// that it points here, and what a proxy forwards is for others.
    fn answers(&self, request: &Request) -> bool {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let forwarded = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
        peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
            && !forwarded.iter().any(|name| request.headers().contains_key(*name))
            && self.hosts.answer_request(request.uri(), request.headers())
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("url", &self.url).finish_non_exhaustive()
    }
}

#[async_trait]
impl MailTransport for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let received = Received { mail: mail.clone(), at: self.clock.now() };
        self.with_mails(|mails| {
            mails.truncate(KEPT - 1);
            mails.push_front(received);
        });
        tracing::info!(to = %mail.to, mailbox = self.url, "a mail is in the mailbox");
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    to: String,
    subject: String,
    text: String,
    html: String,
    purpose: &'static str,
    sent_at: String,
}

impl Item {
    fn new(received: &Received) -> Self {
        let Mail { purpose, to, subject, text, html } = &received.mail;
        Self {
            to: to.as_str().to_owned(),
            subject: subject.clone(),
            text: text.clone(),
            html: html.clone(),
            purpose: purpose.id(),
            sent_at: received.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }
}

async fn show(State(mailbox): State<Mailbox>, request: Request) -> Result<Response, Failure<Api>> {
    if !mailbox.answers(&request) {
        return Err(Error::new(Code::NotFound).into());
    }
    let items: Vec<Item> = mailbox.with_mails(|mails| mails.iter().map(Item::new).collect());
    if wants_json(request.headers()) {
        return Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(items)).into_response());
    }
    Ok(page("Mailbox", &body(&items)))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().split(';').next().is_some_and(|kind| kind == "application/json"))
}

fn body(items: &[Item]) -> String {
    let mut html = String::from(
        "<p class=\"notice\"><strong>Development only.</strong> No mail leaves this machine. This page does not exist in \
         production.</p>\n<header><h1>Mailbox</h1>",
    );
    let _ = match items.len() {
        0 => writeln!(html, "<p class=\"lede\">No mail yet. Sign up, and reload this page.</p></header>"),
        1 => writeln!(html, "<p class=\"lede\">1 message</p></header>"),
        count => writeln!(html, "<p class=\"lede\">{count} messages, newest first</p></header>"),
    };
    for item in items {
        let _ = writeln!(
            html,
            "<article class=\"card\"><h2>{subject}</h2><p class=\"small\">To {to}, <time datetime=\"{at}\">{at}</time>, \
             {purpose}</p>\n<pre>{text}</pre>\n<details><summary class=\"small\">HTML part</summary>\
             <iframe title=\"HTML part\" sandbox=\"allow-popups allow-popups-to-escape-sandbox\" \
             srcdoc=\"&lt;base target=_blank&gt;{html}\"></iframe></details></article>",
            subject = escape(&item.subject),
            to = escape(&item.to),
            at = escape(&item.sent_at),
            purpose = escape(item.purpose),
            text = escape_with_links(&item.text),
            html = escape(&item.html),
        );
    }
    html
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::StatusCode;
    use identity_core::mail::Purpose;
    use identity_core::text::Email;
    use identity_core::time::SystemClock;
    use tower::ServiceExt as _;

    use super::*;

    async fn mailbox(count: usize) -> Mailbox {
        let mailbox = Mailbox::new("http://localhost:8888", Arc::new(SystemClock)).unwrap();
        for number in 0..count {
            let mail = Mail {
                purpose: Purpose::VerifyEmail,
                to: Email::parse("ann@example.com").unwrap(),
                subject: format!("Mail {number} <script>"),
                text: String::from("open https://x.example/?a&b"),
                html: String::from("<p onclick=\"x\">hi</p>"),
            };
            mailbox.send(&mail).await.unwrap();
        }
        mailbox
    }

    async fn get(mailbox: &Mailbox, peer: Option<&str>, host: &str, accept: &str) -> (StatusCode, String) {
        let mut request =
            Request::get(PATH).header(header::HOST, host).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        }
        let response = mailbox.routes().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_answers_this_machine_only() {
        let mailbox = mailbox(1).await;
        for (peer, host) in
            [("127.0.0.1:5", "localhost:8888"), ("[::1]:5", "127.0.0.1:8888"), ("[::ffff:127.0.0.1]:5", "[::1]:8888")]
        {
            assert_eq!(get(&mailbox, Some(peer), host, "").await.0, StatusCode::OK, "{peer} {host}");
        }
        for (peer, host) in [
            (Some("192.0.2.1:5"), "localhost:8888"),
            (Some("127.0.0.1:5"), "id.example.com"),
            (Some("127.0.0.1:5"), "rebound.example:8888"),
            (None, "localhost:8888"),
        ] {
            assert_eq!(get(&mailbox, peer, host, "").await.0, StatusCode::NOT_FOUND, "{peer:?} {host}");
        }
    }

    #[tokio::test]
    async fn json_lists_the_newest_first_and_forgets_the_oldest() {
        let mailbox = mailbox(KEPT + 5).await;
        let (_, text) = get(&mailbox, Some("127.0.0.1:5"), "localhost", "application/json").await;
        let mails: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(mails.len(), KEPT);
        assert_eq!(mails[0]["subject"], "Mail 204 <script>");
        assert_eq!(mails[KEPT - 1]["subject"], "Mail 5 <script>");
        assert_eq!(mails[0]["to"], "ann@example.com");
        assert_eq!(mails[0]["purpose"], "verify_email");
        assert_eq!(mails[0]["html"], "<p onclick=\"x\">hi</p>");
        assert!(mails[0]["sentAt"].as_str().unwrap().ends_with('Z'));
    }

    #[tokio::test]
    async fn the_page_runs_nothing_that_a_mail_brings() {
        let (_, html) = get(&mailbox(1).await, Some("127.0.0.1:5"), "localhost", "text/html,*/*").await;
        assert!(html.contains("Mail 0 &lt;script&gt;"), "{html}");
        assert!(html.contains("srcdoc=\"&lt;base target=_blank&gt;&lt;p onclick=&quot;x&quot;&gt;hi"), "{html}");
        assert!(html.contains("href=\"https://x.example/?a&amp;b\""), "{html}");
        assert!(!html.contains("<script"));
    }
}
