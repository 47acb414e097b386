//! HMAC-SHA256 (RFC 2104) over bytes.

use aws_lc_rs::hmac;

/// Signs `message`. The key may have any length; 32 random bytes are enough.
#[must_use]
pub fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut signature = [0_u8; 32];
    for (target, source) in signature.iter_mut().zip(tag.as_ref()) {
        *target = *source;
    }
    signature
}

/// Whether `signature` is the whole signature of `message`, compared in constant time.
#[must_use]
pub fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_test_case_of_rfc_4231_holds() {
        let signature = sign(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(signature[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert!(verify(b"Jefe", b"what do ya want for nothing?", &signature));
    }

    #[test]
    fn another_key_another_message_and_a_cut_signature_are_refused() {
        let signature = sign(b"key", b"message");
        assert!(!verify(b"kez", b"message", &signature));
        assert!(!verify(b"key", b"massage", &signature));
        assert!(!verify(b"key", b"message", &signature[..31]));
        assert!(!verify(b"key", b"message", b""));
    }
}
