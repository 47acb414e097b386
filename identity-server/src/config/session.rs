//! `[session]`: lifetimes and cookies.

use std::time::Duration;

use identity_core::config::SessionOptions;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// Lifetimes and cookies of sessions. All times are in seconds.
    Session = "session" {
        /// How long a session lives without use.
        expires_in: u64 = SessionOptions::default().expires_in.as_secs();
        /// How often its use extends it.
        update_age: u64 = SessionOptions::default().update_age.as_secs();
        /// How long it can live at most, however often it is used.
        max_age: u64 = SessionOptions::default().max_age.as_secs();
        /// How long after sign-in it proves enough for sensitive changes; 0 means always.
        fresh_age: u64 = SessionOptions::default().fresh_age.as_secs();
        /// Whether a signed copy of the session travels in a second cookie for five minutes; sign-outs elsewhere are
        /// noticed as much later.
        cookie_cache: bool = false;
        /// Whether `Authorization: Bearer <session token>` is accepted beside the cookie.
        bearer: bool = false;
        /// Whether cookies are `Secure` and carry the `__Secure-` prefix. Without it: yes if `base_url` is https.
        secure_cookies: Option<bool> = None;
        /// The `Domain` of cookies, so that services on other names below it receive them. Without it they stay on the host.
        cookie_domain: Option<String> = None;
    }
}

impl Session {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (key, seconds) in [("session.expires_in", self.expires_in), ("session.max_age", self.max_age)] {
            if seconds == 0 {
                problems.push(Problem::of(key, "must be at least 1 second"));
            }
        }
        if self.update_age > self.expires_in {
            let keys = ["session.update_age", "session.expires_in"];
            problems.push(Problem::between(&keys, "sessions would end before their use could extend them"));
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> SessionOptions {
        SessionOptions {
            expires_in: Duration::from_secs(self.expires_in),
            update_age: Duration::from_secs(self.update_age),
            max_age: Duration::from_secs(self.max_age),
            fresh_age: Duration::from_secs(self.fresh_age),
            ..SessionOptions::default()
        }
    }
}
