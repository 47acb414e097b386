//! The shapes of the answers.

use identity_core::config::DeviceOptions;
use identity_core::device::{DeviceSession, Eligibility};
use serde_json::{Map, Value, json};

use crate::facade::wire::date;

/// A session without its token. `expiresAt` moves with the use of the session.
pub(super) fn session(session: &DeviceSession, policy: &DeviceOptions) -> Value {
    json!({
        "id": session.id,
        "deviceId": session.device_id.as_str(),
        "preferredCurrency": session.preferred_currency.as_str(),
        "createdAt": date(session.created_at),
        "lastActiveAt": date(session.last_active_at),
        "expiresAt": date(session.ends_at(policy)),
        // Clients read it; a session that has become a user's is never shown.
        "migrated": false,
    })
}

/// `canMigrate`, and why not.
pub(super) fn eligibility(eligibility: Eligibility) -> Map<String, Value> {
    let reason = eligibility.reason();
    let can = [("canMigrate".to_owned(), json!(reason.is_none()))];
    can.into_iter().chain(reason.map(|reason| ("reason".to_owned(), json!(reason)))).collect()
}
