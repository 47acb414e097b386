//! The checks of an authorization request, one named function each, in the order in which they are made.

mod model;

pub(crate) use model::{AuthorizationRequest, Prompt, ReplyTo};

use url::Url;

use super::authorize::{ClientAnswer, ResponseMode};
use super::claims::ClaimsRequest;
use super::client::{self, Client, ClientKind, GrantType};
use super::error::{ErrorCode, OAuthError};
use super::offer;
use super::params::Params;
use crate::config::Config;
use crate::error::Result as Ours;
use crate::id::ClientId;
use crate::jwt::{Algorithm, Expected};
use crate::keys;
use crate::op::Op;
use crate::scope::{OFFLINE_ACCESS, OPENID, ScopeSet};
use crate::shared::Shared;
use crate::time::CLOCK_SKEW;

/// Longest parameter of those that are kept as they came, in bytes. Longer ones are refused, never cut.
const MOST_BYTES: usize = 2048;
/// Most words of a list that are looked at.
const MOST_WORDS: usize = 16;
/// Most resources of one request.
const MOST_RESOURCES: usize = 16;

/// A request whose client and redirect URI are right: whatever else is wrong with it, the client may hear of.
#[derive(Debug)]
pub(crate) struct ClientChecked<'p> {
    pub(crate) client: Client,
    params: &'p Params,
    reply_to: ReplyTo,
}

/// What an `id_token_hint` says.
#[derive(Debug)]
pub(crate) enum Hint {
    Absent,
    Subject(String),
    /// It is no ID token of ours.
    Wrong,
}

impl<'p> ClientChecked<'p> {
    /// Checks client and redirect URI. What is wrong with them is shown on a page and goes nowhere (RFC 9700, section 4.11.2).
    pub(crate) async fn check(op: &Op<'_>, params: &'p Params) -> Ours<Result<Self, OAuthError>> {
        let id = match everything_is_text(params).and_then(|()| params.required("client_id")) {
            Ok(id) => ClientId::from_text(id),
            Err(error) => return Ok(Err(error)),
        };
        let Some(client) = client::store::find(op, &id).await? else {
            return Ok(Err(OAuthError::new(ErrorCode::InvalidClient, "There is no such client.")));
        };
        Ok(Self::of(client, params))
    }

    /// The same for a client that is known.
    pub(super) fn of(client: Client, params: &'p Params) -> Result<Self, OAuthError> {
        let (redirect_uri, named) = redirect_uri(&client, params)?;
        let mode = match params.one("response_mode") {
            Ok(Some("form_post")) => ResponseMode::FormPost,
            _ => ResponseMode::Query,
        };
        let state = params.one("state").ok().flatten().filter(|state| state.len() <= MOST_BYTES);
        let reply_to = ReplyTo::new(redirect_uri, named, mode, state.map(str::to_owned));
        Ok(Self { client, params, reply_to })
    }

    pub(crate) fn refusal(&self, issuer: &str, error: &OAuthError) -> ClientAnswer {
        self.reply_to.refusal(issuer, error)
    }

    /// Makes all other checks.
    pub(crate) fn request(&self, config: &Config, hint: Hint) -> Result<AuthorizationRequest, OAuthError> {
        let (params, client) = (self.params, &self.client);
        nothing_is_repeated(params)?;
        nothing_is_passed_by_object(params)?;
        response_type(params, client)?;
        response_mode(params)?;
        short_enough(params, "state")?;
        let nonce = short_enough(params, "nonce")?;
        let scope = scope(params, client, config)?;
        let resources = resources(params, client, config)?;
        let code_challenge = code_challenge(params, client, config)?;
        let prompt = prompt(params)?;
        let max_age = max_age(params)?.or(client.metadata.default_max_age);
        let claims = params.one("claims")?.map(ClaimsRequest::parse).transpose()?.unwrap_or_default();
        let claims = claims.within(&offer::scopes_for(&config.oauth, client));
        let subject = subject(hint, &claims)?;
        let words = |name| {
            let words = words(short_enough(params, name)?.as_deref());
            Ok::<_, OAuthError>(words.into_iter().take(MOST_WORDS).collect::<Vec<_>>())
        };
        let acr_values = Some(words("acr_values")?).filter(|values| !values.is_empty());
        Ok(AuthorizationRequest {
            client_id: client.id.clone(),
            reply_to: self.reply_to.clone(),
            scope,
            resources,
            nonce,
            code_challenge,
            prompt,
            max_age,
            login_hint: short_enough(params, "login_hint")?,
            subject,
            ui_locales: words("ui_locales")?,
            acr_values: acr_values.unwrap_or_else(|| client.metadata.default_acr_values.clone()),
            claims,
        })
    }
}

