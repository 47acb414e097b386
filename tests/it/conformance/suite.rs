//! The one who certifies: a server with the profile for it, a person at a browser, and what is checked of every provider.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use http::header::AUTHORIZATION;
use identity_core::jwt::{Algorithm, Expected, JwkSet, KeySet};
use identity_core::time::{Clock as _, SystemClock, Timestamp, before};
use identity_tests::{Actor, Call, Page, Reply, SelfSigned, Server, ServerBuilder};
use serde_json::{Map, Value, json};

use super::{Answer, Party, Request};

/// Where the answers for the clients of the suite go.
pub(super) const CALLBACK: &str = "https://suite.example.test/callback";
/// Where a browser goes after a logout.
pub(super) const BYE: &str = "https://suite.example.test/bye";

/// How an answer comes back (OAuth 2.0 Multiple Response Types, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Query,
    FormPost,
}

/// The provider and the person who tests it.
pub(super) struct Suite {
    pub(super) server: Server,
    pub(super) mode: Mode,
    pub(super) metadata: Value,
    pub(super) person: Actor,
    pub(super) backend: Actor,
}

impl Suite {
    /// Starts the server as the book says, and checks what every module checks first.
    pub(super) async fn start(mode: Mode) -> Self {
        Self::with(mode, Server::builder()).await
    }

    /// The same with more settings.
    pub(super) async fn with(mode: Mode, server: ServerBuilder) -> Self {
        let server = server.with(&["--profile", "conformance"]).https(SelfSigned::new()).start().await;
        let mut person = server.actor("conf");
        (person.email, person.password) = ("conf@example.org".to_owned(), "correct horse".to_owned());
        let backend = server.actor("suite");
        let reply = backend.opens("/.well-known/openid-configuration").await.expect(200);
        let metadata = reply.json();
        assert_eq!(metadata["issuer"], server.base_url(), "the issuer is where its document is");
        let suite = Self { server, mode, metadata, person, backend };
        suite.keys().await;
        suite
    }

    pub(super) fn issuer(&self) -> String {
        self.server.base_url()
    }

    /// The path of an endpoint that the metadata names.
    pub(super) fn path(&self, endpoint: &str) -> String {
        let url = self.metadata[endpoint].as_str().unwrap_or_else(|| panic!("{endpoint} in the metadata"));
        url.strip_prefix(&self.issuer()).expect("an endpoint of ours").to_owned()
    }

