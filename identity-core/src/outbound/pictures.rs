//! The pictures of applications, fetched once and kept for a while, so that nobody's browser goes to a stranger for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use crate::time::{Timestamp, after};

use super::{Failed, Outbound};

/// For how long a picture is shown before it is fetched again, and for how long a failure is remembered.
const FRESH: Duration = Duration::from_hours(1);
const PAUSE: Duration = Duration::from_mins(1);
/// How long a page waits for one.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pictures that are kept, of at most 64 KiB each.
const MOST: usize = 128;

/// A picture that was looked at: browsers draw it and do nothing else with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its media type.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Picture {
    /// Takes bytes for what they are, whatever anybody says about them. Drawings that carry scripts (SVG) are none.
    fn of(bytes: Vec<u8>) -> Option<Self> {
        let kind = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
            _ => return None,
        };
        Some(Self { kind, bytes: bytes.into() })
    }
}

/// The pictures that were fetched, by their URL.
#[derive(Debug, Default)]
pub(crate) struct Pictures(Mutex<HashMap<String, Arc<AsyncMutex<Kept>>>>);

#[derive(Debug, Default)]
struct Kept {
    found: Option<Picture>,
    asked_at: Option<Timestamp>,
}

impl Pictures {
    /// The place of a picture. Those who want the same one wait for each other.
    fn kept(&self, url: &str) -> Arc<AsyncMutex<Kept>> {
        let mut pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pictures.len() >= MOST && !pictures.contains_key(url) {
            let any = pictures.keys().next().cloned();
            any.and_then(|any| pictures.remove(&any));
        }
        Arc::clone(pictures.entry(url.to_owned()).or_default())
    }
}

impl Outbound {
    /// The picture at `url`; `None` where there is none, or none in time.
    pub(crate) async fn picture(&self, url: &str, now: Timestamp) -> Option<Picture> {
        let kept = self.pictures.kept(url);
        let mut kept = kept.lock().await;
        let lifetime = if kept.found.is_some() { FRESH } else { PAUSE };
        if kept.asked_at.is_some_and(|asked_at| asked_at <= now && now < after(asked_at, lifetime)) {
            return kept.found.clone();
        }
        kept.asked_at = Some(now);
        let fetched = timeout(PATIENCE, self.get(url)).await.unwrap_or(Err(Failed::Late));
        kept.found = match fetched.and_then(|bytes| Picture::of(bytes).ok_or(Failed::Content)) {
            Ok(picture) => Some(picture),
            Err(failed) => {
                tracing::info!(url, reason = %failed, "the picture of an application could not be fetched");
                None
            }
        };
        kept.found.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_draw_is_a_picture() {
        let kind = |bytes: &[u8]| Picture::of(bytes.to_vec()).map(|picture| picture.kind);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n rest"), Some("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0 rest"), Some("image/jpeg"));
        assert_eq!(kind(b"GIF89a rest"), Some("image/gif"));
        assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"<svg xmlns='http://www.w3.org/2000/svg'>"[..], b"<html>", b"GIF8", b"", b" \x89PNG\r\n\x1a\n"]
        {
            assert_eq!(kind(other), None, "{other:?}");
        }
    }
}