/// Reads the `id_token_hint`. One that has run out is as good as any: it only says whom the client means.
pub(crate) async fn hint(shared: &Shared, params: &Params) -> Ours<Hint> {
    let Ok(hint) = params.one("id_token_hint") else { return Ok(Hint::Wrong) };
    let Some(hint) = hint else { return Ok(Hint::Absent) };
    let expected = Expected {
        issuer: &shared.config.http.base_url,
        audience: &[],
        types: &["JWT"],
        algorithms: Algorithm::ALL,
        now: shared.clock.now(),
        leeway: CLOCK_SKEW,
        allow_expired: true,
    };
    let claims = keys::verify(shared, hint, &expected).await?.ok();
    let subject = claims.and_then(|claims| claims.get("sub").and_then(|sub| sub.as_str().map(str::to_owned)));
    Ok(subject.map_or(Hint::Wrong, Hint::Subject))
}

/// The redirect URI must be a registered one, character by character. Without one in the request, the only one is meant, unless the
/// request is one of OpenID Connect, which has to say it (OpenID Connect Core, section 3.1.2.1).
fn redirect_uri(client: &Client, params: &Params) -> Result<(String, bool), OAuthError> {
    let registered = client.metadata.redirect_uris.as_slice();
    let wrong = |text: &'static str| Err(OAuthError::new(ErrorCode::InvalidRequest, text));
    match (params.one("redirect_uri")?, registered) {
        (Some(uri), _) if client::redirect_uri_matches(client, uri) => Ok((uri.to_owned(), true)),
        (Some(_), _) => wrong("The redirect_uri is not registered for this client."),
        (None, [only]) if !asks_for_openid(params) => Ok((only.clone(), false)),
        (None, _) => wrong("The parameter redirect_uri is missing."),
    }
}

fn asks_for_openid(params: &Params) -> bool {
    params.all("scope").any(|scope| scope.split(' ').any(|word| word == OPENID))
}

/// No database takes a NUL for text.
pub(crate) fn everything_is_text(params: &Params) -> Result<(), OAuthError> {
    if params.iter().any(|(_, value)| value.contains('\0')) {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "A parameter has a NUL in it."));
    }
    Ok(())
}

/// Parameters stand once (RFC 6749, section 3.1), but for `resource` (RFC 8707, section 2).
pub(crate) fn nothing_is_repeated(params: &Params) -> Result<(), OAuthError> {
    params
        .iter()
        .map(|(name, _)| name)
        .filter(|name| *name != "resource")
        .try_for_each(|name| params.one(name).map(drop))
}

/// Requests are not passed by value or by reference (OpenID Connect Core, sections 6 and 7.2.1).
fn nothing_is_passed_by_object(params: &Params) -> Result<(), OAuthError> {
    let ways = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    for (name, code) in ways {
        if params.one(name)?.is_some() {
            return Err(OAuthError::new(code, format!("The parameter {name} is not offered here.")));
        }
    }
    Ok(())
}

fn response_type(params: &Params, client: &Client) -> Result<(), OAuthError> {
    if params.required("response_type")? != "code" {
        let text = "The only response_type is code.";
        return Err(OAuthError::new(ErrorCode::UnsupportedResponseType, text));
    }
    let types = &client.metadata.response_types;
    if !client.may_use(GrantType::AuthorizationCode) || !types.is_empty() && !types.iter().any(|kind| kind == "code") {
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "This client may not ask for codes."));
    }
    Ok(())
}

fn response_mode(params: &Params) -> Result<(), OAuthError> {
    match params.one("response_mode")? {
        None | Some("query" | "form_post") => Ok(()),
        Some(_) => Err(OAuthError::new(ErrorCode::InvalidRequest, "The response_mode is query or form_post.")),
    }
}

fn short_enough(params: &Params, name: &str) -> Result<Option<String>, OAuthError> {
    let value = params.one(name)?;
    if value.is_some_and(|value| value.len() > MOST_BYTES) {
        let text = format!("The parameter {name} is longer than {MOST_BYTES} bytes.");
        return Err(OAuthError::new(ErrorCode::InvalidRequest, text));
    }
    Ok(value.map(str::to_owned))
}

