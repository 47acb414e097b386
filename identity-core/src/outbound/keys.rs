//! The key sets of others, fetched once and kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;

use crate::jwt::JwkSet;
use crate::time::{Timestamp, after};

use super::{Failed, Outbound};

/// For how long a set is believed.
const FRESH: Duration = Duration::from_mins(10);
/// For how long it is believed when it cannot be fetched again.
const STALE: Duration = Duration::from_hours(1);
/// The pause between two requests for the same set, whatever anybody presents.
const PAUSE: Duration = Duration::from_secs(10);
/// Sets that are kept.
const MOST_SETS: usize = 1024;
/// Keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// Which set will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// One that was fetched not long ago.
    Recent,
    /// One that was fetched just now, because the key in question is not in the other.
    New,
}

/// The key sets that were fetched, by their URL.
#[derive(Debug, Default)]
pub(crate) struct KeySets(Mutex<HashMap<String, Arc<AsyncMutex<Kept>>>>);

#[derive(Debug, Default)]
struct Kept {
    found: Option<(Arc<JwkSet>, Timestamp)>,
    asked_at: Option<Timestamp>,
}

impl Kept {
    fn within(&self, lifetime: Duration, now: Timestamp) -> Option<Arc<JwkSet>> {
        let found = self.found.as_ref().filter(|(_, fetched_at)| now < after(*fetched_at, lifetime));
        found.map(|(keys, _)| Arc::clone(keys))
    }
}

impl KeySets {
    /// The place of a set. Those who want the same one wait for each other.
    fn kept(&self, url: &str) -> Arc<AsyncMutex<Kept>> {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.len() >= MOST_SETS && !sets.contains_key(url) {
            let any = sets.keys().next().cloned();
            any.and_then(|any| sets.remove(&any));
        }
        Arc::clone(sets.entry(url.to_owned()).or_default())
    }
}

impl Outbound {
    /// The key set at `url`.
    pub(crate) async fn keys(&self, url: &str, want: Want, now: Timestamp) -> Result<Arc<JwkSet>, Failed> {
        let kept = self.key_sets.kept(url);
        let mut kept = kept.lock().await;
        let recent = kept.within(FRESH, now);
        if let Some(keys) = recent.filter(|_| want == Want::Recent) {
            return Ok(keys);
        }
        let paused = kept.asked_at.is_some_and(|asked_at| asked_at <= now && now < after(asked_at, PAUSE));
        if paused {
            return kept.within(STALE, now).ok_or(Failed::Early);
        }
        kept.asked_at = Some(now);
        let fetched = self.get(url).await.and_then(|body| {
            let document: Value = serde_json::from_slice(&body).map_err(|_| Failed::Content)?;
            let keys = key_set(&document);
            if keys.keys.is_empty() { Err(Failed::Content) } else { Ok(Arc::new(keys)) }
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

/// The keys of a document that can be read.
pub(crate) fn key_set(document: &Value) -> JwkSet {
    let keys = document.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let keys = keys.iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key.clone()).ok());
    JwkSet { keys: keys.collect() }
}
