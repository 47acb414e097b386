//! Clients of the authorization server, as tests speak of them: each sends browsers to it and exchanges what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use http::header::AUTHORIZATION;
use identity_core::auth::{Refresh, Resolved};
use identity_core::id::ClientId;
use identity_core::oauth::client::{AuthMethod, NewClient};
use identity_core::oauth::{
    Authorization, Client, ClientAnswer, ClientMetadata, ClientPolicy, GrantType, Params, Step,
};
use identity_core::request::RequestInfo;
use identity_core::token::{Token, kind};
use serde_json::{Map, Value};

use crate::actor::{Actor, Call, Reply};
use crate::app::TestApp;

/// The redirect URI of every client that a test makes.
const CALLBACK: &str = "https://app.example.test/callback";
/// A verifier; its digest is the challenge of every request that does not say otherwise.
const VERIFIER: &str = "a-verifier-of-tests-that-is-long-enough-for-pkce";

/// A client with its own server or page.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// What it registered.
    pub client: Client,
    /// Its secret, if it has one.
    pub secret: Option<String>,
    /// Where its requests come from.
    pub actor: Actor,
}

/// The parameters of an authorization request.
#[derive(Clone, Debug)]
pub struct Ask(Vec<(String, String)>);

impl Ask {
    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a parameter beside those of the same name.
    #[must_use]
    pub fn also(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Leaves a parameter out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// The parameters as the endpoint takes them.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::new(self.0.clone())
    }
}

impl RelyingParty {
    /// A client on a server, with a secret and every grant type.
    pub async fn confidential(app: &TestApp, id: &str) -> Self {
        Self::with(app, id, AuthMethod::ClientSecretBasic, |_, _| {}).await
    }

    /// A client in a page or on a phone.
    pub async fn public(app: &TestApp, id: &str) -> Self {
        Self::with(app, id, AuthMethod::None, |_, _| {}).await
    }

    /// A client with changes.
    pub async fn with(
        app: &TestApp,
        id: &str,
        auth_method: AuthMethod,
        change: impl FnOnce(&mut ClientMetadata, &mut ClientPolicy),
    ) -> Self {
        let mut grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::DeviceCode];
        if auth_method != AuthMethod::None {
            grant_types.push(GrantType::ClientCredentials);
        }
        let mut metadata = ClientMetadata {
            redirect_uris: vec![CALLBACK.to_owned()],
            response_types: vec!["code".to_owned()],
            grant_types,
            ..ClientMetadata::default()
        };
        let mut policy = ClientPolicy::default();
        change(&mut metadata, &mut policy);
        let id = Some(ClientId::from_text(id));
        let name = "An application".to_owned();
        let new = NewClient { id, name: name.clone(), auth_method, metadata, policy };
        let created = app.identity.clients().create(new).await.unwrap_or_else(|error| panic!("{error:?}"));
        let secret = created.secret.map(|secret| secret.expose().to_owned());
        Self { client: created.client, secret, actor: app.actor("backend") }
    }

    /// A request for the scope `openid` with everything that it needs.
    #[must_use]
    pub fn ask(&self) -> Ask {
        let redirect_uri = self.client.metadata.redirect_uris.first().cloned().unwrap_or_default();
        Ask(Vec::new())
            .with("client_id", self.client.id.as_str())
            .with("redirect_uri", redirect_uri)
            .with("response_type", "code")
            .with("scope", "openid")
            .with("state", "the state")
            .with("nonce", "the nonce")
            .with("code_challenge", challenge(VERIFIER))
            .with("code_challenge_method", "S256")
    }

    /// Sends the browser of a user with a request, and lets the user agree to everything.
    ///
    /// # Panics
    /// When somebody has to do something else than agree.
    pub async fn answer(&self, app: &TestApp, user: &Actor, ask: &Ask) -> ClientAnswer {
        let browser = resolved(app, user).await;
        let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
        let mut stand =
            oauth.authorize(&ask.params(), browser.as_ref(), &info).await.expect("nothing of ours is broken");
        if let (Authorization::Ask(interaction), Some(browser)) = (&stand, &browser)
            && matches!(interaction.step, Step::Consent { .. })
        {
            stand = oauth.consent(&interaction.grant, browser, true, &info).await.expect("nothing of ours is broken");
        }
        match stand {
            Authorization::Answer(answer) => answer,
            other => panic!("the client gets no answer: {other:?}"),
        }
    }

    /// The code that comes back.
    pub async fn code(&self, app: &TestApp, user: &Actor, ask: &Ask) -> String {
        let answer = self.answer(app, user, ask).await;
        let code = answer.params.iter().find(|(name, _)| *name == "code");
        code.unwrap_or_else(|| panic!("there is a code: {answer:?}")).1.clone()
    }

    /// A form to an endpoint of clients, with the credential of the client.
    #[must_use]
    pub fn call(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let call = Call::at(Method::POST, path);
        if let Some(secret) = &self.secret {
            let credential = STANDARD.encode(format!("{}:{secret}", self.client.id));
            return call.form(fields).header(AUTHORIZATION, format!("Basic {credential}"));
        }
        let id = [("client_id", self.client.id.as_str())];
        call.form(&[&id, fields].concat())
    }

    /// Posts a form to an endpoint of clients.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.actor.send(self.call(path, fields)).await
    }

    /// Redeems a code as it should be done.
    pub async fn redeems(&self, code: &str) -> Reply {
        let redirect_uri = self.client.metadata.redirect_uris.first().cloned().unwrap_or_default();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.post("/oauth2/token", &fields).await
    }

    /// Goes the whole way: request, consent, code, tokens.
    pub async fn tokens(&self, app: &TestApp, user: &Actor, scope: &str) -> Value {
        self.tokens_for(app, user, &self.ask().with("scope", scope)).await
    }

    /// The same with a request of one's own.
    pub async fn tokens_for(&self, app: &TestApp, user: &Actor, ask: &Ask) -> Value {
        let code = self.code(app, user, ask).await;
        self.redeems(&code).await.expect(200).json()
    }

    /// Asks for new tokens.
    pub async fn refreshes(&self, refresh_token: &str) -> Reply {
        self.post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Asks UserInfo with a token.
    pub async fn userinfo(&self, access_token: &str) -> Reply {
        let call = Call::at(Method::GET, "/oauth2/userinfo");
        self.actor.send(call.header(AUTHORIZATION, format!("Bearer {access_token}"))).await
    }

    /// Asks about a token.
    pub async fn introspects(&self, token: &str) -> Value {
        self.post("/oauth2/introspect", &[("token", token)]).await.expect(200).json()
    }
}

/// The challenge of a verifier.
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Token::<kind::AuthorizationCode>::presented(verifier).digest().as_bytes())
}

/// The session in the browser of somebody, as pages find it.
pub async fn resolved(app: &TestApp, user: &Actor) -> Option<Resolved> {
    let cookie = user.browser(|browser| browser.get("session_token").map(str::to_owned))?;
    let token = cookie.split('.').next().unwrap_or_default().to_owned();
    app.identity.resolve(&Token::presented(token), Refresh::Never).await.expect("the database answers")
}

/// What a token says, without a look at its signature.
#[must_use]
pub fn claims(token: &str) -> Map<String, Value> {
    identity_core::jwt::peek(token).expect("a token")
}
