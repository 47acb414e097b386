//! The signed query that a page of an application gives back.

use std::sync::LazyLock;

use identity_axum::testing::{open_query, sign_query};
use identity_core::crypto::hmac::Key;
use identity_core::time::Timestamp;

static KEY: LazyLock<Key> = LazyLock::new(|| Key::new(b"a key for the fuzzer, 32 bytes or so"));

/// What the key has signed; the corpus has it.
const GRANT: &str = "the-grant";
const CLIENT: &str = "the-client";

/// A query that the key did not sign opens nothing; one that it signed opens what was signed, whatever the page has put before it, and
/// nothing else after a change. Input: a query.
#[must_use]
pub fn query(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let opened = opened(text);
    let params = [("state", text.to_owned()), ("client_id", CLIENT.to_owned())];
    let signed = sign_query(&KEY, &params, GRANT, Timestamp::UNIX_EPOCH);
    assert!(self::opened(&signed), "{signed}");
    assert!(self::opened(&format!("theme=dark&{signed}")), "a parameter of the page stands before {signed}");
    let mut pairs: Vec<&str> = signed.split('&').collect();
    pairs.reverse();
    assert!(self::opened(&pairs.join("&")), "another order of {signed}");
    let mut changed = signed.into_bytes();
    let place = data.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let length = changed.len();
    if let (Some(target), Some(by)) = (changed.get_mut(place % length), data.first()) {
        *target ^= by;
    }
    if let Ok(changed) = String::from_utf8(changed) {
        let _ = self::opened(&changed);
    }
    opened
}

/// Whether a query opens, which it does for nothing but what was signed.
fn opened(query: &str) -> bool {
    let opened = open_query(&KEY, query, Timestamp::UNIX_EPOCH);
    if let Some((grant, client)) = &opened {
        assert_eq!((grant.as_str(), client.as_str()), (GRANT, CLIENT), "nobody signed {query}");
    }
    opened.is_some()
}
