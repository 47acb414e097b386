//! Requests to what strangers name: key sets, lists of redirect URIs, pictures, and addresses that want to hear of a logout.
//!
//! A stranger may name anything, so nothing inside of our own networks is reached, whatever a name resolves to and whenever it resolves
//! to it.

mod address;
mod cache;
mod keys;
mod pictures;

use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect};
use tokio::net::lookup_host;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::{Host, Url, form_urlencoded};

use self::address::is_public;
use self::cache::Cache;
use crate::config::OutboundOptions;
use crate::jwt::KeySet;

pub(crate) use keys::Want;
pub use pictures::Picture;

/// How long a request may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest document that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// Requests at once; more wait, within the same time.
const MOST_AT_ONCE: usize = 32;

/// The requests of this identity to addresses that strangers name.
#[derive(Debug)]
pub(crate) struct Outbound {
    options: OutboundOptions,
    further: Vec<Certificate>,
    /// Made by the first request: most identities never make one.
    client: OnceLock<Client>,
    permits: Semaphore,
    /// The key sets that were fetched.
    key_sets: Cache<Arc<KeySet>>,
    /// The pictures that were fetched.
    pictures: Cache<Picture>,
}

/// Why a request came to nothing. For the log alone: a stranger must not learn from it what there is inside of our networks.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The URL is none that is fetched.
    Url,
    /// The address is none that is reached.
    Address,
    /// There was no answer, or none in time.
    Request(reqwest::Error),
    /// There was no answer in time.
    Late,
    /// The answer has another status than 200.
    Status(u16),
    /// The answer is too long.
    TooLong,
    /// The answer is not what was expected.
    Content,
    /// It is too early to ask again.
    Early,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("the URL is none that is fetched"),
            Self::Address => f.write_str("the address is none that is reached"),
            Self::Request(error) => {
                write!(f, "{error}")?;
                let mut cause = std::error::Error::source(error);
                while let Some(next) = cause {
                    write!(f, ": {next}")?;
                    cause = next.source();
                }
                Ok(())
            }
            Self::Late => f.write_str("there was no answer in time"),
            Self::Status(status) => write!(f, "the answer was {status}"),
            Self::TooLong => f.write_str("the answer is too long"),
            Self::Content => f.write_str("the answer is not what was expected"),
            Self::Early => f.write_str("it is too early to ask again"),
        }
    }
}

impl std::error::Error for Failed {}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error.without_url())
    }
}

/// Whether a URL is one that is fetched: https, and no address of our own networks. What a name resolves to shows later.
pub(crate) fn check(url: &Url, options: &OutboundOptions) -> Result<(), Failed> {
    let scheme = url.scheme() == "https" || (options.allow_private && url.scheme() == "http");
    if !scheme || !url.username().is_empty() || url.password().is_some() {
        return Err(Failed::Url);
    }
    let reached = match url.host() {
        Some(Host::Domain(_)) => true,
        Some(Host::Ipv4(address)) => options.allow_private || is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => options.allow_private || is_public(IpAddr::V6(address)),
        None => false,
    };
    if reached { Ok(()) } else { Err(Failed::Address) }
}

