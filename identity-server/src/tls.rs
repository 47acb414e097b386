//! Https without a proxy: the certificate, how long a client may take, and new certificates without a restart.

mod client;
mod prompt;

use std::convert::Infallible;
use std::fmt;
use std::fs::Metadata;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tokio::net::TcpStream;
use tokio::signal::unix::Signal;
use tokio_rustls::server::TlsStream;

pub(crate) use client::to_this_host;
use prompt::Prompt;

/// How long a client may take to shake hands.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_mins(1);

/// The two files of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The certificates, the server's own first.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

impl Files {
    /// The certificates, or why there are none.
    pub(crate) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(&self.certificate)?).collect();
        chain
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| format!("{} holds no certificate in PEM", self.certificate.display()))
    }

    /// The private key, or why there is none.
    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|_| format!("{} holds no private key in PEM without a password", self.key.display()))
    }

    /// TLS 1.2 and 1.3 with the suites that keep what was said secret when the key gets lost; HTTP/2 for those who want it.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| format!("TLS cannot be set up: {error}"))?
            .with_no_client_auth()
            .with_single_cert(self.chain()?, self.private_key()?)
            .map_err(|error| format!("are not a certificate and its key: {error}"))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// When they were last written.
    fn written(&self) -> [Option<SystemTime>; 2] {
        let time = |path: &Path| path.metadata().as_ref().map(Metadata::modified).ok()?.ok();
        [time(&self.certificate), time(&self.key)]
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// The certificate that is shown to clients.
pub(crate) struct Tls {
    files: Files,
    written: [Option<SystemTime>; 2],
    config: RustlsConfig,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: Files) -> Result<Self, String> {
        let written = files.written();
        let config = RustlsConfig::from_config(Arc::new(files.server_config()?));
        Ok(Self { files, written, config })
    }

    /// What shakes hands with clients. Each then has `first_words` to say what it wants.
    pub(crate) fn acceptor(&self, first_words: Duration) -> Acceptor {
        let handshake = RustlsAcceptor::new(self.config.clone()).handshake_timeout(HANDSHAKE_TIME);
        Acceptor { handshake: handshake.acceptor(NoDelayAcceptor::new()), first_words }
    }

    /// Shows new certificates to new connections: at once when `hangup` comes, else when the files have changed. Files that are no
    /// certificate and its key are reported, and the old ones go on.
    pub(crate) async fn keep_up(&self, mut hangup: Signal) -> Infallible {
        let mut known = self.written;
        loop {
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let written = self.files.written();
            if !asked && written == known {
                continue;
            }
            match self.files.server_config() {
                Ok(config) => {
                    self.config.reload_from_config(Arc::new(config));
                    known = written;
                    tracing::info!("showing the new certificate");
                }
                Err(text) => tracing::error!("the old certificate stays: {text}"),
            }
        }
    }
}

/// Accepts connections within a time.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    handshake: RustlsAcceptor<NoDelayAcceptor>,
    first_words: Duration,
}

impl<S: Send + 'static> Accept<TcpStream, S> for Acceptor {
    type Stream = Prompt<TlsStream<TcpStream>>;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let (shaking, first_words) = (self.handshake.accept(stream, service), self.first_words);
        Box::pin(async move {
            let (stream, service) = shaking.await?;
            Ok((Prompt::new(stream, first_words), service))
        })
    }
}

#[cfg(test)]
mod tests {
    use rustls::server::ResolvesServerCertUsingSni;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_shake_hands_is_let_go() {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        let nowhere = Files { certificate: PathBuf::new(), key: PathBuf::new() };
        let tls = Tls { files: nowhere, written: [None; 2], config: RustlsConfig::from_config(Arc::new(config)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let began = tokio::time::Instant::now();
        let ended = tls.acceptor(Duration::from_secs(10)).accept(stream, ()).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), HANDSHAKE_TIME.as_secs());
    }
}
