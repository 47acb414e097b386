//! A client that knows whether a request was ever sent: what a load balancer may try again, and what nobody may.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// After this long without an answer a request counts as lost.
const PATIENCE: Duration = Duration::from_secs(40);

/// One connection to a server, opened when it is needed and kept.
#[derive(Debug)]
pub(crate) struct Wire {
    address: SocketAddr,
    site: String,
    stream: Option<TcpStream>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nobody listens: the request was never sent.
    Refused,
    /// It was sent, and what became of it is unknown.
    Broken,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// A header as text; names are compared without case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body, `null` when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The session cookie that it sets, as a request carries it.
    pub(crate) fn session_cookie(&self) -> Option<String> {
        let value = self.header("set-cookie").filter(|cookie| cookie.contains("session_token="))?;
        value.split(';').next().map(str::to_owned)
    }
}

impl Wire {
    /// A client of the server at `address`, whose public URL is `site`.
    pub(crate) fn to(address: SocketAddr, site: &str) -> Self {
        Self { address, site: site.to_owned(), stream: None }
    }

    /// Closes the connection; the next request opens another.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// GET below the Better Auth base path, or outside of it for a path that begins with `//`.
    pub(crate) async fn get(&mut self, path: &str, cookie: &str) -> Result<Answer, Lost> {
        self.send("GET", path, cookie, None).await
    }

    /// POST of JSON below the Better Auth base path.
    pub(crate) async fn post(&mut self, path: &str, cookie: &str, body: &Value) -> Result<Answer, Lost> {
        self.ask("POST", path, cookie, body).await
    }

    /// The same, again and again while it is told to come back: a machine that is busy answers in the end.
    pub(crate) async fn insist(&mut self, path: &str, cookie: &str, body: &Value) -> Result<Answer, Lost> {
        let begun = Instant::now();
        loop {
            let answer = self.post(path, cookie, body).await?;
            if answer.status != 503 || begun.elapsed() > PATIENCE {
                return Ok(answer);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Another method, once.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, cookie: &str, body: &Value) -> Result<Answer, Lost> {
        self.send(method, path, cookie, Some(body)).await
    }

    async fn send(&mut self, method: &str, path: &str, cookie: &str, body: Option<&Value>) -> Result<Answer, Lost> {
        let path = path
            .strip_prefix('/')
            .filter(|path| path.starts_with('/'))
            .map_or_else(|| format!("/api/auth{path}"), str::to_owned);
        let host = self.site.split("://").nth(1).unwrap_or_default();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nUser-Agent: shake\r\n", self.site);
        if !cookie.is_empty() {
            request.extend(["Cookie: ", cookie, "\r\n"]);
        }
        if let Some(body) = body.map(Value::to_string) {
            let length = body.len().to_string();
            request.extend(["Content-Type: application/json\r\nContent-Length: ", &length, "\r\n\r\n", &body]);
        } else {
            request.push_str("\r\n");
        }
        let mut stream = match self.stream.take().filter(is_open) {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        let exchanged = timeout(PATIENCE, exchange(&mut stream, request.as_bytes())).await;
        let answer = exchanged.ok().flatten().ok_or(Lost::Broken)?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Lost> {
    let stream = TcpStream::connect(address).await.map_err(|_| Lost::Refused)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Whether the other side has left the connection open, as far as has been heard.
fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<Answer> {
    stream.write_all(request).await.ok()?;
    let mut received = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut received).await.ok()? == 0 {
            return None;
        }
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let status = head.split_ascii_whitespace().nth(1)?.parse().ok()?;
        let mut answer = Answer { status, head, body: received[end + 4..].to_vec() };
        let length: usize = answer.header("content-length")?.parse().ok()?;
        while answer.body.len() < length {
            if stream.read_buf(&mut answer.body).await.ok()? == 0 {
                return None;
            }
        }
        return Some(answer);
    }
}
