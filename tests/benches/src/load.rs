//! Load over kept connections: each sends its next request when it has read the whole answer to the last one.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memmem};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::data::USER_AGENT;

/// Requests as they go over the wire, taken in turn.
pub(crate) type Requests = Arc<[Vec<u8>]>;

/// GET requests for `path`, one for each cookie.
pub(crate) fn get(path: &str, host: &str, cookies: &[String]) -> Requests {
    let request = |cookie| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\nCookie: {cookie}\r\n\r\n"
        )
    };
    cookies.iter().map(|cookie| request(cookie).into_bytes()).collect()
}

/// POST requests of JSON for `path`, one for each body.
pub(crate) fn post(path: &str, host: &str, bodies: &[String]) -> Requests {
    let request = |body: &String| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    bodies.iter().map(|body| request(body).into_bytes()).collect()
}

/// Requests with an `Authorization` header, one for each credential; a body that is not empty is a form.
pub(crate) fn with_authorization(method: &str, path: &str, host: &str, credentials: &[String], body: &str) -> Requests {
    let form = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"),
    };
    let request = |credential: &String| {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\n\
             Authorization: {credential}\r\n{form}\r\n{body}"
        )
    };
    credentials.iter().map(|credential| request(credential).into_bytes()).collect()
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Answered {
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// How long each answer took, from the shortest to the longest.
    pub(crate) latencies: Vec<Duration>,
}

impl Answered {
    fn new(begun: Instant, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self { elapsed: begun.elapsed(), latencies }
    }

    /// The latency that this share of the answers did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list of some hundred thousands"
        )]
        let place = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(place).or(self.latencies.last()).copied().unwrap_or_default()
    }
}

/// Keeps `connections` busy for `time`. An answer that is not a 200 with an object in it fails the whole load.
pub(crate) async fn run(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    time: Duration,
) -> Result<Answered> {
    let begun = Instant::now();
    let latencies = awake(keep_busy(address, requests, connections, begun + time)).await?;
    Ok(Answered::new(begun, latencies))
}

/// Sends a request every `pause` for `time`, however long the answers take, while `connections` are kept busy with requests of
/// another kind. Latencies are counted from the moment when a request was due.
pub(crate) async fn probe(
    address: SocketAddr,
    (probes, pause): (&Requests, Duration),
    (others, connections): (&Requests, usize),
    time: Duration,
) -> Result<Answered> {
    let begun = Instant::now();
    let busy = keep_busy(address, others, connections, begun + time);
    let probing = async {
        let mut client = Client::connect(address).await?;
        let mut latencies = Vec::new();
        let mut due = begun;
        for request in probes.iter().cycle() {
            due += pause;
            if due >= begun + time {
                break;
            }
            while Instant::now() < due {
                tokio::task::yield_now().await;
            }
            client.exchange(request).await?;
            latencies.push(due.elapsed());
        }
        Ok(latencies)
    };
    let (_, latencies) = awake(async { tokio::try_join!(busy, probing) }).await?;
    Ok(Answered::new(begun, latencies))
}

async fn keep_busy(
    address: SocketAddr,
    requests: &Requests,
    connections: usize,
    until: Instant,
) -> Result<Vec<Duration>> {
    let mut running = JoinSet::new();
    for number in 0..connections {
        let first = number * requests.len() / connections;
        running.spawn(Client::connect(address).await?.repeat(Arc::clone(requests), first, until));
    }
    let mut latencies = Vec::new();
    while let Some(ended) = running.join_next().await {
        latencies.append(&mut ended??);
    }
    Ok(latencies)
}

/// Whoever answers a sleeping client pays for waking it, which in a virtual machine can cost more than the answer. So the load
/// never sleeps.
async fn awake<T>(load: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = load => done,
        never = running_forever() => match never {},
    }
}

async fn running_forever() -> Infallible {
    loop {
        tokio::task::yield_now().await;
    }
}

/// The body that answers one request.
pub(crate) async fn once(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut client = Client::connect(address).await?;
    client.exchange(request).await?;
    Ok(client.body.clone())
}

struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    body: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(8192), body: Vec::new() })
    }

    async fn repeat(mut self, requests: Requests, first: usize, until: Instant) -> Result<Vec<Duration>> {
        let mut latencies = Vec::with_capacity(1 << 16);
        let mut sent = Instant::now();
        for request in requests.iter().cycle().skip(first) {
            if sent >= until {
                break;
            }
            self.exchange(request).await?;
            let answered = Instant::now();
            latencies.push(answered - sent);
            sent = answered;
        }
        Ok(latencies)
    }

    /// Sends a request and reads the answer into `body`.
    async fn exchange(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            // Vectorized: the load shall not be slower than what it measures.
            let Some(end) = memmem::find(&self.received, b"\r\n\r\n") else { continue };
            let (head, rest) = self.received.split_at(end);
            let body = rest.get(4..).unwrap_or_default();
            if body.len() < content_length(head)? {
                continue;
            }
            if !head.starts_with(b"HTTP/1.1 200") || !body.starts_with(b"{") {
                let answer = String::from_utf8_lossy(&self.received).into_owned();
                return Err(format!("this is no good answer:\n{answer}").into());
            }
            self.body.clear();
            self.body.extend_from_slice(body);
            return Ok(());
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    const NAME: &[u8] = b"content-length:";
    let value = memchr_iter(b'\n', head).find_map(|end_of_line| {
        let (name, value) = head.get(end_of_line + 1..)?.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then(|| value.split(|byte| *byte == b'\r').next()).flatten()
    });
    Ok(std::str::from_utf8(value.ok_or("an answer without a length")?)?.trim().parse()?)
}