    /// The published keys: each with an id of its own, and nothing private.
    pub(super) async fn keys(&self) -> JwkSet {
        let document = self.backend.opens(&self.path("jwks_uri")).await.expect(200).json();
        let keys = document["keys"].as_array().expect("keys").clone();
        let ids: BTreeSet<&str> = keys.iter().map(|key| key["kid"].as_str().expect("a kid")).collect();
        assert_eq!(ids.len(), keys.len(), "ids are distinct");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(keys.iter().all(|key| key.get(private).is_none()), "{private} is nobody's business");
        }
        serde_json::from_value(document).expect("a set of keys")
    }

    /// Registers a client as the suite does, with changes, and checks the answer.
    pub(super) async fn register(&self, changes: Value) -> Party<'_> {
        let sent = metadata_of_client(&changes);
        let reply = self.registers(&sent).await.expect(201);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let document = reply.json();
        assert!(document.get("error").is_none());
        if document.get("client_secret").is_some() {
            assert!(document["client_secret_expires_at"].is_number());
        }
        let uri = document["registration_client_uri"].as_str().expect("both or none");
        assert!(uri.starts_with("https://") && document["registration_access_token"].is_string());
        Party::new(self, document)
    }

    /// Sends a registration.
    pub(super) async fn registers(&self, metadata: &Value) -> Reply {
        self.backend.send(Call::at(Method::POST, &self.path("registration_endpoint")).json(metadata)).await
    }

    /// A client that registers as one with a secret.
    pub(super) async fn client(&self) -> Party<'_> {
        self.register(json!({})).await
    }

    /// Sends the browser with a request; the person signs in, and agrees where asked.
    pub(super) async fn browse(&self, request: &Request) -> Answer {
        self.browse_as(&self.person, request).await
    }

    /// The same with the browser of somebody else.
    pub(super) async fn browse_as(&self, somebody: &Actor, request: &Request) -> Answer {
        let address = format!("{}?{}", self.path("authorization_endpoint"), request.query());
        self.goes_on(somebody.visits(&address).await, request).await
    }

    /// The login page as a client lets it be shown.
    pub(super) async fn login_page(&self, client: &Party<'_>) -> Page {
        let address = format!("{}?{}", self.path("authorization_endpoint"), client.request().query());
        self.person.visits(&address).await.at("/ui/login")
    }

    /// Does what the pages ask until the answer is there.
    pub(super) async fn goes_on(&self, mut page: Page, request: &Request) -> Answer {
        let mut shown = Vec::new();
        loop {
            let path = page.path().to_owned();
            let answered = page.id("form-post-continue").is_some();
            page = match path.as_str() {
                _ if answered => return Answer::read(self.mode, &page, request, shown),
                "/ui/login" => self.signs_in(&page).await,
                "/ui/consent" => page.at("/ui/consent").form("consent-allow").submit().await,
                _ => return Answer::read(self.mode, &page, request, shown),
            };
            shown.push(path);
        }
    }

    /// Fills the login page.
    pub(super) async fn signs_in(&self, page: &Page) -> Page {
        let form = page.clone().at("/ui/login").form("login-submit");
        form.fill("username", &self.person.email).fill("password", &self.person.password).submit().await
    }

    /// Opens a page for which the request is wrong in a way that nobody may be sent away with, and checks that nobody is.
    pub(super) async fn is_shown_an_error(&self, request: &Request) {
        let address = format!("{}?{}", self.path("authorization_endpoint"), request.query());
        let page = self.person.visits(&address).await.expect(400);
        assert_eq!((page.path(), page.reply.header("location")), (self.path("authorization_endpoint").as_str(), None));
        assert!(page.id("oauth-error").is_some(), "{}", page.text());
    }

    /// Moves the sign-in of the person into the past, as waiting would.
    pub(super) async fn sign_in_was(&self, seconds: u64) {
        self.server.database().set_moment("identity_sessions", "created_at", ago(seconds)).await;
    }

    /// The claims of a token of this type for a client, once its signature and its times are checked.
    pub(super) async fn verified(&self, token: &str, kind: &str, audience: &str) -> Map<String, Value> {
        let expected = Expected {
            issuer: &self.issuer(),
            audience: &[audience],
            types: &[kind],
            algorithms: Algorithm::ALL,
            now: SystemClock.now(),
            leeway: Duration::from_secs(1),
            allow_expired: false,
        };
        KeySet::from(&self.keys().await).verify(token, &expected).expect("a good token")
    }

    /// Asks UserInfo.
    pub(super) async fn userinfo(&self, method: Method, access_token: &str) -> Reply {
        let call = Call::at(method, &self.path("userinfo_endpoint"));
        self.backend.send(call.header(AUTHORIZATION, format!("Bearer {access_token}"))).await
    }
}

/// What the suite registers, with changes; `null` takes a member away.
fn metadata_of_client(changes: &Value) -> Value {
    let mut metadata = json!({
        "client_name": "A client of the suite",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "client_secret_basic",
        "contacts": ["certification@example.test"],
    });
    let members = metadata.as_object_mut().expect("an object");
    members.extend(changes.as_object().expect("an object").clone());
    members.retain(|_, value| !value.is_null());
    metadata
}

/// A moment this many seconds ago.
pub(super) fn ago(seconds: u64) -> Timestamp {
    before(SystemClock.now(), Duration::from_secs(seconds))
}
