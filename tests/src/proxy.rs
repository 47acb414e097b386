//! A way to a server that can fall silent, as a network does: nothing is passed on any more, and nobody is told.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use url::Url;

/// A loopback port that leads to another one.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    _running: JoinSet<()>,
}

/// What becomes of connections.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// How often everything that was open has been silenced.
    silenced: usize,
    /// Whether new connections come to nothing too.
    is_cut: bool,
    /// Whether what comes is kept for later.
    is_held: bool,
}

impl Proxy {
    /// A way to the host and port of a URL.
    pub async fn to(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let host = url.host_str().expect("the URL has a host").to_owned();
        let target = (host, url.port().unwrap_or(5432));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (line, watched) = watch::channel(Line::default());
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let Ok((client, _)) = listener.accept().await else {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                };
                open.spawn(pass(client, target.clone(), watched.clone()));
            }
        });
        Self { address, line, _running: running }
    }

    /// The URL of the same thing by this way.
    #[must_use]
    pub fn url(&self, of: &str) -> String {
        let mut url = Url::parse(of).expect("a URL");
        url.set_ip_host(self.address.ip()).expect("a host can be set");
        url.set_port(Some(self.address.port())).expect("a port can be set");
        url.into()
    }

    /// Silences all connections that are open now. New ones get through.
    pub fn silence(&self) {
        self.line.send_modify(|line| line.silenced += 1);
    }

    /// Silences all connections, new ones too.
    pub fn cut(&self) {
        self.line.send_modify(|line| *line = Line { silenced: line.silenced + 1, is_cut: true, ..*line });
    }

    /// Keeps what comes from now on, in both directions.
    pub fn hold(&self) {
        self.line.send_modify(|line| line.is_held = true);
    }

    /// Passes on what was kept and what comes.
    pub fn release(&self) {
        self.line.send_modify(|line| line.is_held = false);
    }
}

/// Passes on what comes, until the line falls silent. Then the connection stays open for as long as the proxy.
async fn pass(client: TcpStream, target: (String, u16), mut line: watch::Receiver<Line>) {
    let Line { silenced, is_cut, .. } = *line.borrow();
    if !is_cut {
        let Ok(server) = TcpStream::connect(target).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (there, back) = (pump(from_client, to_server, line.clone()), pump(from_server, to_client, line.clone()));
        let mut both = std::pin::pin!(async { tokio::join!(there, back) });
        let falls_silent = async { line.wait_for(|line| line.silenced > silenced).await.is_ok() };
        tokio::select! {
            _ = &mut both => {}
            _ = falls_silent => std::future::pending().await,
        }
        return;
    }
    std::future::pending::<()>().await;
}

/// Passes on one direction.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut chunk = Vec::with_capacity(8192);
    while let Ok(1..) = from.read_buf(&mut chunk).await {
        if line.wait_for(|line| !line.is_held).await.is_err() || to.write_all(&chunk).await.is_err() {
            break;
        }
        chunk.clear();
    }
    let _ = to.shutdown().await;
}
