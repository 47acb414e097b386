//! Where unpredictable bytes come from.

use std::fmt;

/// The source of random bytes; a test passes a seeded one.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The random generator of the operating system, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    // Without randomness every credential would be guessable; stopping is the only safe answer.
    fn fill(&self, bytes: &mut [u8]) {
        assert!(aws_lc_rs::rand::fill(bytes).is_ok(), "the operating system gave no random bytes");
    }
}

/// `length` characters of `A-Z a-z 0-9`, each equally likely (about 5.95 bits a character).
#[must_use]
pub fn alphanumeric(entropy: &dyn Entropy, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    draw(entropy, ALPHABET, length)
}

/// `length` decimal digits, each equally likely.
#[must_use]
pub fn digits(entropy: &dyn Entropy, length: usize) -> String {
    draw(entropy, b"0123456789", length)
}

/// `length` capital letters that are hard to mistake for one another and spell no words, each equally likely (RFC 8628, section 6.1).
#[must_use]
pub fn user_code(entropy: &dyn Entropy, length: usize) -> String {
    draw(entropy, b"BCDFGHJKLMNPQRSTVWXZ", length)
}

/// Draws characters without modulo bias: bytes past the largest multiple of the alphabet are thrown away.
fn draw(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut pool = [0_u8; 64];
    while text.len() < length {
        entropy.fill(&mut pool);
        let drawn = pool.iter().map(|byte| usize::from(*byte)).filter(|value| *value < fair);
        for value in drawn.take(length - text.len()) {
            if let Some(character) = alphabet.get(value % alphabet.len()) {
                text.push(char::from(*character));
            }
        }
    }
    text
}
