//! Devices without a browser: somebody enters a short code on another one (RFC 8628).

pub(crate) mod model;
pub(crate) mod store;

use serde_json::{Map, Value, json};

use super::client::{self, Client, GrantType, auth};
use super::error::{ErrorCode, OAuthError};
use super::issue::{self, Agreement, Draft, narrowed};
use super::token::Asked;
use super::{OAuth, Presented, consent, request};
use crate::audit;
use crate::auth::Resolved;
use crate::error::Result;
use crate::event::{Act, Event};
use crate::id::{DeviceAuthorizationId, TokenFamilyId, UserId};
use crate::limits::Action;
use crate::op::Op;
use crate::request::RequestInfo;
use crate::scope::ScopeSet;
use crate::session::{self, Session};
use crate::shared::Shared;
use crate::text::object;
use crate::time::{Timestamp, after};
use crate::token::{Token, kind};
use crate::user::{self, User};

use model::{DeviceAuthorization, Poll, State};

/// How often a code is drawn anew when another device happens to have the same.
const DRAWS: usize = 3;

/// A device that waits for somebody's word.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRequest {
    /// The client on the device.
    pub client: Client,
    /// The scopes that it asks for.
    pub scope: ScopeSet,
    /// The resources that it asks for.
    pub resources: Vec<String>,
    /// Until when it waits.
    pub expires_at: Timestamp,
}

impl OAuth<'_> {
    /// The device authorization endpoint (RFC 8628, section 3.1). Returns the JSON object of the answer.
    ///
    /// # Errors
    /// `invalid_client`, `unauthorized_client`, `invalid_scope`, `invalid_target`, `invalid_request`; `temporarily_unavailable` whose
    /// cause is `rate_limited`: each call leaves a row behind.
    pub async fn authorize_device(
        &self,
        presented: Presented<'_>,
        info: &RequestInfo,
    ) -> std::result::Result<Map<String, Value>, OAuthError> {
        let (shared, params) = (self.shared, presented.params);
        request::everything_is_text(params)?;
        request::nothing_is_repeated(params)?;
        let client = auth::authenticate(shared, presented).await?.into_client();
        if !client.may_use(GrantType::DeviceCode) {
            return Err(OAuthError::new(ErrorCode::UnauthorizedClient, "This client may not use this grant type."));
        }
        let scope = request::scope(params, &client, &shared.config)?;
        let resources = request::resources(params, &client, &shared.config)?;
        let options = &shared.config.oauth;
        shared.limiter.count_request(&shared.store, Action::AuthorizeDevice, info).await?;
        let mut op = Op::write(shared).await?;
        let waiting = DeviceAuthorization {
            id: DeviceAuthorizationId::mint(op.now(), op.entropy()),
            client_id: client.id,
            state: State::Pending,
            scope,
            resources,
            interval: i64::try_from(options.device_poll_interval.as_secs()).unwrap_or(i64::MAX),
            polled_at: None,
            user_id: None,
            session_id: None,
            created_at: op.now(),
            expires_at: after(op.now(), options.device_code_lifetime),
        };
        let device_code = Token::<kind::DeviceCode>::mint(op.entropy());
        let user_code = insert(&mut op, &waiting, &device_code).await?;
        op.commit().await?;
        let page = format!("{}/ui/device", shared.config.http.base_url);
        let answer = json!({
            "device_code": device_code.expose(),
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"),
            "expires_in": options.device_code_lifetime.as_secs(),
            "interval": options.device_poll_interval.as_secs(),
        });
        Ok(object(answer))
    }

    /// The device whose code somebody has entered, who from here on is the only one to decide about it. `None` for a code that is
    /// unknown, over, decided, or somebody else's.
    ///
    /// # Errors
    /// `rate_limited`: codes are short.
    pub async fn device_request(
        &self,
        user_code: &str,
        browser: &Resolved,
        info: &RequestInfo,
    ) -> Result<Option<DeviceRequest>> {
        self.shared.limiter.count_request(&self.shared.store, Action::EnterUserCode, info).await?;
        let Some(digest) = model::digest(&self.shared.signing.user_code, user_code) else { return Ok(None) };
        let mut op = Op::write(self.shared).await?;
        if user::store::share(&mut op, &browser.profile.id).await?.is_none() {
            return Ok(None);
        }
        let claimed = store::claim(&mut op, &digest, &browser.profile.id).await?;
        let Some(found) = store::find_by_code(&op, &digest).await? else { return Ok(None) };
        if !claimed {
            contested(op, found, &browser.profile.id, info).await?;
            return Ok(None);
        }
        op.commit().await?;
        let client = client::store::find(&Op::read(self.shared), &found.client_id).await?;
        let DeviceAuthorization { scope, resources, expires_at, .. } = found;
        Ok(client.map(|client| DeviceRequest { client, scope, resources, expires_at }))
    }

    /// Lets a device in or not, in the name of the user who has opened its code. Says whether there was something to decide.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn decide_device(
        &self,
        user_code: &str,
        browser: &Resolved,
        allow: bool,
        info: &RequestInfo,
    ) -> Result<bool> {
        let Some(digest) = model::digest(&self.shared.signing.user_code, user_code) else { return Ok(false) };
        let user_id = &browser.profile.id;
        let mut op = Op::write(self.shared).await?;
        if user::store::share(&mut op, user_id).await?.is_none() {
            return Ok(false);
        }
        let Some(found) = store::find_by_code(&op, &digest).await? else { return Ok(false) };
        if found.user_id.as_ref() != Some(user_id) {
            contested(op, found, user_id, info).await?;
            return Ok(false);
        }
        let client = found.client_id;
        if allow {
            consent::give(&mut op, user_id, &client, &found.scope, &found.resources, info).await?;
        }
        if !store::decide(&mut op, &digest, user_id, allow.then_some(&browser.session.id)).await? {
            return Ok(false);
        }
        let event = if allow { Event::DeviceApproved { client } } else { Event::DeviceDenied { client } };
        audit::record(&mut op, Act::own(event, user_id, info)).await?;
        op.commit().await?;
        Ok(true)
    }
}

