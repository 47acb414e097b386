//! A request with nothing wrong, and where its answer goes.

use std::mem;

use serde::{Deserialize, Serialize};

use crate::id::ClientId;
use crate::oauth::authorize::{ClientAnswer, ResponseMode};
use crate::oauth::claims::ClaimsRequest;
use crate::oauth::error::OAuthError;
use crate::scope::ScopeSet;

/// What `prompt` asks for (OpenID Connect Core, section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Prompt {
    pub(crate) none: bool,
    pub(crate) login: bool,
    pub(crate) consent: bool,
    pub(crate) select_account: bool,
    pub(crate) create: bool,
}

impl Prompt {
    fn words(self) -> String {
        let words = [
            (self.none, "none"),
            (self.login, "login"),
            (self.consent, "consent"),
            (self.select_account, "select_account"),
            (self.create, "create"),
        ];
        words.into_iter().filter_map(|(asked, word)| asked.then_some(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Where answers to a request go. Only a request whose client and redirect URI were checked has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyTo {
    redirect_uri: String,
    /// Whether the request named it, so that the token request has to name it too.
    named: bool,
    mode: ResponseMode,
    state: Option<String>,
}

impl ReplyTo {
    /// For the checks alone: nothing else may say where an answer goes.
    pub(super) fn new(redirect_uri: String, named: bool, mode: ResponseMode, state: Option<String>) -> Self {
        Self { redirect_uri, named, mode, state }
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    pub(crate) fn mode(&self) -> ResponseMode {
        self.mode
    }

    pub(crate) fn was_named(&self) -> bool {
        self.named
    }

    /// An answer with these parameters, `state` and `iss` (RFC 9207).
    fn answer(&self, issuer: &str, params: Vec<(&'static str, String)>) -> ClientAnswer {
        let state = self.state.iter().map(|state| ("state", state.clone()));
        let params = params.into_iter().chain(state).chain([("iss", issuer.to_owned())]).collect();
        ClientAnswer { redirect_uri: self.redirect_uri.clone(), mode: self.mode, params }
    }

    pub(crate) fn code(&self, issuer: &str, code: &str) -> ClientAnswer {
        self.answer(issuer, vec![("code", code.to_owned())])
    }

    pub(crate) fn refusal(&self, issuer: &str, error: &OAuthError) -> ClientAnswer {
        let code = ("error", error.code().as_str().to_owned());
        self.answer(issuer, vec![code, ("error_description", error.description())])
    }
}

/// A request with nothing wrong. It is stored while somebody signs in and agrees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: ClientId,
    pub(crate) reply_to: ReplyTo,
    pub(crate) scope: ScopeSet,
    pub(crate) resources: Vec<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: Option<String>,
    pub(crate) prompt: Prompt,
    /// How old the sign-in may be, in seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) login_hint: Option<String>,
    /// The subject, as the client knows it, whom the answer must be about.
    pub(crate) subject: Option<String>,
    pub(crate) ui_locales: Vec<String>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) claims: ClaimsRequest,
}

impl AuthorizationRequest {
    /// Asks for these scopes alone.
    pub(crate) fn narrow(&mut self, scope: &ScopeSet) {
        self.scope = self.scope.intersection(scope);
        self.claims = mem::take(&mut self.claims).within(scope);
    }

    /// The request as parameters, for a page that wants to show something of it: what somebody agrees to there is this scope and these
    /// resources, and nothing besides.
    pub(crate) fn params(&self, scope: &ScopeSet) -> Vec<(&'static str, String)> {
        let challenged = self.code_challenge.is_some();
        let params = [
            ("response_type", "code".to_owned()),
            ("redirect_uri", self.reply_to.redirect_uri.clone()),
            ("scope", scope.to_string()),
            ("state", self.reply_to.state.clone().unwrap_or_default()),
            ("client_id", self.client_id.as_str().to_owned()),
            ("prompt", self.prompt.words()),
            ("login_hint", self.login_hint.clone().unwrap_or_default()),
            ("ui_locales", self.ui_locales.join(" ")),
            ("code_challenge", self.code_challenge.clone().unwrap_or_default()),
            ("code_challenge_method", if challenged { "S256" } else { "" }.to_owned()),
            ("nonce", self.nonce.clone().unwrap_or_default()),
        ];
        let resources = self.resources.iter().map(|resource| ("resource", resource.clone()));
        params.into_iter().chain(resources).filter(|(_, value)| !value.is_empty()).collect()
    }
}
