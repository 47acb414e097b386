//! The public keys of the trust anchor: fetched seldom, by one request for all, and kept for a while when the anchor is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use identity_core::jwt::KeySet;
use identity_core::time::{Clock, Timestamp, after};
use identity_core::{Error, Result};
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;
use url::Url;

use super::exchange::{Exchange, Reply, refused, unavailable};

/// No two fetches are closer to each other, whatever tokens come. An anchor publishes each key for longer before it signs with it.
const PAUSE: Duration = Duration::from_secs(10);
/// The same after a fetch that failed: an anchor that starts late is soon found.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How long keys are fresh when the anchor does not say; and the shortest and longest that it may say.
const FRESH: Duration = Duration::from_mins(5);
const SHORTEST_FRESH: Duration = Duration::from_mins(1);
const LONGEST_FRESH: Duration = Duration::from_hours(24);

/// The keys of an anchor.
#[derive(Debug)]
pub(super) struct Jwks {
    exchange: Exchange,
    /// Where the anchor is, without a slash at the end.
    root: String,
    /// What it calls itself.
    issuer: String,
    /// How long keys that are no longer fresh are good while no others can be had.
    stale_if_error: Duration,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    /// Held by whoever fetches.
    flight: Arc<Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    held: Option<Held>,
    /// When a fetch last ended, and why it failed if it did.
    last: Option<(Timestamp, Option<String>)>,
    /// Where the keys are, once the anchor has said so.
    place: Option<Url>,
}

#[derive(Clone, Debug)]
struct Held {
    keys: Arc<KeySet>,
    fresh_until: Timestamp,
}

impl Jwks {
    pub(super) fn new(
        exchange: Exchange,
        root: String,
        issuer: String,
        stale_if_error: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { exchange, root, issuer, stale_if_error, clock, state: RwLock::default(), flight: Arc::default() }
    }

