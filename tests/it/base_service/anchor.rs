//! A trust anchor that behaves as it is told and remembers what it was asked.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How the anchor answers an endpoint.
#[derive(Clone, Debug)]
pub(super) enum Behaviour {
    /// As a real one does.
    Normal,
    /// With this status, these headers and this body, whoever asks.
    Fixed(u16, Vec<(&'static str, String)>, String),
    /// Never.
    Silent,
}

impl Behaviour {
    pub(super) fn status(status: u16) -> Self {
        Self::Fixed(status, Vec::new(), String::from("{\"message\":\"no\"}"))
    }

    pub(super) fn body(body: impl Into<String>) -> Self {
        Self::Fixed(200, Vec::new(), body.into())
    }
}

/// One request that reached the anchor.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Debug)]
struct Inner {
    url: String,
    session: Mutex<Behaviour>,
    metadata: Mutex<Behaviour>,
    jwks: Mutex<Behaviour>,
    device: Mutex<Behaviour>,
    provision: Mutex<Behaviour>,
    asked: watch::Sender<Vec<Asked>>,
    provisioned: Mutex<HashSet<String>>,
}

/// One device has a session, with the token [`DEVICE`]. Users sign in with the tokens `ann`, `bob` (role analyst) and `root` (role admin), signed `sig=`.
#[derive(Clone, Debug)]
pub(super) struct FakeAnchor {
    pub(super) url: String,
    inner: Arc<Inner>,
    _server: Arc<JoinSet<std::io::Result<()>>>,
}

impl FakeAnchor {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            url: url.clone(),
            session: Mutex::new(Behaviour::Normal),
            metadata: Mutex::new(Behaviour::Normal),
            jwks: Mutex::new(Behaviour::status(404)),
            device: Mutex::new(Behaviour::Normal),
            provision: Mutex::new(Behaviour::Normal),
            asked: watch::Sender::new(Vec::new()),
            provisioned: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let server = JoinSet::from_iter([axum::serve(listener, app).into_future()]);
        Self { url, inner, _server: Arc::new(server) }
    }

    pub(super) fn session(&self, behaviour: Behaviour) {
        *self.inner.session.lock().unwrap() = behaviour;
    }

    pub(super) fn metadata(&self, behaviour: Behaviour) {
        *self.inner.metadata.lock().unwrap() = behaviour;
    }

    pub(super) fn jwks(&self, behaviour: Behaviour) {
        *self.inner.jwks.lock().unwrap() = behaviour;
    }

    pub(super) fn device(&self, behaviour: Behaviour) {
        *self.inner.device.lock().unwrap() = behaviour;
    }

    pub(super) fn provision(&self, behaviour: Behaviour) {
        *self.inner.provision.lock().unwrap() = behaviour;
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.borrow().clone()
    }

    /// How often `path` was asked for.
    pub(super) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.target.starts_with(path)).count()
    }

    /// Waits until `path` has been asked for.
    pub(super) async fn until_asked(&self, path: &str) {
        let mut asked = self.inner.asked.subscribe();
        asked.wait_for(|asked| asked.iter().any(|one| one.target.starts_with(path))).await.unwrap();
    }

    pub(super) fn is_provisioned(&self, user: &str) -> bool {
        self.inner.provisioned.lock().unwrap().contains(user)
    }
}

