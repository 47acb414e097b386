//! Tokens of a real authorization server, at a service in its own process and at one that trusts it over the network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use axum::routing::get;
use axum::{Json, Router};
use http::Method;
use identity_axum::{Authn, ProtectedResource, RequireFresh, RequireScope, TrustAnchor, scopes};
use identity_core::config::ResourceSpec;
use identity_core::oauth::client::AuthMethod;
use identity_core::user::Ban;
use identity_core::{Identity, id::UserId};
use identity_tests::{Actor, Call, RelyingParty, TestApp, claims};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::tokens::ask_with;
use super::{ask, refused, routes};

const API: &str = "https://api.test/reports";

scopes! { ReadReports = "reports:read" }

/// A service over an identity of its own, under a name of its own or none.
#[derive(Clone)]
struct Embedded(Identity, Option<ProtectedResource>);

impl FromRef<Embedded> for Authn {
    fn from_ref(Embedded(identity, resource): &Embedded) -> Self {
        resource.iter().fold(Self::from_ref(identity), |authn, resource| authn.with_resource(resource.clone()))
    }
}

fn pages<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Authn: FromRef<S>,
{
    let read = async |caller: RequireScope<ReadReports>| {
        Json(json!({ "user": caller.user().map(|user| &user.id), "client": caller.client_id }))
    };
    let fresh = async |user: RequireFresh<300>| Json(json!({ "id": user.user.id }));
    routes().route("/read", get(read)).route("/fresh", get(fresh))
}

/// An authorization server, a client of it, and services that take its tokens.
struct World {
    app: TestApp,
    party: RelyingParty,
    embedded: Router,
    remote: Router,
    /// The same without a name of their own.
    nameless: [Router; 2],
    _server: JoinSet<std::io::Result<()>>,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::builder().config(|config| {
            let scopes = vec!["reports:read".to_owned()];
            config.oauth.scopes.clone_from(&scopes);
            config.oauth.resources = vec![ResourceSpec { scopes, ..ResourceSpec::new(API) }];
        });
        let app = app.start().await;
        let party = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
            policy.resources = vec![API.to_owned()];
        });
        let party = party.await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = app.router().into_make_service_with_connect_info::<SocketAddr>();
        let server = JoinSet::from_iter([axum::serve(listener, service).into_future()]);
        let issuer = app.identity.config().http.base_url.clone();
        let resource = ProtectedResource::new(API, &issuer).unwrap();
        let anchor = || {
            let anchor = TrustAnchor::builder(&url).issuer(&issuer).timeout(Duration::from_secs(20));
            anchor.clock(Arc::clone(&app.clock) as _)
        };
        let remote = pages().with_state(anchor().resource(resource.clone()).build().unwrap());
        let embedded = pages().with_state(Embedded(app.identity.clone(), Some(resource)));
        let nameless =
            [pages().with_state(Embedded(app.identity.clone(), None)), pages().with_state(anchor().build().unwrap())];
        Self { app, party, embedded, remote, nameless, _server: server }
    }

    fn named(&self) -> [(&'static str, &Router); 2] {
        [("embedded", &self.embedded), ("remote", &self.remote)]
    }

    /// A token of a user for the API.
    async fn token(&self, user: &Actor, scope: &str) -> String {
        let ask = self.party.ask().with("scope", scope).with("resource", API);
        text(&self.party.tokens_for(&self.app, user, &ask).await)
    }

    async fn own_token(&self, fields: &[(&str, &str)]) -> String {
        let fields = [&[("grant_type", "client_credentials")], fields].concat();
        text(&self.party.post("/oauth2/token", &fields).await.expect(200).json())
    }
}

