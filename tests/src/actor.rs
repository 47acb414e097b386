//! People, as tests speak of them: each has an address, a password, a browser and a network address.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::header::{CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use identity_core::time::Clock;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::browser::{Browser, SetCookie};

/// Somebody with a browser.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The name, also the local part of the address.
    pub name: String,
    /// The e-mail address: `<name>@example.test`.
    pub email: String,
    /// The password.
    pub password: String,
    /// Where the requests come from.
    pub ip: IpAddr,
    site: Site,
    browser: Arc<Mutex<Browser>>,
}

/// Where an actor's requests go.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The public URL, which is the origin of the actor's pages.
    pub(crate) base_url: String,
    /// Where the Better Auth API is mounted.
    pub(crate) base_path: String,
    /// By what clock cookies expire.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Transport,
}

#[derive(Clone, Debug)]
pub(crate) enum Transport {
    /// A router in this process.
    Router(axum::Router),
    /// A server that listens.
    Network(reqwest::Client),
}

impl Actor {
    pub(crate) fn new(name: &str, site: Site) -> Self {
        Self {
            name: name.to_owned(),
            email: format!("{name}@example.test"),
            password: format!("the password of {name}"),
            ip: IpAddr::from([127, 0, 0, 1]),
            site,
            browser: Arc::default(),
        }
    }

    /// The same person at another browser.
    #[must_use]
    pub fn at_another_browser(&self) -> Self {
        Self { browser: Arc::default(), ..self.clone() }
    }

    /// The same person and browser at another network address. Only in-process requests can choose it.
    #[must_use]
    pub fn from_ip(&self, ip: impl Into<IpAddr>) -> Self {
        Self { ip: ip.into(), ..self.clone() }
    }

    /// The public URL of the site, which is the origin of its pages.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.site.base_url
    }

    /// The cookies, to look at or to tamper with.
    pub fn browser<T>(&self, with: impl FnOnce(&mut Browser) -> T) -> T {
        with(&mut self.browser.lock().expect("no test panicked with it"))
    }

    /// Signs up with name, address and password.
    pub async fn signs_up(&self) -> Reply {
        let body = json!({ "name": self.name, "email": self.email, "password": self.password });
        self.post("/sign-up/email", body).await
    }

    /// Signs in with address and password.
    pub async fn signs_in(&self) -> Reply {
        self.post("/sign-in/email", json!({ "email": self.email, "password": self.password })).await
    }

    /// Signs out.
    pub async fn signs_out(&self) -> Reply {
        self.post("/sign-out", json!({})).await
    }

    /// What get-session says: `null`, or the session and the user.
    pub async fn session(&self) -> Value {
        self.get("/get-session").await.json()
    }

    /// Whether get-session knows a user.
    pub async fn is_signed_in(&self) -> bool {
        !self.session().await.is_null()
    }

    /// A GET below the Better Auth base path.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// A POST of JSON below the Better Auth base path.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// A PUT of JSON below the Better Auth base path.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// A DELETE below the Better Auth base path.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Opens a link, such as one from a mail, or a path of the site outside the Better Auth API.
    pub async fn opens(&self, link: &str) -> Reply {
        let path = link.strip_prefix(&self.site.base_url).unwrap_or(link);
        self.send(Call::new(Method::GET, path.to_owned())).await
    }

    /// A request below the Better Auth base path, to be shaped before it is sent. It carries the site's own origin.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> Call {
        self.request_at(method, &format!("{}{path}", self.site.base_path))
    }

    /// The same for a path of the site as it stands.
    #[must_use]
    pub fn request_at(&self, method: Method, path: &str) -> Call {
        Call::new(method, path.to_owned()).header(ORIGIN, &self.site.base_url)
    }

    /// Sends a request with the browser's cookies, and takes the cookies of the reply.
    pub async fn send(&self, call: Call) -> Reply {
        let Call { method, path, mut headers, body } = call;
        let now = self.site.clock.now();
        if !headers.contains_key(COOKIE)
            && let Some(cookies) = self.browser(|browser| browser.header(now))
        {
            headers.insert(COOKIE, cookies.parse().expect("cookies are header values"));
        }
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("identity-tests"));
        let reply = match &self.site.transport {
            Transport::Router(router) => self.ask_router(router.clone(), method, &path, headers, body).await,
            Transport::Network(client) => {
                let url = if path.starts_with("http") { path } else { format!("{}{path}", self.site.base_url) };
                let response = client.request(method, url).headers(headers).body(body).send().await;
                let response = response.unwrap_or_else(|error| panic!("the server does not answer: {error:?}"));
                let (status, headers) = (response.status(), response.headers().clone());
                Reply { status, headers, body: response.bytes().await.expect("the body arrives whole") }
            }
        };
        self.browser(|browser| browser.take(&reply.headers, now));
        reply
    }

    async fn ask_router(
        &self,
        router: axum::Router,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Reply {
        let host = self.site.base_url.split("://").nth(1).expect("the base URL has a host");
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap_or_else(|error| panic!("{path:?} is a path: {error}"));
        *request.headers_mut() = headers;
        request.headers_mut().entry(HOST).or_insert(host.parse().expect("a host is a header value"));
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.ip, 40_000)));
        let response = router.oneshot(request).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("the body arrives whole");
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

