//! The pictures of applications, fetched once and kept for a while, so that nobody's browser goes to a stranger for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Failed, Outbound};
use crate::time::Timestamp;

/// For how long a picture is shown before it is fetched again, and for how long a failure is remembered.
const FRESH: Duration = Duration::from_hours(1);
const PAUSE: Duration = Duration::from_mins(1);
/// How long a page waits for one.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pictures that are kept, of at most 64 KiB each.
pub(super) const MOST: usize = 128;

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

impl Outbound {
    /// The picture at `url`; `None` where there is none, or none in time.
    pub(crate) async fn picture(&self, url: &str, now: Timestamp) -> Option<Picture> {
        let place = self.pictures.place(url);
        let mut kept = place.lock().await;
        let lifetime = if kept.found.is_some() { FRESH } else { PAUSE };
        if kept.was_tried_within(lifetime, now) {
            return kept.within(FRESH, now);
        }
        kept.asked_at = Some(now);
        let fetched = timeout(PATIENCE, self.get(url)).await.unwrap_or(Err(Failed::Late));
        kept.found = match fetched.and_then(|bytes| Picture::of(bytes).ok_or(Failed::Content)) {
            Ok(picture) => Some((picture, now)),
            Err(failed) => {
                tracing::info!(url, reason = %failed, "the picture of an application could not be fetched");
                None
            }
        };
        kept.within(FRESH, now)
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