impl Outbound {
    /// Prepares requests. Reads the file of further certificates.
    ///
    /// # Errors
    /// A sentence about that file.
    pub(crate) fn new(options: &OutboundOptions) -> Result<Self, String> {
        let further = match &options.ca_file {
            Some(file) => {
                let named = |error: &dyn fmt::Display| {
                    format!("The certificates in {} cannot be read: {error}.", file.display())
                };
                let pem = fs::read(file).map_err(|error| named(&error))?;
                let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| named(&error))?;
                if certificates.is_empty() {
                    return Err(named(&"there is none"));
                }
                certificates
            }
            None => Vec::new(),
        };
        Ok(Self {
            options: options.clone(),
            further,
            client: OnceLock::new(),
            permits: Semaphore::new(MOST_AT_ONCE),
            key_sets: Cache::new(keys::MOST),
            pictures: Cache::new(pictures::MOST),
        })
    }

    /// Fetches a document.
    pub(crate) async fn get(&self, url: &str) -> Result<Vec<u8>, Failed> {
        let request = |client: &Client, url| client.get(url).header(ACCEPT, "application/json, */*;q=0.1");
        self.exchange(url, request, async |mut response: Response| {
            match response.status().as_u16() {
                200 => {}
                status => return Err(Failed::Status(status)),
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > MOST_BYTES {
                    return Err(Failed::TooLong);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body)
        })
        .await
    }

    /// Posts a form. Answers with the status, whatever it is.
    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<u16, Failed> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = |client: &Client, url| {
            client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
        };
        self.exchange(url, request, async |response: Response| Ok(response.status().as_u16())).await
    }

    async fn exchange<T>(
        &self,
        url: &str,
        request: impl FnOnce(&Client, Url) -> RequestBuilder,
        read: impl AsyncFnOnce(Response) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let url = Url::parse(url).map_err(|_| Failed::Url)?;
        check(&url, &self.options)?;
        let request = request(self.client()?, url);
        let exchange = async {
            let _permit = self.permits.acquire().await;
            read(request.send().await?).await
        };
        timeout(PATIENCE, exchange).await.map_err(|_| Failed::Late)?
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one client for what strangers name")]
    fn client(&self) -> Result<&Client, Failed> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // A machine need not have certificates of its own; a small image has none.
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| Certificate::from_der(der).ok());
        let client = Client::builder()
            .tls_certs_only(roots.chain(self.further.iter().cloned()))
            .https_only(!self.options.allow_private)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(0)
            .dns_resolver(Guarded { allow_private: self.options.allow_private })
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Resolves names to addresses that may be reached, and to no others. The connection goes to what is answered here, so a name that
/// resolves differently the next time changes nothing.
#[derive(Debug)]
struct Guarded {
    allow_private: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let reached: Vec<SocketAddr> = found.filter(|found| allow_private || is_public(found.ip())).collect();
            if reached.is_empty() {
                return Err(Failed::Address.into());
            }
            Ok(Box::new(reached.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn a_file_without_certificates_is_a_mistake() {
        let with = |file: &str| {
            let ca_file = Some(std::path::PathBuf::from(file));
            Outbound::new(&OutboundOptions { ca_file, ..OutboundOptions::default() })
        };
        assert!(with("no such file").unwrap_err().contains("no such file"));
        assert!(with(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap_err().contains("there is none"));
        assert!(Outbound::new(&OutboundOptions::default()).is_ok());
    }

    #[tokio::test]
    async fn only_https_to_the_open_internet_is_tried() {
        let outbound = Outbound::new(&OutboundOptions::default()).unwrap();
        for url in ["http://example.com/", "https://u@example.com/", "ftp://example.com/", "no url", "data:,x"] {
            assert!(matches!(outbound.get(url).await, Err(Failed::Url)), "{url}");
            assert!(matches!(outbound.post_form(url, &[]).await, Err(Failed::Url)), "{url}");
        }
        for url in ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://0x7f.1/"] {
            assert!(matches!(outbound.get(url).await, Err(Failed::Address)), "{url}");
        }
        let failed = outbound.post_form("https://localhost/", &[("logout_token", "x")]).await.unwrap_err();
        assert!(matches!(failed, Failed::Request(_)), "{failed}");
        assert!(failed.to_string().ends_with("the address is none that is reached"), "{failed}");
    }
    #[tokio::test]
    async fn a_form_is_posted_and_its_status_answered() {
        let options = OutboundOptions { allow_private: true, ..OutboundOptions::default() };
        let outbound = Outbound::new(&options).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/logout", listener.local_addr().unwrap().port());
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"logout_token=a%26b&x=%C3%BC") {
                let read = stream.read_buf(&mut request).await.unwrap();
                assert_ne!(read, 0, "{}", String::from_utf8_lossy(&request));
            }
            stream
                .write_all(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8(request).unwrap()
        };
        let form = [("logout_token", "a&b"), ("x", "ü")];
        let (status, request) = tokio::join!(outbound.post_form(&url, &form), serve);
        assert_eq!(status.unwrap(), 307);
        assert!(request.starts_with("POST /logout HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    }
}
