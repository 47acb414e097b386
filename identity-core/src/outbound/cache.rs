//! What was fetched from strangers, kept for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;

use crate::time::{Timestamp, after};

/// Documents by their URL. Strangers name the URLs, and as many as they like: beyond the most that are kept, the one that was asked for
/// longest ago makes room.
#[derive(Debug)]
pub(super) struct Cache<T> {
    most: usize,
    places: Mutex<Places<T>>,
}

#[derive(Debug)]
struct Places<T> {
    by_url: HashMap<String, Place<T>>,
    /// How often anything was asked for. Two questions at the same moment have an order too.
    questions: u64,
}

#[derive(Debug)]
struct Place<T> {
    kept: Arc<AsyncMutex<Kept<T>>>,
    /// The number of the last question for it.
    asked: u64,
}

/// What is known of one document.
#[derive(Debug)]
pub(super) struct Kept<T> {
    /// What was found, and when.
    pub(super) found: Option<(T, Timestamp)>,
    /// When it was last tried to fetch it.
    pub(super) asked_at: Option<Timestamp>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { found: None, asked_at: None }
    }
}

impl<T: Clone> Kept<T> {
    /// What was found, if that is not longer ago than `lifetime`.
    pub(super) fn within(&self, lifetime: Duration, now: Timestamp) -> Option<T> {
        let found = self.found.as_ref().filter(|(_, found_at)| now < after(*found_at, lifetime));
        found.map(|(found, _)| found.clone())
    }

    /// Whether it was tried less than `pause` ago. A clock that was set back counts as a long time.
    pub(super) fn was_tried_within(&self, pause: Duration, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|asked_at| asked_at <= now && now < after(asked_at, pause))
    }
}

impl<T> Cache<T> {
    /// A cache of at most `most` documents.
    pub(super) fn new(most: usize) -> Self {
        Self { most, places: Mutex::new(Places { by_url: HashMap::new(), questions: 0 }) }
    }

    /// The place of a document. Those who want the same one wait for each other.
    pub(super) fn place(&self, url: &str) -> Arc<AsyncMutex<Kept<T>>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let Places { by_url, questions } = &mut *places;
        *questions += 1;
        if by_url.len() >= self.most && !by_url.contains_key(url) {
            let oldest = by_url.iter().min_by_key(|(_, place)| place.asked).map(|(url, _)| url.clone());
            oldest.and_then(|url| by_url.remove(&url));
        }
        let place = by_url.entry(url.to_owned()).or_insert_with(|| Place { kept: Arc::default(), asked: *questions });
        place.asked = *questions;
        Arc::clone(&place.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn what_is_in_use_outlasts_what_strangers_invent() {
        let cache = Cache::new(3);
        cache.place("own").lock().await.found = Some(("ours", at(0)));
        for number in 1..100 {
            let _ = cache.place(&format!("invented {number}"));
            if number % 2 == 0 {
                let kept = cache.place("own");
                assert_eq!(kept.lock().await.within(Duration::MAX, at(0)), Some("ours"));
            }
        }
        assert_eq!(cache.places.lock().unwrap().by_url.len(), 3);
        let _ = (cache.place("a"), cache.place("b"), cache.place("c"));
        assert!(cache.place("own").lock().await.found.is_none(), "what nobody asks for makes room");
    }

    #[test]
    fn a_clock_that_was_set_back_stops_no_question() {
        let kept = Kept { found: Some(("x", at(100))), asked_at: Some(at(100)) };
        let pause = Duration::from_secs(10);
        assert!(kept.was_tried_within(pause, at(109)));
        assert!(!kept.was_tried_within(pause, at(110)) && !kept.was_tried_within(pause, at(99)));
        assert_eq!((kept.within(pause, at(109)), kept.within(pause, at(110))), (Some("x"), None));
    }
}