fn text(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_of_a_user_opens_what_it_is_for() {
    let world = World::start().await;
    let ann = world.app.user("ann").await;
    let id = ann.session().await["user"]["id"].clone();
    let token = world.token(&ann, "openid reports:read").await;
    let narrow = world.token(&ann, "openid").await;
    for (mode, app) in world.named() {
        assert_eq!(ask_with(app, "/read", &token).await.json(), json!({ "user": id, "client": "app" }), "{mode}");
        let known = if mode == "embedded" { json!(ann.email) } else { Value::Null };
        assert_eq!(ask_with(app, "/me", &token).await.json(), json!({ "id": id, "email": known }), "{mode}");
        assert_eq!(ask_with(app, "/fresh", &token).await.json(), json!({ "id": id }), "{mode}");
        assert_eq!(ask_with(app, "/read", &narrow).await.refusal(), refused(403, "insufficient_scope"), "{mode}");
        assert_eq!(ask_with(app, "/report", &token).await.refusal(), refused(403, "permission_denied"), "{mode}");
    }
    world.app.pass(Duration::from_secs(301));
    for (mode, app) in world.named() {
        let stale = ask_with(app, "/fresh", &token).await;
        assert_eq!(stale.refusal(), refused(401, "insufficient_user_authentication"), "{mode}");
        assert!(stale.header("www-authenticate").unwrap().contains("max_age=\"300\""), "{mode}");
    }
    world.app.pass(Duration::from_secs(310));
    for (mode, app) in world.named() {
        assert_eq!(ask_with(app, "/me", &token).await.refusal(), refused(401, "invalid_bearer"), "{mode}");
    }
}

#[tokio::test]
async fn a_token_of_an_administrator_passes_no_gate_of_a_role() {
    let world = World::start().await;
    let ann = world.app.user("ann").await;
    let id = UserId::from_text(ann.session().await["user"]["id"].as_str().unwrap());
    world.app.identity.users().set_role(&id, "admin").await.unwrap();
    let token = world.token(&ann, "openid reports:read").await;
    for (mode, app) in world.named() {
        assert_eq!(ask_with(app, "/report", &token).await.refusal(), refused(403, "permission_denied"), "{mode}");
    }
}

#[tokio::test]
async fn tokens_for_something_else_and_id_tokens_open_nothing() {
    let world = World::start().await;
    let ann = world.app.user("ann").await;
    let tokens = world.party.tokens(&world.app, &ann, "openid reports:read").await;
    let for_issuer = text(&tokens);
    assert_eq!(claims(&for_issuer)["aud"], "http://localhost:8888");
    let id_token = tokens["id_token"].as_str().unwrap();
    for (mode, app) in world.named() {
        for token in [&for_issuer, id_token] {
            for path in ["/me", "/feed", "/read"] {
                assert_eq!(ask_with(app, path, token).await.refusal(), refused(401, "invalid_bearer"), "{mode} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_without_a_name_takes_tokens_only_where_it_asks_for_a_scope() {
    let world = World::start().await;
    let ann = world.app.user("ann").await;
    let token = text(&world.party.tokens(&world.app, &ann, "openid reports:read").await);
    let named = world.token(&ann, "reports:read").await;
    for app in &world.nameless {
        assert_eq!(ask_with(app, "/read", &token).await.json()["client"], "app");
        for path in ["/me", "/feed", "/either", "/fresh", "/report"] {
            assert_eq!(ask_with(app, path, &token).await.refusal(), refused(403, "permission_denied"), "{path}");
        }
        assert_eq!(ask_with(app, "/read", &named).await.refusal(), refused(401, "invalid_bearer"));
    }
    let cleanup =
        Call::at(Method::DELETE, "/device-sessions/cleanup").header("authorization", format!("Bearer {token}"));
    world.app.actor("a client").send(cleanup).await.expect_error(403, "permission_denied");
}

#[tokio::test]
async fn a_client_in_its_own_name_is_no_user() {
    let world = World::start().await;
    let token = world.own_token(&[("resource", API), ("scope", "reports:read")]).await;
    for (mode, app) in world.named() {
        assert_eq!(ask_with(app, "/read", &token).await.json(), json!({ "user": null, "client": "app" }), "{mode}");
        assert_eq!(ask_with(app, "/me", &token).await.refusal(), refused(403, "permission_denied"), "{mode}");
        assert_eq!(ask_with(app, "/feed", &token).await.json(), Value::Null, "{mode}");
    }
}

#[tokio::test]
async fn in_the_same_process_the_end_of_what_a_token_came_of_is_seen_at_once() {
    let world = World::start().await;
    let (ann, bob) = (world.app.user("ann").await, world.app.user("bob").await);
    let (revoked, signed_out, banned) = (
        world.token(&ann, "reports:read").await,
        world.token(&ann, "reports:read").await,
        world.token(&bob, "reports:read").await,
    );
    let status = async |token: &str| ask_with(&world.embedded, "/read", token).await.status.as_u16();
    for token in [&revoked, &signed_out, &banned] {
        assert_eq!(status(token).await, 200);
    }
    let _ = world.party.post("/oauth2/revoke", &[("token", &revoked)]).await.expect(200);
    assert_eq!((status(&revoked).await, status(&signed_out).await), (401, 200));
    let _ = ann.signs_out().await.expect(200);
    let id = UserId::from_text(bob.session().await["user"]["id"].as_str().unwrap());
    world.app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    assert_eq!((status(&signed_out).await, status(&banned).await), (401, 401));
}

#[tokio::test]
async fn a_token_that_is_changed_by_a_letter_is_nobodys() {
    let world = World::start().await;
    let ann = world.app.user("ann").await;
    let token = world.token(&ann, "reports:read").await;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{head}.{other}{}", &signature[1..]);
    for (mode, app) in world.named() {
        let cookie = ann.browser(|browser| browser.header(identity_core::time::Clock::now(&*world.app.clock))).unwrap();
        let headers = [("authorization", &*format!("Bearer {forged}")), ("cookie", &*cookie)];
        assert_eq!(ask(app, "/me", &headers).await.refusal(), refused(401, "invalid_bearer"), "{mode}");
    }
}
