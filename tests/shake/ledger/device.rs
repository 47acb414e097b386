//! What a device was promised.

use identity_core::time::{Clock as _, SystemClock};
use serde_json::json;

use super::Standing;
use crate::wire::{Answer, Lost, Wire};

/// How many sessions a device opens: less than it may have, so that none of them ends for it.
const SESSIONS: usize = 4;

/// A device session as the writers know it.
#[derive(Debug)]
pub(super) struct Device {
    id: String,
    pub(super) token: String,
    standing: Standing,
    /// The device was there at this time or later, in milliseconds since 1970.
    seen: i64,
    /// Whose it has become.
    owner: Option<String>,
}

/// The time as answers show it.
pub(super) fn now() -> i64 {
    SystemClock.now().timestamp_millis()
}

impl Device {
    /// The name of a device for its session `number`.
    pub(super) fn name(number: usize) -> String {
        format!("device-{}", number / SESSIONS)
    }

    /// The session that an answer promises, asked for at `seen`.
    pub(super) fn promised(answer: &Answer, seen: i64) -> Option<Self> {
        let body = answer.json();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let (id, token) = (text(&body["session"]["id"])?, text(&body["sessionToken"])?);
        Some(Self { id, token, standing: Standing::Live, seen, owner: None })
    }

    pub(super) fn is_live(&self) -> bool {
        self.standing == Standing::Live
    }

    /// Its activity was promised, asked for at `seen`.
    pub(super) fn was_active(&mut self, seen: i64) {
        self.seen = seen;
    }

    /// Its migration was asked for, and perhaps promised to somebody.
    pub(super) fn migrated(&mut self, owner: Option<String>) {
        self.standing = if owner.is_some() { Standing::Ended } else { Standing::Unknown };
        self.owner = owner;
    }

    /// Its id and whose it has become.
    pub(super) fn owner(&self) -> Option<(String, String)> {
        Some((self.id.clone(), self.owner.clone()?))
    }

    /// Says what is missing of what was promised.
    pub(super) async fn verify(&self, wire: &mut Wire) -> Result<Option<String>, Lost> {
        if self.standing == Standing::Unknown {
            return Ok(None);
        }
        let body = json!({ "sessionToken": self.token });
        let answer = wire.insist("//device-sessions/validate", "", &body).await?.json();
        if self.is_live() {
            let active = answer["session"]["lastActiveAt"].as_str().map(str::to_owned).unwrap_or_default();
            let active = active.parse::<chrono::DateTime<chrono::Utc>>().ok().map(|time| time.timestamp_millis());
            let kept = answer["valid"] == true && answer["session"]["id"] == self.id.as_str();
            return Ok((!kept || active < Some(self.seen)).then(|| format!("a live session is {answer}")));
        }
        let again = wire.insist("//device-sessions/migration-eligibility", "", &body).await?.json();
        let kept = answer["valid"] == false && again["reason"] == "already migrated";
        Ok((!kept).then(|| format!("a migrated session is {answer} and {again}")))
    }
}
