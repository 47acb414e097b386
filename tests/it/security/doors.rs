//! The doors that take a token, and keys that write one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::AUTHORIZATION;
use identity_axum::TrustAnchor;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Ask, Call, RelyingParty, Site, SiteAnswer, TestApp, claims};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use url::form_urlencoded::Serializer;

use super::over_http::address;
use crate::base_service::{ask, refused, routes};

pub(super) fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs what it is told to.
pub(super) struct Pen {
    pub(super) pair: Ed25519KeyPair,
    pub(super) id: String,
}

impl Pen {
    fn of_stranger() -> Self {
        Self { pair: Ed25519KeyPair::generate().unwrap(), id: "stranger".to_owned() }
    }

    /// One that our own tokens are signed with.
    async fn of_ours(app: &TestApp) -> Self {
        let signer = app.identity.signing_keys().signer(Algorithm::EdDsa).await.unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(&signer.to_pkcs8().unwrap()).unwrap();
        Self { pair, id: signer.key_id().to_owned() }
    }

    pub(super) fn jwk(&self) -> Value {
        let x = part(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "alg": "EdDSA", "use": "sig" })
    }

    pub(super) fn writes(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", part(header), part(payload));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", part(signature))
    }
}

/// A place that takes tokens of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    UserInfo,
    UserInfoForm,
    UserInfoBelow,
    Introspection,
    /// An extractor over the identity in the same process.
    Near,
    /// An extractor of a service that fetches our keys.
    Far,
    DeviceCleanup,
    AuthorizationHint,
    TokenEndpoint,
    IntrospectionAsClient,
    RevocationAsClient,
    DeviceAsClient,
    LogoutHint,
    LogoutHintForm,
    Revocation,
}

/// The doors of access tokens, of ID tokens and of assertions. Those that end something when they open stand last.
const ACCESS: [Door; 8] = [
    Door::UserInfo,
    Door::UserInfoForm,
    Door::UserInfoBelow,
    Door::Introspection,
    Door::Near,
    Door::Far,
    Door::DeviceCleanup,
    Door::Revocation,
];
const HINT: [Door; 3] = [Door::AuthorizationHint, Door::LogoutHint, Door::LogoutHintForm];
const ASSERTION: [Door; 4] =
    [Door::TokenEndpoint, Door::IntrospectionAsClient, Door::RevocationAsClient, Door::DeviceAsClient];

/// The three kinds of tokens that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Hint,
    Assertion,
}

const KINDS: [Kind; 3] = [Kind::Access, Kind::Hint, Kind::Assertion];

impl Kind {
    fn doors(self) -> &'static [Door] {
        match self {
            Self::Access => &ACCESS,
            Self::Hint => &HINT,
            Self::Assertion => &ASSERTION,
        }
    }
}

pub(super) struct World {
    app: TestApp,
    ann: Actor,
    party: RelyingParty,
    /// The access token and the ID token that the party has got.
    access: String,
    id_token: String,
    ours: Pen,
    /// The key of a client that signs assertions.
    clients: Pen,
    pub(super) stranger: Pen,
    /// Where the keys of the stranger are.
    pub(super) canary: Site,
    near: Router,
    far: Router,
    _server: JoinSet<std::io::Result<()>>,
}

impl World {
    pub(super) async fn start() -> Self {
        // A fetch would succeed, if anything were fetched.
        let app = TestApp::builder().config(|config| config.oauth.outbound.allow_private = true).start().await;
        let (ann, party) = (app.user("ann").await, RelyingParty::confidential(&app, "app").await);
        let tokens = party.tokens(&app, &ann, "openid email").await;
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let clients = Pen { id: "client".to_owned(), ..Pen::of_stranger() };
        let keys = json!({ "keys": [clients.jwk()] });
        let _ = RelyingParty::with(&app, "signing", AuthMethod::PrivateKeyJwt, |metadata, _| {
            metadata.jwks = Some(keys);
        })
        .await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
        let server = JoinSet::from_iter([axum::serve(listener, service).into_future()]);
        let anchor = TrustAnchor::builder(&url).issuer(&app.identity.config().http.base_url);
        let anchor = anchor.timeout(Duration::from_secs(20)).clock(Arc::clone(&app.clock) as _).build().unwrap();
        let stranger = Pen::of_stranger();
        let canary = Site::start(SiteAnswer::Document(json!({ "keys": [stranger.jwk()] }))).await;
        Self {
            near: routes().with_state(app.identity.clone()),
            far: routes().with_state(anchor),
            ours: Pen::of_ours(&app).await,
            access: text("access_token"),
            id_token: text("id_token"),
            app,
            ann,
            party,
            clients,
            stranger,
            canary,
            _server: server,
        }
    }

