//! The key sets of others, fetched once and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use super::{Failed, Outbound};
use crate::jwt::KeySet;
use crate::time::Timestamp;

/// For how long a set is believed.
const FRESH: Duration = Duration::from_mins(10);
/// For how long it is believed when it cannot be fetched again.
const STALE: Duration = Duration::from_hours(1);
/// The pause between two requests for the same set, whatever anybody presents.
const PAUSE: Duration = Duration::from_secs(10);
/// Sets that are kept.
pub(super) const MOST: usize = 1024;

/// Which set will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// One that was fetched not long ago.
    Recent,
    /// One that was fetched just now, because the key in question is not in the other.
    New,
}

impl Outbound {
    /// The key set at `url`.
    pub(crate) async fn keys(&self, url: &str, want: Want, now: Timestamp) -> Result<Arc<KeySet>, Failed> {
        let place = self.key_sets.place(url);
        let mut kept = place.lock().await;
        let recent = kept.within(FRESH, now);
        if let Some(keys) = recent.filter(|_| want == Want::Recent) {
            return Ok(keys);
        }
        if kept.was_tried_within(PAUSE, now) {
            return kept.within(STALE, now).ok_or(Failed::Early);
        }
        kept.asked_at = Some(now);
        let fetched = self.get(url).await.and_then(|body| {
            let keys = KeySet::parse(&body).filter(|keys| !keys.is_empty());
            keys.map(Arc::new).ok_or(Failed::Content)
        });
        match fetched {
            Ok(keys) => {
                kept.found = Some((Arc::clone(&keys), now));
                Ok(keys)
            }
            Err(failed) => {
                tracing::warn!(url, reason = %failed, "a key set could not be fetched");
                kept.within(STALE, now).ok_or(failed)
            }
        }
    }
}
