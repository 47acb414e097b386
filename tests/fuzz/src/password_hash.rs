//! Stored password hashes.

use std::sync::{Arc, LazyLock};

use identity_core::crypto::PasswordHasher;
use identity_core::entropy::OsEntropy;
use identity_core::testing::fast_password_options;
use unicode_normalization::UnicodeNormalization as _;

use crate::{cut, now};

/// What every hash of the corpus is the hash of.
const PASSWORD: &str = "correct horse battery staple";
/// What nothing is the hash of.
const NOBODYS: &str = "a password that nobody chose";

static HASHER: LazyLock<PasswordHasher> =
    LazyLock::new(|| PasswordHasher::new(&fast_password_options(), Arc::new(OsEntropy)).expect("small parameters"));

/// A stored text is checked only when the cost that it names is bounded, and matches no password but the one it was made of.
/// Input: a password, a line break, the stored text.
#[must_use]
pub fn password_hash(data: &[u8]) -> bool {
    let (password, stored) = cut(data);
    let (Ok(password), Ok(stored)) = (std::str::from_utf8(password), std::str::from_utf8(stored)) else { return false };
    let accepted = HASHER.accepts(stored);
    let cost = Cost::of(stored);
    if accepted {
        assert!(stored.len() <= 512, "{} bytes", stored.len());
        assert!(cost.memory <= 256 * 1024, "{} KiB of memory: {stored}", cost.memory);
        assert!(cost.memory * cost.passes <= 1024 * 1024, "{} passes over {} KiB: {stored}", cost.passes, cost.memory);
        assert!(cost.lanes <= 64, "{} lanes: {stored}", cost.lanes);
        assert!(cost.rounds <= 2_000_000, "{} rounds: {stored}", cost.rounds);
    }
    // What takes long is not computed here, or the fuzzer would do nothing else.
    if accepted && !cost.is_small() {
        return true;
    }
    assert!(!matches(NOBODYS, stored), "nobody's password matches {stored}");
    if matches(password, stored) {
        assert!(accepted, "{stored} is no hash");
        assert!(password.nfkc().eq(PASSWORD.nfkc()), "{password:?} matches {stored}");
    }
    accepted
}

fn matches(password: &str, stored: &str) -> bool {
    now(HASHER.verify(password, stored)).is_ok_and(|verified| verified.matches)
}

/// What a stored text says about its cost, read without the code under test.
struct Cost {
    /// KiB.
    memory: u64,
    passes: u64,
    lanes: u64,
    /// Repetitions of PBKDF2, or 100 for each of bcrypt.
    rounds: u64,
    scrypt: bool,
}

impl Cost {
    fn of(stored: &str) -> Self {
        let number = |text: &str| text.parse().unwrap_or_default();
        let parts: Vec<&str> = stored.split('$').collect();
        let named = |name: &str| {
            let pairs = parts.iter().flat_map(|part| part.split(','));
            pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(number).max().unwrap_or_default()
        };
        let nothing = Self { memory: 0, passes: 0, lanes: 0, rounds: 0, scrypt: parts.len() == 1 };
        match parts.as_slice() {
            ["pbkdf2_sha256", iterations, ..] => Self { rounds: number(iterations), ..nothing },
            ["", "pbkdf2-sha256", ..] => Self { rounds: named("i"), ..nothing },
            ["", "2a" | "2b" | "2y", cost, ..] => Self { rounds: 100 << number(cost).min(32), ..nothing },
            _ => Self { memory: named("m"), passes: named("t"), lanes: named("p"), ..nothing },
        }
    }

    fn is_small(&self) -> bool {
        !self.scrypt && self.memory * self.passes <= 256 && self.rounds <= 2000
    }
}