    /// The key, the header and the claims that a good token of a kind has.
    pub(super) fn good(&self, kind: Kind) -> (&Pen, Map<String, Value>, Map<String, Value>) {
        let header = |pen: &Pen, typ: Option<&str>| {
            let mut header = json!({ "alg": "EdDSA", "kid": pen.id });
            if let Some(typ) = typ {
                header["typ"] = json!(typ);
            }
            header.as_object().unwrap().clone()
        };
        match kind {
            Kind::Access => (&self.ours, header(&self.ours, Some("at+jwt")), claims(&self.access)),
            Kind::Hint => (&self.ours, header(&self.ours, Some("JWT")), claims(&self.id_token)),
            Kind::Assertion => {
                let now = self.app.identity.now().timestamp();
                let claims = json!({
                    "iss": "signing", "sub": "signing", "aud": "http://localhost:8888", "iat": now, "exp": now + 60, "jti": "1",
                });
                (&self.clients, header(&self.clients, None), claims.as_object().unwrap().clone())
            }
        }
    }

    /// Whether a token opens a door. Every other answer than yes and the right no fails.
    async fn opens(&self, door: Door, token: &str) -> bool {
        match door {
            Door::UserInfo | Door::UserInfoForm | Door::UserInfoBelow => {
                let call = match door {
                    Door::UserInfoForm => Call::at(Method::POST, "/oauth2/userinfo").form(&[("access_token", token)]),
                    Door::UserInfo => bearer("/oauth2/userinfo", Method::GET, token),
                    _ => bearer("/api/auth/oauth2/userinfo", Method::GET, token),
                };
                let reply = self.party.actor.send(call).await;
                if reply.status != 200 {
                    reply.expect_oauth(401, "invalid_token");
                }
                reply.status == 200
            }
            Door::Introspection => self.party.introspects(token).await["active"] == true,
            Door::Near | Door::Far => {
                let router = if door == Door::Near { &self.near } else { &self.far };
                // A good token is for the issuer, and opens only what asks for a scope.
                let answer = ask(router, "/me", &[("authorization", &format!("Bearer {token}"))]).await.refusal();
                assert!(
                    [refused(401, "invalid_bearer"), refused(403, "permission_denied")].contains(&answer),
                    "{answer:?}"
                );
                answer.0 == 403
            }
            Door::DeviceCleanup => {
                let reply = self.party.actor.send(bearer("/device-sessions/cleanup", Method::DELETE, token)).await;
                assert!([401, 403].contains(&reply.status.as_u16()), "{}", reply.text());
                reply.status == 403
            }
            Door::Revocation => {
                let _ = self.party.post("/oauth2/revoke", &[("token", token)]).await.expect(200);
                self.party.introspects(&self.access).await["active"] == false
            }
            Door::AuthorizationHint => {
                let ask: Ask = self.party.ask().with("prompt", "none").with("id_token_hint", token);
                let reply = self.ann.opens(&address(&ask)).await.expect(303);
                let location = reply.header("location").unwrap();
                assert!(location.contains("?code=") || location.contains("?error=invalid_request&"), "{location}");
                location.contains("?code=")
            }
            Door::LogoutHint | Door::LogoutHintForm => {
                if !self.ann.is_signed_in().await {
                    return true;
                }
                let reply = if door == Door::LogoutHint {
                    let query = Serializer::new(String::new()).append_pair("id_token_hint", token).finish();
                    self.ann.opens(&format!("/oauth2/logout?{query}")).await
                } else {
                    self.ann.send(Call::at(Method::POST, "/oauth2/logout").form(&[("id_token_hint", token)])).await
                };
                assert_eq!(reply.status, 303, "{}", reply.text());
                !self.ann.is_signed_in().await
            }
            Door::TokenEndpoint => self.asserts("/oauth2/token", &[("grant_type", "client_credentials")], token).await,
            Door::IntrospectionAsClient => self.asserts("/oauth2/introspect", &[("token", "x")], token).await,
            Door::RevocationAsClient => self.asserts("/oauth2/revoke", &[("token", "x")], token).await,
            Door::DeviceAsClient => self.asserts("/oauth2/device", &[("scope", "openid")], token).await,
        }
    }

    async fn asserts(&self, path: &str, fields: &[(&str, &str)], assertion: &str) -> bool {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let proof = [("client_assertion_type", kind), ("client_assertion", assertion)];
        let reply = self.party.actor.send(Call::at(Method::POST, path).form(&[fields, &proof].concat())).await;
        if reply.status != 200 {
            reply.expect_oauth(401, "invalid_client");
        }
        reply.status == 200
    }

    /// Checks that no token of a list opens anything, and that a good one opens each door of its kind.
    pub(super) async fn stays_shut(&self, tokens: impl Fn(&Self, Kind) -> Vec<(String, String)>) {
        for kind in KINDS {
            for (what, token) in tokens(self, kind) {
                for door in kind.doors() {
                    assert!(!self.opens(*door, &token).await, "{door:?} with {what}: {token}");
                }
            }
        }
        assert_eq!(self.canary.asked(), 0, "somebody asked where a token said");
        for kind in KINDS {
            for (number, door) in kind.doors().iter().enumerate() {
                let (pen, header, mut claims) = self.good(kind);
                if kind == Kind::Assertion {
                    claims["jti"] = json!(format!("good {number}"));
                }
                let token = pen.writes(&text(&header), &text(&claims));
                assert!(self.opens(*door, &token).await, "{door:?} does not know a good token");
            }
        }
    }
}

fn bearer(path: &str, method: Method, token: &str) -> Call {
    Call::at(method, path).header(AUTHORIZATION, format!("Bearer {token}"))
}

pub(super) fn text(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}
