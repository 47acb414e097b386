//! A client that the suite registered, what it sends and what it checks of each answer.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::AUTHORIZATION;
use identity_core::entropy::{OsEntropy, alphanumeric};
use identity_core::jwt;
use identity_core::keys::Signer;
use identity_core::time::{Clock as _, SystemClock};
use identity_tests::{Call, Page, Reply};
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::suite::{CALLBACK, Mode, Suite};

/// How certain a code is to be at least, in bits, by the characters that it has.
const LEAST_ENTROPY: f64 = 96.0;

/// A registered client.
pub(super) struct Party<'a> {
    pub(super) suite: &'a Suite,
    /// What registration answered.
    pub(super) document: Value,
    /// The key of `private_key_jwt`.
    pub(super) key: Option<Signer>,
}

/// An authorization request.
#[derive(Clone, Debug)]
pub(super) struct Request(Vec<(String, String)>);

/// The tokens of a client, checked.
pub(super) struct Tokens {
    /// The answer of the token endpoint.
    pub(super) body: Value,
    /// The claims of the ID token.
    pub(super) id: Map<String, Value>,
}

/// What the browser brought back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) params: BTreeMap<String, String>,
    /// The pages on the way.
    pub(super) shown: Vec<String>,
}

impl Request {
    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    pub(super) fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

impl Answer {
    /// Takes the answer from where it belongs, and checks what every answer has.
    pub(super) fn read(mode: Mode, page: &Page, request: &Request, shown: Vec<String>) -> Self {
        let target = request.get("redirect_uri").unwrap_or(CALLBACK);
        let pairs: Vec<(String, String)> = match mode {
            Mode::Query => {
                assert_eq!(page.reply.status, 303, "{}: {}", page.url, page.text());
                assert!(page.url.as_str().starts_with(target) && page.url.fragment().is_none(), "{}", page.url);
                let registered = target.split_once('?').map_or("", |(_, query)| query);
                let own: Vec<_> = url::form_urlencoded::parse(registered.as_bytes()).into_owned().collect();
                page.url.query_pairs().into_owned().filter(|pair| !own.contains(pair)).collect()
            }
            Mode::FormPost => {
                let form = page.clone().expect(200).form("form-post-continue");
                assert_eq!(form.action.as_str(), target);
                form.fields
            }
        };
        let params: BTreeMap<String, String> = pairs.iter().cloned().collect();
        assert_eq!(params.len(), pairs.len(), "nothing stands twice: {pairs:?}");
        assert_eq!(params.get("state").map(String::as_str), request.get("state"), "the state comes back as it was");
        Self { params, shown }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// The code; it cannot be guessed, and no error stands beside it.
    pub(super) fn code(&self) -> &str {
        let code = self.get("code").unwrap_or_else(|| panic!("a code: {:?}", self.params));
        assert!(code.len() * 6 >= 128 && entropy(code) >= LEAST_ENTROPY, "{code}");
        assert!(self.params.keys().all(|name| ["code", "state", "iss"].contains(&name.as_str())), "{:?}", self.params);
        code
    }

    /// Checks that it is one of these errors, with nothing that an error must not have.
    pub(super) fn is_error(&self, errors: &[&str]) {
        let error = self.get("error").unwrap_or_else(|| panic!("an error: {:?}", self.params));
        assert!(errors.contains(&error), "{error}");
        let known = ["error", "error_description", "state", "iss"];
        assert!(self.params.keys().all(|name| known.contains(&name.as_str())), "{:?}", self.params);
        let text = self.get("error_description").unwrap_or_default();
        assert!(text.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{text}");
    }

    /// Checks that nobody was asked anything on the way.
    pub(super) fn is_silent(&self) {
        assert!(self.shown.is_empty(), "{:?}", self.shown);
    }
}

/// The entropy of a text by the frequencies of its characters (Shannon), in bits.
fn entropy(text: &str) -> f64 {
    let mut counts = BTreeMap::<char, f64>::new();
    text.chars().for_each(|c| *counts.entry(c).or_default() += 1.0);
    let all: f64 = counts.values().sum();
    all * counts.values().map(|count| -(count / all) * (count / all).log2()).sum::<f64>()
}

impl<'a> Party<'a> {
    pub(super) fn new(suite: &'a Suite, document: Value) -> Self {
        Self { suite, document, key: None }
    }

    pub(super) fn with_key(mut self, key: Signer) -> Self {
        self.key = Some(key);
        self
    }

    /// A member of what was registered.
    pub(super) fn word(&self, member: &str) -> &str {
        self.document[member].as_str().unwrap_or_else(|| panic!("{member} in {}", self.document))
    }

    pub(super) fn id(&self) -> &str {
        self.word("client_id")
    }

    /// The usual request: no PKCE, a state and a nonce of its own.
    pub(super) fn request(&self) -> Request {
        let redirect_uri = self.document["redirect_uris"][0].as_str().expect("a redirect URI");
        let request = Request(Vec::new())
            .with("client_id", self.id())
            .with("redirect_uri", redirect_uri)
            .with("scope", "openid")
            .with("state", random(43))
            .with("nonce", random(43))
            .with("response_type", "code");
        match self.suite.mode {
            Mode::Query => request,
            Mode::FormPost => request.with("response_mode", "form_post"),
        }
    }

    /// A form to an endpoint, with the credential of the client.
    pub(super) async fn posts(&self, endpoint: &str, fields: &[(&str, &str)]) -> Reply {
        self.suite.backend.send(self.call(endpoint, fields)).await
    }

    /// Posts a form to the token endpoint with an assertion.
    pub(super) async fn posts_with(&self, assertion: &str, fields: &[(&str, &str)]) -> Reply {
        let call = Call::at(Method::POST, &self.suite.path("token_endpoint"));
        self.suite.backend.send(call.form(&[fields, &assertion_fields(assertion)].concat())).await
    }

    /// The same, to be shaped before it is sent.
    pub(super) fn call(&self, endpoint: &str, fields: &[(&str, &str)]) -> Call {
        let call = Call::at(Method::POST, &self.suite.path(endpoint));
        match self.word("token_endpoint_auth_method") {
            "client_secret_basic" => {
                let credential = STANDARD.encode(format!("{}:{}", self.id(), self.word("client_secret")));
                call.form(fields).header(AUTHORIZATION, format!("Basic {credential}"))
            }
            "client_secret_post" => {
                let credential = [("client_id", self.id()), ("client_secret", self.word("client_secret"))];
                call.form(&[fields, &credential].concat())
            }
            "private_key_jwt" => {
                let assertion = self.assertion(&json!({}));
                call.form(&[fields, &assertion_fields(&assertion)].concat())
            }
            "none" => call.form(&[fields, &[("client_id", self.id())]].concat()),
            other => panic!("{other} is no method of the suite"),
        }
    }

    /// An assertion of the client (RFC 7523), with other claims.
    pub(super) fn assertion(&self, changes: &Value) -> String {
        let now = SystemClock.now().timestamp();
        let mut claims = json!({
            "iss": self.id(), "sub": self.id(), "aud": self.suite.issuer(), "iat": now, "exp": now + 60, "jti": random(22),
        });
        let members = claims.as_object_mut().expect("an object");
        members.extend(changes.as_object().expect("an object").clone());
        self.key.as_ref().expect("a key").sign("JWT", members).expect("a signature")
    }

    /// Takes its registration back (RFC 7592, section 2.3).
    pub(super) async fn removes_itself(&self) {
        let path = self.word("registration_client_uri").strip_prefix(&self.suite.issuer()).expect("a page of ours");
        let call = Call::at(Method::DELETE, path);
        let credential = format!("Bearer {}", self.word("registration_access_token"));
        let _ = self.suite.backend.send(call.header(AUTHORIZATION, credential)).await.expect(204);
    }

    /// Redeems a code.
    pub(super) async fn redeems(&self, request: &Request, code: &str) -> Reply {
        let redirect_uri = request.get("redirect_uri").unwrap_or(CALLBACK);
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        self.posts("token_endpoint", &fields).await
    }

    /// Redeems an answer, and checks tokens and UserInfo as every module does.
    pub(super) async fn tokens(&self, request: &Request, answer: &Answer) -> Tokens {
        let reply = self.redeems(request, answer.code()).await.expect(200);
        self.checked(request, &reply).await
    }

    /// Goes the whole way with a request.
    pub(super) async fn signs_in(&self, request: &Request) -> Tokens {
        let answer = self.suite.browse(request).await;
        self.tokens(request, &answer).await
    }

    /// Checks an answer of the token endpoint with an ID token, and that its access token opens UserInfo.
    pub(super) async fn checked(&self, request: &Request, reply: &Reply) -> Tokens {
        let body = reply.json();
        assert!(reply.header("cache-control").is_some_and(|value| value.contains("no-store")));
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
        let (access_token, id_token) = (body["access_token"].as_str().unwrap(), body["id_token"].as_str().unwrap());
        let header = jwt::header(id_token).expect("a header");
        let algorithm = self.document["id_token_signed_response_alg"].as_str().unwrap_or("RS256");
        assert_eq!((header.algorithm.as_str(), header.key_id.is_some()), (algorithm, true));
        let now = SystemClock.now();
        let id = self.suite.verified(id_token, "JWT", self.id()).await;
        assert_eq!(id.get("nonce").and_then(Value::as_str), request.get("nonce"));
        let within = |name: &str| id[name].as_i64().expect("seconds") - now.timestamp();
        assert!((-300..=1).contains(&within("iat")) && within("exp") < 50 * 365 * 86_400, "{id:?}");
        assert!(id.get("auth_time").is_none_or(|_| within("auth_time") <= 1));
        assert!(id.get("acr").is_none_or(|acr| acr.as_str().is_some_and(|acr| !acr.is_empty())));
        let allowed = "iss sub aud exp iat auth_time nonce acr amr azp at_hash c_hash s_hash nbf jti sid txn";
        let more = id.keys().filter(|name| !allowed.split(' ').any(|known| known == name.as_str()));
        assert_eq!(more.count(), 0, "claims of scopes are for UserInfo: {id:?}");
        let info = self.suite.userinfo(Method::GET, access_token).await.expect(200);
        if info.header("content-type") == Some("application/json") {
            assert_eq!(info.json()["sub"], id["sub"]);
        }
        Tokens { body, id }
    }
}

impl Tokens {
    pub(super) fn word(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("{member} in the answer"))
    }

    /// Checks that somebody else's tokens tell of the same sign-in.
    pub(super) fn are_of_the_sign_in_of(&self, other: &Self) {
        assert_eq!((&self.id["sub"], &self.id["auth_time"]), (&other.id["sub"], &other.id["auth_time"]));
    }
}

/// How an assertion is sent.
fn assertion_fields(assertion: &str) -> [(&str, &str); 2] {
    [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ]
}

/// Letters and digits that nobody has seen before.
pub(super) fn random(length: usize) -> String {
    alphanumeric(&OsEntropy, length)
}
