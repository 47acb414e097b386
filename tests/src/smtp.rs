//! A mail server that keeps what it is given, and that can be switched off and on again.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::letter::Letter;

/// How long a test waits for a mail.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail server on a loopback port of its own.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    inbox: Arc<Inbox>,
    running: Option<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct Inbox {
    letters: Mutex<Vec<Letter>>,
    arrived: Notify,
}

impl SmtpSink {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let mut sink = Self { address, inbox: Arc::default(), running: None };
        sink.listen(listener);
        sink
    }

    /// Where it listens, as `mail.smtp_url` is configured.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Closes the port and every connection; mails already received stay.
    pub async fn stop(&mut self) {
        if let Some(mut tasks) = self.running.take() {
            tasks.shutdown().await;
        }
    }

    /// Listens again on the same port.
    pub async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still free");
        self.listen(listener);
    }

    /// All mails so far, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Letter> {
        self.inbox.letters.lock().expect("no test panicked with it").clone()
    }

    /// All mails to one address so far, oldest first.
    #[must_use]
    pub fn letters_to(&self, address: &str) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.to == address).collect()
    }

    /// The mail number `index` (from zero) to an address, once it is there.
    ///
    /// # Panics
    /// When it does not arrive in time.
    pub async fn letter_to(&self, address: &str, index: usize) -> Letter {
        let waiting = async {
            loop {
                let arrived = self.inbox.arrived.notified();
                if let Some(letter) = self.letters_to(address).get(index) {
                    return letter.clone();
                }
                arrived.await;
            }
        };
        let letter = tokio::time::timeout(PATIENCE, waiting).await;
        letter.unwrap_or_else(|_| panic!("mail {index} to {address} did not arrive; there are {:?}", self.letters()))
    }

    fn listen(&mut self, listener: TcpListener) {
        let inbox = Arc::clone(&self.inbox);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // The conversations live and end with this task.
            let mut conversations = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, Arc::clone(&inbox)));
            }
        });
        self.running = Some(tasks);
    }
}

/// One client; a client that hangs up in the middle has sent nothing.
async fn converse(stream: TcpStream, inbox: Arc<Inbox>) {
    let mut stream = BufStream::new(stream);
    let mut recipients: Vec<String> = Vec::new();
    if answer(&mut stream, "220 sink ESMTP").await.is_none() {
        return;
    }
    while let Some(line) = line(&mut stream).await {
        let reply = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "RCPT" => {
                recipients.extend(line.split(['<', '>']).nth(1).map(str::to_owned));
                "250 OK"
            }
            "DATA" => {
                let Some(message) = message(&mut stream).await else { return };
                let letters = recipients.drain(..).map(|to| Letter::read(&to, &message));
                inbox.letters.lock().expect("no test panicked with it").extend(letters);
                inbox.arrived.notify_waiters();
                "250 Kept"
            }
            "HELO" | "MAIL" | "RSET" | "NOOP" => "250 OK",
            "QUIT" => "221 Bye",
            _ => "502 Not here",
        };
        if answer(&mut stream, reply).await.is_none() {
            return;
        }
    }
}

async fn message(stream: &mut BufStream<TcpStream>) -> Option<String> {
    answer(stream, "354 Go on").await?;
    let mut lines = Vec::new();
    loop {
        match line(stream).await?.as_str() {
            "." => return Some(lines.join("\r\n")),
            text => lines.push(text.strip_prefix('.').unwrap_or(text).to_owned()),
        }
    }
}

async fn line(stream: &mut BufStream<TcpStream>) -> Option<String> {
    let mut text = String::new();
    let read = stream.read_line(&mut text).await.ok()?;
    (read > 0).then(|| text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn answer(stream: &mut BufStream<TcpStream>, reply: &str) -> Option<()> {
    stream.write_all(reply.as_bytes()).await.ok()?;
    stream.write_all(b"\r\n").await.ok()?;
    stream.flush().await.ok()
}