    /// The keys, if they are fresh.
    pub(super) fn fresh(&self) -> Option<Arc<KeySet>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let held = state.held.as_ref().filter(|held| self.clock.now() < held.fresh_until)?;
        Some(Arc::clone(&held.keys))
    }

    /// Keys to verify by: fresh ones, or else those that were fresh not too long ago. While one request waits for fresh ones, the
    /// others go on with the old.
    pub(super) async fn keys(self: &Arc<Self>) -> Result<Arc<KeySet>> {
        let held = self.state().held;
        let usable = held.as_ref().filter(|held| self.clock.now() < after(held.fresh_until, self.stale_if_error));
        let refreshed = match (usable, Arc::clone(&self.flight).try_lock_owned()) {
            (Some(old), Err(_)) => return Ok(Arc::clone(&old.keys)),
            (_, Ok(turn)) => self.refresh(turn, held.as_ref().map(|held| &held.keys)).await,
            (None, Err(_)) => self.refresh(self.turn().await, held.as_ref().map(|held| &held.keys)).await,
        };
        match (refreshed, usable) {
            (Err(_), Some(old)) => Ok(Arc::clone(&old.keys)),
            (refreshed, _) => refreshed,
        }
    }

    /// Keys that the anchor has published since it published `known`, or the same when they are known to be the newest. The error
    /// is for an anchor that does not say: a token whose key is unknown is then neither good nor bad.
    pub(super) async fn newer_than(self: &Arc<Self>, known: &Arc<KeySet>) -> Result<Arc<KeySet>> {
        self.refresh(self.turn().await, Some(known)).await
    }

    async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.flight).lock_owned().await
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys, unless others than `known` have come meanwhile or the last fetch was a moment ago.
    #[expect(
        clippy::disallowed_methods,
        reason = "others wait for these keys; a caller that goes away must not end it"
    )]
    async fn refresh(self: &Arc<Self>, turn: OwnedMutexGuard<()>, known: Option<&Arc<KeySet>>) -> Result<Arc<KeySet>> {
        let state = self.state();
        if let Some(held) = state.held.as_ref().filter(|held| known.is_none_or(|known| !Arc::ptr_eq(known, &held.keys)))
        {
            return Ok(Arc::clone(&held.keys));
        }
        let pause = |failure: &Option<String>| if failure.is_none() { PAUSE } else { PAUSE_AFTER_FAILURE };
        if let Some((_, failure)) = state.last.filter(|(at, failure)| self.clock.now() < after(*at, pause(failure))) {
            return match (failure, state.held) {
                (None, Some(held)) => Ok(held.keys),
                (failure, _) => Err(unavailable(failure.unwrap_or_default())),
            };
        }
        let fetching = Arc::clone(self);
        let fetching = async move {
            let fetched = fetching.exchange.in_time(fetching.fetch(state.place)).await;
            let kept = fetching.keep(fetched);
            drop(turn);
            kept
        };
        tokio::spawn(fetching.in_current_span()).await.map_err(unavailable)?
    }

    /// Writes down how a fetch ended.
    fn keep(&self, fetched: Result<(Held, Url)>) -> Result<Arc<KeySet>> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok((held, place)) => {
                let keys = Arc::clone(&held.keys);
                *state = State { held: Some(held), last: Some((self.clock.now(), None)), place: Some(place) };
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(cause = %error.chain(), "the keys of the anchor cannot be had");
                state.last = Some((self.clock.now(), Some(error.chain())));
                // It may have moved.
                state.place = None;
                Err(error)
            }
        }
    }

    async fn fetch(&self, place: Option<Url>) -> Result<(Held, Url)> {
        let place = match place {
            Some(place) => place,
            None => self.discover().await?,
        };
        let (headers, body) = match self.get(&place).await? {
            Reply::Success(headers, body) => (headers, body),
            Reply::Refusal(status, wait) => return Err(refused(status, wait)),
        };
        let keys = KeySet::parse(&body).filter(|keys| !keys.is_empty());
        let keys = keys.ok_or_else(|| unavailable("the key set of the anchor has no usable key"))?;
        let fresh_until = after(self.clock.now(), freshness(&headers));
        Ok((Held { keys: Arc::new(keys), fresh_until }, place))
    }

    /// Where the keys are (OpenID Connect Discovery, section 4; RFC 8414).
    async fn discover(&self) -> Result<Url> {
        let place = self.url(&format!("{}/.well-known/openid-configuration", self.root))?;
        let body = match self.get(&place).await? {
            Reply::Success(_, body) => body,
            Reply::Refusal(StatusCode::NOT_FOUND, _) => return self.url(&format!("{}/oauth2/jwks", self.root)),
            Reply::Refusal(status, wait) => return Err(refused(status, wait)),
        };
        let metadata: Value = serde_json::from_slice(&body).map_err(unavailable)?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("issuer") != self.issuer {
            return Err(unavailable(format!(
                "the anchor is the issuer {:?} and not {:?}: tell `TrustAnchor::builder(..).issuer(..)`",
                text("issuer"),
                self.issuer
            )));
        }
        // An anchor that is reached by an internal name is asked for its keys by that name too.
        match text("jwks_uri").strip_prefix(&self.issuer).filter(|path| path.starts_with('/')) {
            Some(path) => self.url(&format!("{}{path}", self.root)),
            None => self.url(text("jwks_uri")),
        }
    }

    /// A place to ask. From https nothing leads to plain http.
    fn url(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(unavailable)?;
        if url.scheme() == "https" || (url.scheme() == "http" && self.root.starts_with("http:")) {
            Ok(url)
        } else {
            Err(unavailable(format!("the keys of the anchor are at {url}, which nobody protects")))
        }
    }

    async fn get(&self, url: &Url) -> Result<Reply, Error> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        self.exchange.ask(Method::GET, url, headers, None).await
    }
}

/// How long an answer is fresh (RFC 9111, section 5.2.2), within limits.
fn freshness(headers: &HeaderMap) -> Duration {
    let fields = headers.get_all(CACHE_CONTROL).iter().filter_map(|field| field.to_str().ok());
    let directives = fields.flat_map(|field| field.split(',')).map(|directive| directive.trim().to_ascii_lowercase());
    let mut said = None;
    for directive in directives {
        match directive.split_once('=') {
            None if directive == "no-store" || directive == "no-cache" => return SHORTEST_FRESH,
            Some(("max-age", seconds)) => said = seconds.trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    said.unwrap_or(FRESH).clamp(SHORTEST_FRESH, LONGEST_FRESH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_for_as_long_as_it_says_within_limits() {
        let fresh = |value: &'static str| {
            freshness(&HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))])).as_secs()
        };
        assert_eq!(freshness(&HeaderMap::new()), FRESH);
        for (value, seconds) in [
            ("public, max-age=3600", 3600),
            ("Max-Age=\"120\"", 120),
            ("max-age=0", 60),
            ("max-age=99999999999", 86400),
            ("max-age=soon", 300),
            ("public", 300),
            ("no-store", 60),
            ("max-age=3600, no-cache", 60),
        ] {
            assert_eq!(fresh(value), seconds, "{value}");
        }
    }
}
