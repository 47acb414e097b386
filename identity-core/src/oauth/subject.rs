//! What a client knows a user and a session by.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::client::{Client, GrantType, SubjectType};
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

/// What stands for all clients of one operator: a host that answers for them, or gets their codes. A client without one is a sector by
/// itself: addresses that it never uses prove nothing, and everybody has a loopback address.
fn sector(client: &Client) -> String {
    let metadata = &client.metadata;
    let redirect_uri = metadata.redirect_uris.first().filter(|_| client.may_use(GrantType::AuthorizationCode));
    let uri = metadata.sector_identifier_uri.as_ref().or(redirect_uri);
    let host = uri.and_then(|uri| Url::parse(uri).ok()?.host_str().map(str::to_owned));
    let host = host.filter(|host| !["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str()));
    host.unwrap_or_else(|| client.id.as_str().to_owned())
}

fn name(shared: &Shared, parts: &[&str]) -> String {
    URL_SAFE_NO_PAD.encode(shared.signing.pairwise.sign(parts.join("\0").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::client::{AuthMethod, ClientKind, ClientMetadata, ClientPolicy};
    use crate::time::Timestamp;

    fn client(grant: GrantType, redirect_uri: &str, sector: Option<&str>) -> Client {
        Client {
            id: ClientId::from_text("app"),
            name: "An application".to_owned(),
            kind: ClientKind::Public,
            auth_method: AuthMethod::None,
            metadata: ClientMetadata {
                redirect_uris: vec![redirect_uri.to_owned()],
                grant_types: vec![grant],
                sector_identifier_uri: sector.map(str::to_owned),
                ..ClientMetadata::default()
            },
            policy: ClientPolicy::default(),
            registered: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_used_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_a_host_that_gets_codes_or_lists_clients_is_a_sector() {
        let of = |grant, uri: &str, document| sector(&client(grant, uri, document));
        let code = GrantType::AuthorizationCode;
        assert_eq!(of(code, "https://a.example/cb", None), "a.example");
        assert_eq!(of(code, "https://a.example/cb", Some("https://b.example/list")), "b.example");
        assert_eq!(of(GrantType::DeviceCode, "https://a.example/cb", None), "app");
        for uri in ["http://127.0.0.1/cb", "http://[::1]:80/cb", "http://localhost:3000/", "com.example.app:/cb"] {
            assert_eq!(of(code, uri, None), "app", "{uri}");
        }
    }
}
