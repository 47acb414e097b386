//! Authorization requests: whatever the query says, an answer goes to a registered address or nowhere.

use std::sync::LazyLock;

use identity_core::config::{Config, ResourceSpec};
use identity_core::crypto::hmac;
use identity_core::id::ClientId;
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::testing::{self, Checked};
use identity_core::oauth::{Client, ClientKind, ClientMetadata, ClientPolicy, GrantType, Params};
use identity_core::time::Timestamp;

const REGISTERED: [&str; 3] = ["https://app.example/cb", "https://app.example/cb?x=1", "http://127.0.0.1/cb"];
const API: &str = "https://api.example";

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let mut config = Config::default();
    config.oauth.resources = vec![ResourceSpec::new(API)];
    config
});

fn client() -> Client {
    Client {
        id: ClientId::from_text("app"),
        name: "An application".to_owned(),
        kind: ClientKind::Confidential,
        auth_method: AuthMethod::ClientSecretBasic,
        metadata: ClientMetadata {
            redirect_uris: REGISTERED.map(str::to_owned).to_vec(),
            grant_types: GrantType::ALL.to_vec(),
            ..ClientMetadata::default()
        },
        policy: ClientPolicy { require_pkce: false, resources: vec![API.to_owned()], ..ClientPolicy::default() },
        registered: false,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        last_used_at: Timestamp::UNIX_EPOCH,
    }
}

/// The query of a request. An answer goes to an address that is registered, but for the port of this machine, with the state byte by
/// byte, the issuer, and a sentence in the characters of RFC 6749. A good request is stored as it was read.
#[must_use]
pub fn authorization(data: &[u8]) -> bool {
    let pairs = url::form_urlencoded::parse(data).map(|(name, value)| (name.into_owned(), value.into_owned()));
    let params = Params::new(pairs);
    let key = hmac::Key::new(b"a key that nobody has");
    for (_, value) in params.iter() {
        assert!(!testing::is_genuine(&key, value), "{value} is a refresh token");
        let letters = value.bytes().filter(u8::is_ascii_alphanumeric).count();
        assert!(!testing::is_user_code(&key, value) || letters == 8, "{value} is a code");
    }
    match testing::authorization(client(), &CONFIG, &params) {
        Checked::Refused => false,
        Checked::Answered(answer) => {
            assert_is_ours(&answer.redirect_uri);
            let param = |name: &str| answer.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            assert_eq!(param("iss"), Some(&CONFIG.http.base_url));
            assert!(param("code").is_none() && param("error").is_some(), "{answer:?}");
            if let Some(state) = param("state") {
                assert_eq!(params.one("state").ok().flatten(), Some(state.as_str()));
            }
            let text = param("error_description").expect("a sentence");
            assert!(text.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{text}");
            false
        }
        Checked::Stored(request) => {
            assert_eq!(params.one("response_type").ok().flatten(), Some("code"));
            let request: serde_json::Value = serde_json::from_str(&request).expect("JSON");
            assert_is_ours(
                request.pointer("/reply_to/redirect_uri").and_then(serde_json::Value::as_str).expect("an address"),
            );
            true
        }
    }
}

fn assert_is_ours(uri: &str) {
    let on_this_machine = uri.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix("/cb"));
    let port = on_this_machine.and_then(|port| port.parse::<u16>().ok());
    assert!(REGISTERED.contains(&uri) || port.is_some(), "an answer would go to {uri}");
}
