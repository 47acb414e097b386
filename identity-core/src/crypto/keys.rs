//! One secret in, one key per purpose out.

use std::fmt;

use aws_lc_rs::hkdf;
use zeroize::Zeroize;

use crate::error::{Error, Result};
use crate::secret::Secret;

/// Keeps our keys apart from those that another program derives from the same secret.
const SALT: &[u8] = b"identity";

/// The configured secret as the root of all keys: HKDF-SHA256 (RFC 5869) with the purpose as `info`.
pub struct Keys {
    root: hkdf::Prk,
}

impl Keys {
    /// Takes the configured secret as the root.
    #[must_use]
    pub fn new(secret: &Secret<String>) -> Self {
        Self { root: hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.expose().as_bytes()) }
    }

    /// The 256-bit key for one purpose, such as `outbox`. Stored data depends on the label; it never changes.
    pub fn derive(&self, purpose: &str) -> Result<Secret<[u8; 32]>> {
        self.expand(b"key/", purpose)
    }

    /// A name for the key of a purpose that tells nothing about the key.
    pub(super) fn fingerprint(&self, purpose: &str) -> Result<[u8; 4]> {
        let [a, b, c, d, ..] = *self.expand(b"id/", purpose)?.expose();
        Ok([a, b, c, d])
    }

    fn expand(&self, domain: &[u8], purpose: &str) -> Result<Secret<[u8; 32]>> {
        let mut bytes = [0_u8; 32];
        self.root
            .expand(&[domain, purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|derived| derived.fill(&mut bytes))
            .map_err(Error::internal)?;
        let key = Secret::new(bytes);
        bytes.zeroize();
        Ok(key)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const SECRET: &str = "a secret of at least thirty-two characters";

    #[test]
    fn a_key_is_what_another_hkdf_derives() {
        // node: crypto.hkdfSync("sha256", SECRET, "identity", "key/outbox", 32)
        let key = Keys::new(&SECRET.into()).derive("outbox").unwrap();
        assert_eq!(STANDARD.encode(key.expose()), "e/LMqoJ65m7Wa3FgxmmzBDgBjhJWfZKaDwiOf5G5zPw=");
    }

    #[test]
    fn every_purpose_and_every_secret_has_its_own_key() {
        let keys = Keys::new(&SECRET.into());
        let outbox = keys.derive("outbox").unwrap();
        assert_ne!(outbox.expose(), keys.derive("cookie-cache").unwrap().expose());
        assert_ne!(outbox.expose(), Keys::new(&"another".into()).derive("outbox").unwrap().expose());
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        assert_eq!(format!("{:?}", Keys::new(&SECRET.into())), "Keys(redacted)");
    }
}