/// Writes down that a user comes with the code of a device that waits for another one.
async fn contested(mut op: Op<'_>, found: DeviceAuthorization, user_id: &UserId, info: &RequestInfo) -> Result<()> {
    let waits = found.state == State::Pending && op.now() < found.expires_at;
    if waits && found.user_id.is_some_and(|first| first != *user_id) {
        let event = Event::DeviceContested { client: found.client_id };
        audit::record(&mut op, Act::own(event, user_id, info)).await?;
        op.commit().await?;
    }
    Ok(())
}

/// Inserts a device with a code that no other has, and returns the code.
async fn insert(
    op: &mut Op<'_>,
    waiting: &DeviceAuthorization,
    device_code: &Token<kind::DeviceCode>,
) -> Result<String> {
    let key = &op.shared().signing.user_code;
    for _ in 0..DRAWS {
        let code = model::mint_code(op.entropy());
        if let Some(digest) = model::digest(key, &code)
            && store::insert(op, waiting, &device_code.digest(), &digest).await?
        {
            return Ok(code);
        }
    }
    Err(crate::error::Error::internal("no code is free for another device"))
}

/// A device asks whether somebody has entered its code (RFC 8628, section 3.4).
pub(super) async fn poll(shared: &Shared, asked: Asked<'_>) -> std::result::Result<Draft, OAuthError> {
    let Asked { client, params, .. } = asked;
    let bad = || OAuthError::new(ErrorCode::InvalidGrant, "The device code is not good.");
    let digest = Token::<kind::DeviceCode>::presented(params.required("device_code")?).digest();
    let resources = params.all("resource").map(str::to_owned).collect();
    let mut op = Op::write(shared).await?;
    let found = store::find(&op, &digest).await?;
    let found = found.filter(|found| found.client_id == client.id).ok_or_else(bad)?;
    // The user goes before the device, as in everything that holds both.
    let held = match &found.session_id {
        Some(session_id) => session::hold(&mut op, session_id).await?,
        None => None,
    };
    let waiting = store::lock(&mut op, &found.id).await?.ok_or_else(bad)?;
    let poll = waiting.poll(op.now());
    let (code, text) = match poll {
        Poll::Approved if found.session_id.is_some() => return approved(op, client, waiting, held, resources).await,
        // An approval that came this very moment is heard of the next time.
        Poll::Pending | Poll::Approved => (ErrorCode::AuthorizationPending, "Nobody has entered the code yet."),
        Poll::Over => return Err(bad()),
        Poll::TooSoon => (ErrorCode::SlowDown, "The device asks too often."),
        Poll::Denied => (ErrorCode::AccessDenied, "The user said no."),
        Poll::Expired => (ErrorCode::ExpiredToken, "The code has run out."),
    };
    store::polled(&mut op, &waiting.id, poll == Poll::TooSoon).await?;
    op.commit().await?;
    Err(OAuthError::new(code, text))
}

/// Gives a device that was let in its tokens, once.
async fn approved(
    mut op: Op<'_>,
    client: &Client,
    waiting: DeviceAuthorization,
    held: Option<(Session, User)>,
    resources: Vec<String>,
) -> std::result::Result<Draft, OAuthError> {
    let gone = || OAuthError::new(ErrorCode::InvalidGrant, "Whoever let the device in is no longer signed in.");
    let resources = narrowed(&op.shared().config, client, resources, &waiting.resources)?;
    let held = held.filter(|(_, user)| Some(&user.id) == waiting.user_id.as_ref());
    let (session, user) = held.ok_or_else(gone)?;
    if !store::spend(&mut op, &waiting.id).await? {
        return Err(gone());
    }
    let agreement = Agreement {
        family: TokenFamilyId::mint(op.now(), op.entropy()),
        scope: waiting.scope,
        resources: waiting.resources,
        claims: Map::new(),
        nonce: None,
    };
    let draft = issue::open(&mut op, client, (&session, &user), agreement, &resources).await?;
    op.commit().await?;
    Ok(draft)
}
