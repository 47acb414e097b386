//! Mail over SMTP, through lettre.

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test waits for the tasks it starts")]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tokio::time::{Instant, timeout};
use url::Url;

use super::{Mail, MailError, MailTransport};
use crate::entropy::{OsEntropy, alphanumeric};
use crate::secret::Secret;
use crate::time::{Clock as _, SystemClock};

/// For connecting, greeting, encrypting and signing in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For the four commands of one mail.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Servers close idle connections after minutes; a new one is cheap by then.
const KEEP_IDLE: Duration = Duration::from_mins(1);
const MAX_IDLE: usize = 4;

/// Hands mail to an SMTP server and keeps a few connections to it open.
///
/// lettre's own pool is not used: it takes back a connection on which a command was given up, and the late answer to
/// that command is then read as the answer to the next one.
pub struct SmtpTransport {
    server: Server,
    from: Mailbox,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    hello: ClientId,
}

enum Encryption {
    /// TLS from the first byte (RFC 8314).
    Implicit(TlsParameters),
    /// `STARTTLS` (RFC 3207), and nothing else is said before it.
    Required(TlsParameters),
    None,
}

impl SmtpTransport {
    /// Reads `smtps://user:password@host:port` or `smtp://...`; user and password are percent-encoded.
    ///
    /// `smtps` is TLS from the start, on port 465. `smtp` requires `STARTTLS` on port 587, except that a loopback host
    /// is spoken to in the clear on port 25. `?tls=none` gives up encryption, `?tls=required` asks a loopback host for it.
    /// `from` is the sender, as `no-reply@example.com` or `Example <no-reply@example.com>`. Nothing is connected yet.
    ///
    /// # Errors
    /// One sentence that names the setting and shows nothing of the password.
    pub fn new(url: &Secret<String>, from: &str) -> Result<Self, String> {
        let from: Mailbox = from
            .parse()
            .map_err(|_| "mail.from must be an address, such as Example <no-reply@example.com>.".to_owned())?;
        let server = Server::parse(url.expose(), &from).map_err(|problem| format!("mail.smtp_url {problem}."))?;
        Ok(Self { server, from, idle: Mutex::new(Vec::new()) })
    }

    /// The mail as bytes, with its envelope.
    fn compose(&self, mail: &Mail) -> Result<lettre::Message, MailError> {
        let to = mail.to.as_str().parse().map_err(MailError::permanent)?;
        let id = format!("<{}@{}>", alphanumeric(&OsEntropy, 32), self.from.email.domain());
        lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.as_str())
            .date(SystemClock.now().into())
            .message_id(Some(id))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(MailError::permanent)
    }

    /// A connection that answers: an idle one, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailError> {
        while let Some(Idle { mut connection, since }) = self.take() {
            if since.elapsed() < KEEP_IDLE && timeout(CONNECT_TIMEOUT, connection.test_connected()).await == Ok(true) {
                return Ok(connection);
            }
        }
        // Whatever the server says before it has heard of the mail is not about the mail.
        let connected = timeout(CONNECT_TIMEOUT, self.server.connect()).await.map_err(MailError::transient)?;
        connected.map_err(|error| MailError::transient(error.to_string()))
    }

    fn take(&self) -> Option<Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| kept.since.elapsed() < KEEP_IDLE);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

#[async_trait]
impl MailTransport for SmtpTransport {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.compose(mail)?;
        let mut connection = self.connection().await?;
        // A connection is kept only after a whole exchange; when this future is dropped, so is the connection.
        let sent = timeout(SEND_TIMEOUT, connection.send(message.envelope(), &message.formatted())).await;
        sent.map_err(MailError::transient)?.map_err(|error| refusal(&error))?;
        self.keep(connection);
        Ok(())
    }
}

impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport")
            .field("host", &self.server.host)
            .field("port", &self.server.port)
            .field("from", &self.from.email)
            .finish_non_exhaustive()
    }
}

impl Server {
    fn parse(url: &str, from: &Mailbox) -> Result<Self, &'static str> {
        let url = Url::parse(url).map_err(|_| "must be a URL, such as smtps://user:password@mail.example.com")?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("must name a host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("must end after the host and port");
        }
        let mut tls = None;
        for (key, value) in url.query_pairs() {
            tls = match (key.as_ref(), value.as_ref()) {
                ("tls", "none") => Some(false),
                ("tls", "required") => Some(true),
                _ => return Err("knows only ?tls=none and ?tls=required"),
            };
        }
        let parameters = || TlsParameters::new(host.clone()).map_err(|_| "names a host that no certificate can name");
        let (encryption, port) = match (url.scheme(), tls.unwrap_or(!is_loopback(&host))) {
            ("smtps", _) if tls == Some(false) => return Err("cannot be smtps:// with ?tls=none"),
            ("smtps", _) => (Encryption::Implicit(parameters()?), 465),
            ("smtp", true) => (Encryption::Required(parameters()?), 587),
            ("smtp", false) => (Encryption::None, 25),
            _ => return Err("must begin with smtp:// or smtps://"),
        };
        if matches!(encryption, Encryption::None) && !is_loopback(&host) {
            tracing::warn!(host, "mail leaves without encryption: links and codes can be read on the way");
        }
        let credentials = match (decoded(url.username())?, decoded(url.password().unwrap_or_default())?) {
            (user, _) if user.is_empty() => None,
            (user, password) => Some(Credentials::new(user, password)),
        };
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { host, port: url.port().unwrap_or(port), encryption, credentials, hello })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let implicit = match &self.encryption {
            Encryption::Implicit(parameters) => Some(parameters.clone()),
            Encryption::Required(_) | Encryption::None => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, implicit, None).await?;
        if let Encryption::Required(parameters) = &self.encryption {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| "has a user or password that is not UTF-8")?;
    Ok(text.into_owned())
}

/// Answers to our signing in (RFC 4954, section 6), not to the mail.
const NOT_SIGNED_IN: [&str; 4] = ["530", "534", "535", "538"];

fn refusal(error: &lettre::transport::smtp::Error) -> MailError {
    let signed_in = error.status().is_none_or(|status| !NOT_SIGNED_IN.contains(&status.to_string().as_str()));
    if error.is_permanent() && signed_in {
        MailError::permanent(error.to_string())
    } else {
        MailError::transient(error.to_string())
    }
}

/// Tells vacation responders to keep quiet (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