/// A request that has not been sent yet.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, headers: HeaderMap::new(), body: Vec::new() }
    }

    /// A request as a program sends it, without an origin.
    #[must_use]
    pub fn at(method: Method, path: &str) -> Self {
        Self::new(method, path.to_owned())
    }

    /// Sets a header. A `Cookie` takes the place of the browser's cookies.
    #[must_use]
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: impl AsRef<[u8]>) -> Self {
        let name = name.try_into().ok().expect("a header name");
        self.headers.insert(name, HeaderValue::from_bytes(value.as_ref()).expect("a header value"));
        self
    }

    /// Adds a header beside those of the same name.
    #[must_use]
    pub fn also(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.append(name, HeaderValue::from_static(value));
        self
    }

    /// Leaves a header out.
    #[must_use]
    pub fn without(mut self, name: HeaderName) -> Self {
        self.headers.remove(name);
        self
    }

    /// Carries JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header(CONTENT_TYPE, "application/json").body(body.to_string())
    }

    /// Carries a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// Carries these bytes; the content type is not touched.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} {:?} is JSON: {error}", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code` of an error body, whatever its dialect: `{code}` or `{"error":{code}}`.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let code = body.get("code").or_else(|| body.get("error")?.get("code"))?;
        code.as_str().map(str::to_owned)
    }

    /// The `error` of an OAuth body.
    #[must_use]
    pub fn oauth_error(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body.get("error")?.as_str().map(str::to_owned)
    }

    /// Checks status and word of an OAuth error, and that it has a sentence in the characters that RFC 6749 allows.
    ///
    /// # Panics
    /// When they are others.
    #[track_caller]
    pub fn expect_oauth(&self, status: u16, error: &str) {
        let seen = (self.status.as_u16(), self.oauth_error());
        assert_eq!(seen, (status, Some(error.to_owned())), "{}", self.text());
        let body = self.json();
        let text = body.get("error_description").and_then(Value::as_str).expect("a sentence");
        assert!(text.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{text}");
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header is text"))
    }

    /// The cookies it sets or deletes, in order.
    #[must_use]
    pub fn cookies(&self) -> Vec<SetCookie> {
        SetCookie::all(&self.headers)
    }

    /// Checks the status, and shows the body when it is another.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Checks status and code of an error.
    ///
    /// # Panics
    /// When they are others.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) {
        let seen = (self.status.as_u16(), self.code());
        assert_eq!(seen, (status, Some(code.to_owned())), "{}", self.text());
    }
}
