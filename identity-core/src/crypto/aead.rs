//! Encryption of stored values: who reads the database alone learns nothing, who moves a value breaks it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::keys::Keys;
use crate::entropy::Entropy;
use crate::error::{Error, Result};

/// Layout 1: version, key id, nonce, cipher text with its 16-byte tag.
const VERSION: u8 = 1;
const PURPOSE: &str = "at-rest";

type KeyId = [u8; 4];

/// Where a sealed value is stored. It opens in no other place.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The id of the row.
    pub row: &'a str,
}

/// Seals values for storage with AES-256-GCM (NIST SP 800-38D) and opens them again.
pub struct AtRest {
    current: DataKey,
    previous: Vec<DataKey>,
    entropy: Arc<dyn Entropy>,
}

impl AtRest {
    /// Seals and opens with the key derived from `keys`.
    pub fn new(keys: &Keys, entropy: Arc<dyn Entropy>) -> Result<Self> {
        Ok(Self { current: DataKey::derive(keys)?, previous: Vec::new(), entropy })
    }

    /// Also opens what an earlier secret has sealed; nothing new is sealed with it.
    pub fn opening(mut self, earlier: &Keys) -> Result<Self> {
        self.previous.push(DataKey::derive(earlier)?);
        Ok(self)
    }

    /// Encrypts a value for its place. Sealing it twice gives different bytes, 33 more than the value has.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = value.to_vec();
        self.current
            .key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                associated(self.current.id, place),
                &mut sealed,
            )
            .map_err(Error::internal)?;
        Ok([&[VERSION][..], &self.current.id, &nonce, &sealed].concat())
    }

    /// Decrypts the value of a place.
    ///
    /// # Errors
    /// `internal` when the bytes were sealed for another place, with a secret that is not configured, or were changed.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>> {
        let malformed = || Error::internal("a stored value is not in the sealed form");
        let (version, rest) = sealed.split_first().ok_or_else(malformed)?;
        let (id, rest) = rest.split_first_chunk::<4>().ok_or_else(malformed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(malformed)?;
        if *version != VERSION {
            return Err(malformed());
        }
        let known = std::iter::once(&self.current).chain(&self.previous).find(|known| known.id == *id);
        let key = &known
            .ok_or_else(|| Error::internal("a stored value was sealed with a secret that is not configured"))?
            .key;
        let mut value = body.to_vec();
        let length = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), associated(*id, place), &mut value)
            .map_err(|_| {
                Error::internal(format!(
                    "a stored value of {}.{} does not open in its place",
                    place.table, place.column
                ))
            })?
            .len();
        value.truncate(length);
        Ok(value)
    }
}

impl fmt::Debug for AtRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtRest").field("previous", &self.previous.len()).finish_non_exhaustive()
    }
}

struct DataKey {
    id: KeyId,
    key: LessSafeKey,
}

impl DataKey {
    fn derive(keys: &Keys) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, keys.derive(PURPOSE)?.expose()).map_err(Error::internal)?;
        Ok(Self { id: keys.fingerprint(PURPOSE)?, key: LessSafeKey::new(key) })
    }
}

/// Each part behind its length, so that no two places share their bytes.
fn associated(id: KeyId, place: Place<'_>) -> Aad<Vec<u8>> {
    let mut bytes = vec![VERSION];
    bytes.extend(id);
    for part in [place.table, place.column, place.row] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    const PLACE: Place<'static> = Place { table: "identity_outbox", column: "payload", row: "row-1" };

    fn keys(secret: &str) -> Keys {
        Keys::new(&secret.into())
    }

    fn at_rest(secret: &str) -> AtRest {
        AtRest::new(&keys(secret), Arc::new(OsEntropy)).unwrap()
    }

    fn cause(error: &Error) -> String {
        format!("{error:?}")
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_and_is_not_readable() {
        let at_rest = at_rest("one");
        let sealed = at_rest.seal(PLACE, b"the link").unwrap();
        assert_eq!(at_rest.open(PLACE, &sealed).unwrap(), b"the link");
        assert_eq!(sealed.len(), b"the link".len() + 33);
        assert!(!sealed.windows(4).any(|window| window == b"link"));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let at_rest = at_rest("one");
        assert_ne!(at_rest.seal(PLACE, b"same").unwrap(), at_rest.seal(PLACE, b"same").unwrap());
    }

    #[test]
    fn a_value_moved_to_another_row_column_or_table_does_not_open() {
        let at_rest = at_rest("one");
        let sealed = at_rest.seal(PLACE, b"the link").unwrap();
        let elsewhere = [
            Place { row: "row-2", ..PLACE },
            Place { column: "note", ..PLACE },
            Place { table: "identity_user", ..PLACE },
            Place { table: "identity_outboxp", column: "ayload", ..PLACE },
        ];
        for place in elsewhere {
            assert!(cause(&at_rest.open(place, &sealed).unwrap_err()).contains("does not open in its place"));
        }
    }

    #[test]
    fn a_value_with_one_changed_bit_does_not_open() {
        let at_rest = at_rest("one");
        let sealed = at_rest.seal(PLACE, b"the link").unwrap();
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(at_rest.open(PLACE, &changed).is_err(), "byte {position}");
        }
    }

    #[test]
    fn bytes_that_were_never_sealed_are_an_error() {
        let at_rest = at_rest("one");
        let sealed = at_rest.seal(PLACE, b"").unwrap();
        for length in 0..sealed.len() {
            assert!(at_rest.open(PLACE, &sealed[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn another_secret_says_that_the_key_is_missing() {
        let sealed = at_rest("one").seal(PLACE, b"the link").unwrap();
        assert!(cause(&at_rest("two").open(PLACE, &sealed).unwrap_err()).contains("not configured"));
    }

    #[test]
    fn an_earlier_secret_still_opens_but_no_longer_seals() {
        let sealed = at_rest("one").seal(PLACE, b"the link").unwrap();
        let rotated = at_rest("two").opening(&keys("one")).unwrap();
        assert_eq!(rotated.open(PLACE, &sealed).unwrap(), b"the link");
        let resealed = rotated.seal(PLACE, b"the link").unwrap();
        assert_eq!(at_rest("two").open(PLACE, &resealed).unwrap(), b"the link");
    }
}