async fn answer(State(anchor): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 65536).await.unwrap().to_vec()).unwrap();
    let asked = Asked { method: parts.method, target: parts.uri.to_string(), headers: parts.headers, body };
    let (behaviour, normal): (_, fn(&Inner, &Asked) -> Response) = match asked.target.as_str() {
        "/api/auth/get-session?disableRefresh=true" => (anchor.session.lock().unwrap().clone(), get_session),
        "/api/auth/provision" => (anchor.provision.lock().unwrap().clone(), provision),
        "/.well-known/openid-configuration" => (anchor.metadata.lock().unwrap().clone(), metadata),
        "/oauth2/jwks" => (anchor.jwks.lock().unwrap().clone(), metadata),
        "/device-sessions/validate" => (anchor.device.lock().unwrap().clone(), validate_device),
        _ => (Behaviour::status(404), get_session),
    };
    anchor.asked.send_modify(|all| all.push(asked.clone()));
    match behaviour {
        Behaviour::Normal => normal(&anchor, &asked),
        Behaviour::Silent => std::future::pending().await,
        Behaviour::Fixed(status, headers, body) => {
            let mut response =
                (StatusCode::from_u16(status).unwrap(), [(CONTENT_TYPE, "application/json")], body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
    }
}

/// The user whose token stands in the cookie or the bearer.
fn user(anchor: &Inner, asked: &Asked) -> Option<Value> {
    let cookie = asked.headers.get(COOKIE).and_then(|value| value.to_str().ok());
    let cookie = cookie
        .and_then(|text| text.rsplit_once("better-auth.session_token="))
        .and_then(|(_, value)| value.strip_suffix(".sig%3D"));
    let bearer = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let name = bearer.or(cookie)?;
    let role = match name {
        "ann" => "user",
        "bob" => "user,analyst",
        "root" => "admin",
        _ => return None,
    };
    let has_wallet = anchor.provisioned.lock().unwrap().contains(name);
    Some(json!({
        "id": name, "email": format!("{name}@example.com"), "emailVerified": true, "name": name, "image": null, "role": role,
        "createdAt": "2026-11-21T07:51:05.284Z", "updatedAt": "2026-11-21T07:51:05.284Z", "hasWalletAccount": has_wallet,
    }))
}

fn json_response(body: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn metadata(anchor: &Inner, _: &Asked) -> Response {
    json_response(&json!({ "issuer": anchor.url, "jwks_uri": format!("{}/oauth2/jwks", anchor.url) }))
}

fn get_session(anchor: &Inner, asked: &Asked) -> Response {
    json_response(&user(anchor, asked).map_or(Value::Null, |user| session_of(&user)))
}

pub(super) fn session_of(user: &Value) -> Value {
    // One of them has signed in in a surer way than the others.
    let acr = (user["id"] == "bob").then_some("phr");
    json!({
        "session": {
            "acr": acr, "id": "s1", "userId": user["id"], "token": "hush", "createdAt": "2026-11-21T07:51:05.284Z",
            "updatedAt": "2026-11-21T07:51:05.284Z", "expiresAt": "2026-11-28T07:51:05.284Z", "ipAddress": "", "userAgent": "",
        },
        "user": user,
    })
}

/// The token of the one device that has a session.
pub(super) const DEVICE: &str = "0d9c1a52-7a4f-4b6e-9d3c-5f2e8a7b6c1d";

fn validate_device(_: &Inner, asked: &Asked) -> Response {
    if asked.body != format!("{{\"sessionToken\":\"{DEVICE}\"}}") {
        return json_response(&json!({ "valid": false }));
    }
    json_response(&json!({
        "valid": true,
        "session": {
            "id": "d1", "deviceId": "phone", "preferredCurrency": "USD", "createdAt": "2026-11-21T07:51:05.284Z",
            "lastActiveAt": "2026-11-21T07:51:05.284Z", "expiresAt": "2026-12-21T07:51:05.284Z", "migrated": false,
        },
    }))
}

fn provision(anchor: &Inner, asked: &Asked) -> Response {
    let Some(user) = user(anchor, asked) else { return StatusCode::UNAUTHORIZED.into_response() };
    if asked.header("x-service-authorization") != Some("Bearer wallet.wallet-secret") {
        return StatusCode::FORBIDDEN.into_response();
    }
    if asked.body != r#"{"app":"wallet"}"# {
        return StatusCode::NOT_FOUND.into_response();
    }
    let name = user["id"].as_str().unwrap().to_owned();
    anchor.provisioned.lock().unwrap().insert(name);
    let user = self::user(anchor, asked);
    json_response(&json!({ "user": user }))
}
