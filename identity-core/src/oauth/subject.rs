//! What a client knows a user and a session by.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::client::{Client, SubjectType};
use crate::id::{ClientId, SessionId, UserId};
use crate::shared::Shared;

/// The `sub` of a user: the same for every client, or one that no other sector sees (OpenID Connect Core, section 8.1).
pub(crate) fn subject(shared: &Shared, client: &Client, user_id: &UserId) -> String {
    match client.metadata.subject_type {
        SubjectType::Public => user_id.as_str().to_owned(),
        SubjectType::Pairwise => name(shared, &["subject", &sector(client), user_id.as_str()]),
    }
}

/// The `sid` of a session: each client sees one of its own, so that no two can compare what they know.
pub(crate) fn sid(shared: &Shared, client_id: &ClientId, session_id: &SessionId) -> String {
    name(shared, &["session", client_id.as_str(), session_id.as_str()])
}

/// The host that stands for all clients of one operator.
fn sector(client: &Client) -> String {
    let metadata = &client.metadata;
    let uri = metadata.sector_identifier_uri.as_ref().or(metadata.redirect_uris.first());
    let host = uri.and_then(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned));
    host.unwrap_or_else(|| client.id.as_str().to_owned())
}

fn name(shared: &Shared, parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(shared.signing.pairwise.sign(parts.join("\0").as_bytes()))
}
