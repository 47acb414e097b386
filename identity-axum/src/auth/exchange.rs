//! One question to the trust anchor over HTTP, and what came back.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use axum::BoxError;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Method, StatusCode};
use identity_core::{Code, Error, Result};
use reqwest::redirect;
use url::Url;

const MOST_BYTES: usize = 64 * 1024;
/// How long clients are told to wait when the anchor does not say; and the longest that it may say.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The HTTP client: redirects are not followed and the proxy variables of the environment are not read, so no credential reaches
/// another host.
#[derive(Clone)]
pub(super) struct Exchange {
    client: reqwest::Client,
    timeout: Duration,
    retry: bool,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("timeout", &self.timeout).field("retry", &self.retry).finish_non_exhaustive()
    }
}

/// What came back: headers and body only of a success, all that is read of a refusal is its status and its wait.
pub(super) enum Reply {
    Success(HeaderMap, Vec<u8>),
    Refusal(StatusCode, Option<Duration>),
}

impl Exchange {
    #[expect(clippy::disallowed_methods, reason = "the operator names the anchor, which may be inside of the network")]
    pub(super) fn new(scheme: &str, timeout: Duration, retry: bool) -> Result<Self> {
        let mut client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeout);
        if scheme == "http" {
            // An anchor on plain http needs no certificates, and a bare machine has none.
            client = client.tls_certs_only([]);
        }
        Ok(Self { client: client.build().map_err(Error::internal)?, timeout, retry })
    }

    /// A question: it changes nothing, so it may be asked again.
    pub(super) async fn ask(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<String>,
    ) -> Result<Reply> {
        self.exchange(method, url, headers, body, self.retry).await
    }

    /// Something that is to be done once.
    pub(super) async fn tell(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<String>,
    ) -> Result<Reply> {
        self.exchange(method, url, headers, body, false).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<String>,
        retry: bool,
    ) -> Result<Reply> {
        // On the heap: a request whose token can be verified without asking anybody carries the room for this too.
        self.in_time(Box::pin(async {
            let send = || {
                let request = self.client.request(method.clone(), url.clone()).headers(headers.clone());
                body.iter().fold(request, |request, body| request.body(body.clone())).send()
            };
            let response = match send().await {
                Err(error) if retry && !error.is_timeout() => send().await,
                first => first,
            };
            read(response.map_err(unavailable)?).await
        }))
        .await
    }

    /// Gives up what takes longer than a call may take.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = tokio::time::timeout(self.timeout, work).await;
        done.map_err(|_| unavailable(format!("no answer within {:?}", self.timeout)))?
    }
}

async fn read(mut response: reqwest::Response) -> Result<Reply> {
    if !response.status().is_success() {
        return Ok(Reply::Refusal(response.status(), wait(response.headers())));
    }
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(unavailable("the answer is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply::Success(headers, body))
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

/// What a refusal of the anchor means for clients: an outage, whatever it refuses.
pub(super) fn refused(status: StatusCode, wait: Option<Duration>) -> Error {
    let hint = match status {
        StatusCode::FORBIDDEN => ": does it know this service credential?",
        StatusCode::MISDIRECTED_REQUEST => ": is the host of the anchor URL among its allowed hosts?",
        StatusCode::NOT_FOUND => ": is the base path right?",
        _ if status.is_redirection() => ": redirects are not followed",
        _ => "",
    };
    unavailable(format!("the trust anchor answered {status}{hint}")).retry_after(wait.unwrap_or(SHORTEST_WAIT))
}

pub(super) fn unavailable(cause: impl Into<BoxError>) -> Error {
    Error::new(Code::AnchorUnavailable).retry_after(SHORTEST_WAIT).caused_by(cause)
}
