//! Certificates that nobody but the test trusts.

use std::fs;
use std::path::Path;

/// A certificate for this machine that signed itself, and its private key.
#[derive(Clone)]
pub struct SelfSigned {
    certificate: String,
    key: String,
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfSigned").finish_non_exhaustive()
    }
}

impl SelfSigned {
    /// A new one.
    ///
    /// # Panics
    /// When there is no randomness.
    #[must_use]
    pub fn new() -> Self {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Writes both into a folder, and answers the variables that name them.
    ///
    /// # Panics
    /// When the folder cannot be written to.
    #[must_use]
    pub fn write(&self, folder: &Path) -> [(String, String); 2] {
        let files = [("CERT", "certificate.pem", &self.certificate), ("KEY", "key.pem", &self.key)];
        files.map(|(variable, name, text)| {
            let path = folder.join(name);
            fs::write(&path, text).expect("the folder can be written to");
            (format!("IDENTITY_HTTP__TLS_{variable}"), path.display().to_string())
        })
    }

    /// Makes a client trust it, and nothing else.
    ///
    /// # Panics
    /// Never: it is one.
    pub fn trusted_by(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        let certificate = reqwest::Certificate::from_pem(self.certificate.as_bytes()).expect("a certificate");
        client.tls_certs_only([certificate])
    }
}

impl Default for SelfSigned {
    fn default() -> Self {
        Self::new()
    }
}
