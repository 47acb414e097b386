//! HMAC-SHA256 (RFC 2104) over bytes.

use std::fmt;

use aws_lc_rs::hmac;

/// A key that is ready to sign: what depends on it alone is computed once.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// Takes a key of any length; 32 random bytes are enough.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.0, message);
        let mut signature = [0_u8; 32];
        for (target, source) in signature.iter_mut().zip(tag.as_ref()) {
            *target = *source;
        }
        signature
    }

    /// Whether `signature` is the whole signature of `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_test_case_of_rfc_4231_holds() {
        let key = Key::new(b"Jefe");
        let signature = key.sign(b"what do ya want for nothing?");
        assert_eq!(signature[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert!(key.verify(b"what do ya want for nothing?", &signature));
    }

    #[test]
    fn another_key_another_message_and_a_cut_signature_are_refused() {
        let key = Key::new(b"key");
        let signature = key.sign(b"message");
        assert!(!Key::new(b"kez").verify(b"message", &signature));
        assert!(!key.verify(b"massage", &signature));
        assert!(!key.verify(b"message", &signature[..31]));
        assert!(!key.verify(b"message", b""));
    }
}