/// Scopes that nobody here knows are left out (OpenID Connect Core, section 3.1.2.1); those that the client may not have are refused.
/// `offline_access` means nothing to a client that never asks with a refresh token (section 11).
pub(crate) fn scope(params: &Params, client: &Client, config: &Config) -> Result<ScopeSet, OAuthError> {
    let Some(text) = params.one("scope")? else { return Ok(ScopeSet::default()) };
    let asked = ScopeSet::parse(text)
        .map_err(|_| OAuthError::new(ErrorCode::InvalidScope, "The scope is not a list of scopes."))?;
    let known = asked.intersection(&offer::scopes(&config.oauth));
    if known.is_empty() {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "None of these scopes is offered here."));
    }
    if !known.is_within(&offer::scopes_for(&config.oauth, client)) {
        return Err(OAuthError::new(ErrorCode::InvalidScope, "This client may not have all of these scopes."));
    }
    let useless: ScopeSet = (!client.may_use(GrantType::RefreshToken)).then_some(OFFLINE_ACCESS).into_iter().collect();
    Ok(known.difference(&useless))
}

/// Resources are known, and this client's to ask for (RFC 8707, section 2).
pub(crate) fn resources(params: &Params, client: &Client, config: &Config) -> Result<Vec<String>, OAuthError> {
    let mut resources: Vec<String> = params.all("resource").map(str::to_owned).collect();
    resources.sort();
    resources.dedup();
    if resources.len() > MOST_RESOURCES || !resources.iter().all(|uri| offer::may_reach(config, client, uri)) {
        return Err(OAuthError::new(ErrorCode::InvalidTarget, "The resource is unknown, or not for this client."));
    }
    Ok(resources)
}

/// PKCE with S256 (RFC 7636); only confidential clients go without, and only where an operator says so.
fn code_challenge(params: &Params, client: &Client, config: &Config) -> Result<Option<String>, OAuthError> {
    let wrong = |text: &'static str| Err(OAuthError::new(ErrorCode::InvalidRequest, text));
    match (params.one("code_challenge")?, params.one("code_challenge_method")?) {
        (Some(challenge), Some("S256")) if is_sha256(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => wrong("The code_challenge is not the base64url form of a SHA-256."),
        (Some(_), _) => wrong("The code_challenge_method must be S256."),
        (None, Some(_)) => wrong("The parameter code_challenge is missing."),
        (None, None) if needs_challenge(client, config) => wrong("PKCE is required: the code_challenge is missing."),
        (None, None) => Ok(None),
    }
}

fn needs_challenge(client: &Client, config: &Config) -> bool {
    let relaxed = !client.policy.require_pkce || client.registered && config.oauth.relaxed_pkce;
    client.kind == ClientKind::Public || !relaxed
}

fn is_sha256(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn prompt(params: &Params) -> Result<Prompt, OAuthError> {
    let mut prompt = Prompt::default();
    let words = words(params.one("prompt")?);
    for word in &words {
        match word.as_str() {
            "none" => prompt.none = true,
            "login" => prompt.login = true,
            "consent" => prompt.consent = true,
            "select_account" => prompt.select_account = true,
            "create" => prompt.create = true,
            _ => return Err(OAuthError::new(ErrorCode::InvalidRequest, "The prompt is unknown.")),
        }
    }
    if prompt.none && words.iter().any(|word| word != "none") {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "The prompt none stands alone."));
    }
    Ok(prompt)
}

fn max_age(params: &Params) -> Result<Option<u64>, OAuthError> {
    let seconds = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let wrong = || OAuthError::new(ErrorCode::InvalidRequest, "The max_age is a number of seconds.");
    params.one("max_age")?.map(|text| seconds(text).ok_or_else(wrong)).transpose()
}

/// The user whom the client means, by a hint or by the `claims` parameter; both may be there if they agree.
fn subject(hint: Hint, claims: &ClaimsRequest) -> Result<Option<String>, OAuthError> {
    let hinted = match hint {
        Hint::Absent => None,
        Hint::Subject(subject) => Some(subject),
        Hint::Wrong => {
            let text = "The id_token_hint is not an ID token of this server.";
            return Err(OAuthError::new(ErrorCode::InvalidRequest, text));
        }
    };
    match (hinted, claims.subject()) {
        (Some(hinted), Some(claimed)) if hinted != claimed => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, "The id_token_hint and the claims name different users."))
        }
        (hinted, claimed) => Ok(hinted.or_else(|| claimed.map(str::to_owned))),
    }
}

fn words(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether remembered consent is worth something: whoever gets the answer is the client and not just somebody who uses its name
/// (RFC 8252, section 8.6).
pub(crate) fn is_assured(client: &Client, request: &AuthorizationRequest) -> bool {
    let https = Url::parse(request.reply_to.redirect_uri()).is_ok_and(|uri| uri.scheme() == "https");
    client.kind == ClientKind::Confidential || https
}
