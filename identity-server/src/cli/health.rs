//! `health`: whether the server on this host is ready, for containers that hold no other client.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Failure, Global, print};
use crate::tls;

/// Longer than the server itself waits for its database.
const PATIENCE: Duration = Duration::from_secs(4);

const REQUEST: &[u8] = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Asks the configured listener.
pub(super) async fn run(global: &Global) -> Result<(), Failure> {
    let http = global.load().settings.http;
    let address = reachable(http.listen);
    let answer = timeout(PATIENCE, ask(address, http.tls().is_some())).await;
    let answer =
        answer.map_err(|_| Failure::new(format!("{address} does not answer within {} s", PATIENCE.as_secs())))?;
    let answer = answer.map_err(|error| Failure::new(format!("{address} does not answer: {error}")))?;
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    if status == "200" { print("ready\n") } else { Err(Failure::new(format!("{address} is not ready: {status}"))) }
}

/// An address to connect to: the unspecified one is for listening only.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The answer, as text.
async fn ask(address: SocketAddr, encrypted: bool) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    if encrypted { exchange(tls::to_this_host(address, stream).await?).await } else { exchange(stream).await }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_this_host() {
        for (listen, asked) in
            [("0.0.0.0:8888", "127.0.0.1:8888"), ("[::]:8888", "[::1]:8888"), ("10.0.0.7:80", "10.0.0.7:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
