//! Clients: how they are made, how they prove themselves, what is reached on their word.

mod assertions;
mod credentials;
mod metadata;
mod outbound;
mod registration;

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identity_core::audit::EventFilter;
use identity_core::id::ClientId;
use identity_core::oauth::client::{AuthMethod, CreatedClient, NewClient};
use identity_core::oauth::{Client, ClientMetadata, ClientPolicy, ErrorCode, GrantType, Params, Presented};
use identity_tests::TestApp;
use serde_json::{Value, json};

const REDIRECT: &str = "https://app.example.com/callback";

/// A client that asks for codes.
fn new(id: &str, auth_method: AuthMethod) -> NewClient {
    NewClient {
        id: Some(ClientId::from_text(id)),
        name: "An application".to_owned(),
        auth_method,
        metadata: ClientMetadata {
            redirect_uris: vec![REDIRECT.to_owned()],
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: vec!["code".to_owned()],
            ..ClientMetadata::default()
        },
        policy: ClientPolicy::default(),
    }
}

async fn create(app: &TestApp, new: NewClient) -> CreatedClient {
    app.identity.clients().create(new).await.unwrap()
}

/// Which client calls with this header and these parameters.
async fn call(app: &TestApp, header: Option<&str>, pairs: &[(&str, &str)]) -> Result<Client, ErrorCode> {
    let params = Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let presented = Presented { authorization: header, params: &params };
    app.identity.clients().authenticate(presented).await.map_err(|error| error.code())
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A key of a client.
struct Key {
    pair: Ed25519KeyPair,
    id: &'static str,
}

impl Key {
    fn new(seed: u8, id: &'static str) -> Self {
        Self { pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap(), id }
    }

    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "alg": "EdDSA", "use": "sig" })
    }

    fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({ "alg": "EdDSA", "kid": self.id }), claims)
    }

    fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// The claims of a good assertion of the client `id`.
fn claims(app: &TestApp, id: &str, jti: &str) -> Value {
    let now = app.identity.now().timestamp();
    let issuer = &app.identity.config().http.base_url;
    json!({ "iss": id, "sub": id, "aud": issuer, "iat": now, "exp": now + 60, "jti": jti })
}

/// Which client calls with an assertion.
async fn assert_as(app: &TestApp, assertion: &str) -> Result<Client, ErrorCode> {
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    call(app, None, &[("client_assertion", assertion), kind]).await
}

/// What was written down about clients: what happened, and the details.
async fn events(app: &TestApp) -> Vec<(String, Value)> {
    let filter = EventFilter { kind: Some("client".to_owned()), ..EventFilter::default() };
    let events = app.identity.audit().list(&filter, None, 100).await.unwrap();
    events.into_iter().map(|event| (event.kind, Value::Object(event.details))).collect()
}

const DAY: Duration = Duration::from_hours(24);
