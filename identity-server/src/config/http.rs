//! `[http]`: addresses and origins.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use identity_axum::middleware::host::Hosts;
use ipnet::IpNet;
use url::{Host, Url};

use super::problem::{Problem, Problems};
use super::table::section;
use super::value::{TextType, texts};
use crate::tls::Files;

section! {
    /// Addresses and origins.
    Http = "http" {
        /// The address and port to listen on.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 8888));
        /// The public URL of this server: scheme, host and port, nothing behind them. All links are made from it.
        base_url: BaseUrl = BaseUrl::default();
        /// Other origins that may call with cookies and be redirected to: `https://app.example.com`,
        /// `https://*.example.com`, or an application's own scheme such as `myapp://`.
        trusted_origins: Vec<Origin> = Vec::new();
        /// Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed.
        trusted_proxies: Vec<IpNet> = Vec::new();
        /// Host names besides the one of `base_url` that are answered, such as an internal name.
        allowed_hosts: Vec<HostName> = Vec::new();
        /// A PEM file with the certificate of this server and those between it and a root, for https without a proxy.
        /// A new certificate is found within a minute, and at once with SIGHUP.
        tls_cert: Option<PathBuf> = None;
        /// A PEM file with the private key of that certificate.
        tls_key: Option<PathBuf> = None;
    }
}

impl Http {
    /// The files to serve https with, if it is to be served.
    pub(crate) fn tls(&self) -> Option<Files> {
        Some(Files { certificate: self.tls_cert.clone()?, key: self.tls_key.clone()? })
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let (certificate, key) = ("http.tls_cert", "http.tls_key");
        match (self.tls(), &self.tls_cert) {
            (None, None) if self.tls_key.is_none() => return,
            (None, None) => problems.push(Problem::of(certificate, "must be set, because http.tls_key is")),
            (None, Some(_)) => problems.push(Problem::of(key, "must be set, because http.tls_cert is")),
            (Some(files), _) => {
                let unreadable = [(certificate, files.chain().err()), (key, files.private_key().err())];
                let unreadable: Vec<_> =
                    unreadable.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
                if unreadable.is_empty()
                    && let Err(text) = files.server_config()
                {
                    problems.push(Problem::between(&[certificate, key], text));
                }
                for (name, text) in unreadable {
                    problems.push(Problem::of(name, text));
                }
            }
        }
        if !self.base_url.is_https() && problems.spare(&["http.base_url"]) {
            problems.push(Problem::of("http.base_url", "must be https, because the server has a certificate"));
        }
    }
}

/// A public URL that consists of an origin alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    text: String,
    url: Option<Url>,
}

impl Default for BaseUrl {
    fn default() -> Self {
        let text = String::from("http://localhost:8888");
        let url = Url::parse(&text).ok();
        Self { text, url }
    }
}

impl BaseUrl {
    /// The URL without a trailing slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Its host.
    pub(crate) fn host(&self) -> Option<Host<&str>> {
        self.url.as_ref().and_then(Url::host)
    }

    /// Its port, also where the scheme implies it.
    pub(crate) fn port(&self) -> Option<u16> {
        self.url.as_ref().and_then(Url::port_or_known_default)
    }

    /// Whether connections to it are encrypted.
    pub(crate) fn is_https(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// Whether it leads to this machine, or to a name that nobody else can have (RFC 6761, section 6.2).
    pub(crate) fn is_for_tests(&self) -> bool {
        let is_test = |name: &str| name.rsplit_once('.').is_some_and(|(_, top)| top == "test");
        self.is_loopback() || self.host().is_some_and(|host| matches!(host, Host::Domain(name) if is_test(name)))
    }

    /// Whether it leads to this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host().is_some_and(|host| is_loopback_host(&host))
    }
}

/// Whether a host is this machine: `localhost`, a name under it (RFC 6761, section 6.3) or a loopback address.
fn is_loopback_host(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// The origin in its one canonical spelling, if `text` is an http or https URL.
fn canonical(text: &str) -> Option<(Url, String)> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let origin = url.origin().ascii_serialization();
    Some((url, origin))
}

impl TextType for BaseUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        match canonical(text) {
            None => Err(String::from("must be a URL such as https://id.example.com")),
            Some((url, origin)) if origin == text => Ok(Self { text: origin, url: Some(url) }),
            Some((_, origin)) => Err(format!(
                "must be scheme, host and port alone, without a slash, path, query or user at the end; write {origin}"
            )),
        }
    }

    fn to_text(&self) -> String {
        self.text.clone()
    }
}

/// A trusted origin or a pattern of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin(String);

impl Origin {
    /// The origin as it is compared.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextType for Origin {
    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("{text:?} {why}"));
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("is not an origin such as https://app.example.com");
        };
        if !matches!(scheme, "http" | "https") {
            let plain = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
            return if plain && rest.is_empty() {
                Ok(Self(text.to_ascii_lowercase()))
            } else {
                wrong("must be the scheme alone, such as myapp://")
            };
        }
        let (pattern, plain) = match rest.strip_prefix("*.") {
            Some(domain) => (true, format!("{scheme}://{domain}")),
            None => (false, text.to_owned()),
        };
        if plain.contains('*') {
            return wrong("may have a * only as the first label, as in https://*.example.com");
        }
        match canonical(&plain) {
            None => wrong("is not an origin such as https://app.example.com"),
            Some((_, origin)) if origin != plain => wrong("must be scheme, host and port alone, in lower case"),
            Some((url, _)) if pattern && !url.domain().is_some_and(is_registrable) => {
                wrong("would trust everybody's names; put a domain of your own behind the *")
            }
            Some(_) => Ok(Self(text.to_owned())),
        }
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// Whether a domain belongs to somebody: it is not a public suffix such as `com`, `co.uk` or `github.io`.
pub(crate) fn is_registrable(domain: &str) -> bool {
    psl::domain_str(domain).is_some()
}

/// A host name or address, with a port if only that port is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName(String);

impl HostName {
    /// The name as it is compared.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TextType for HostName {
    fn from_text(text: &str) -> Result<Self, String> {
        Hosts::new("http://localhost", &[text.to_owned()])
            .map(|_| Self(text.to_owned()))
            .map_err(|_| format!("{text:?} is not a host name; write it without scheme and path"))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

texts!(BaseUrl);
