//! `get-session`, and the list of sessions with its ends.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use identity_core::auth::Refresh;
use identity_core::session::Session;
use identity_core::{Code, Error, Result};
use serde_json::{Value, json};

use super::caller::{self, Caller, FreshCaller};
use super::error::BetterAuth;
use super::gate::Passed;
use super::input::Check;
use super::reply::{self, Reply, no_store};
use crate::cookie::Name;
use crate::facade::wire::{SessionAndUser, SessionView, User};
use crate::facade::{Facade, cache};
use crate::problem::Failure;

/// The session and its user, or `null`.
pub(super) async fn get(State(facade): State<Arc<Facade>>, passed: Passed, headers: HeaderMap) -> Response {
    let mut response = match answer(&facade, &passed, &headers).await {
        Ok(response) => response,
        Err(error) => Failure::<BetterAuth>::from(error).into_response(),
    };
    no_store(response.headers_mut());
    response
}

async fn answer(facade: &Facade, passed: &Passed, headers: &HeaderMap) -> Result<Response> {
    let Some(token) = caller::presented(facade, headers) else {
        facade.count_miss(passed).await?;
        return Ok(reply::json(Value::Null));
    };
    if facade.identity.config().http.cookie_cache
        && !passed.query_flag("disableCookieCache")
        && let Some(cached) = facade.cookies.plain(headers, Name::SessionData)
        && let Some(answer) = cache::open(facade.identity.cookie_key(), &cached, token.expose(), facade.identity.now())
    {
        return Ok(reply::json(answer));
    }
    let refresh = if passed.query_flag("disableRefresh") { Refresh::Never } else { Refresh::Allowed };
    let Some(found) = facade.identity.resolve(&token, refresh).await? else {
        facade.count_miss(passed).await?;
        let mut response = reply::json(Value::Null);
        facade.cookies.clear_session(response.headers_mut());
        return Ok(response);
    };
    let fields = facade.session_fields(&found.session);
    let tells_how = refresh == Refresh::Never;
    let view = SessionView { session: &found.session, token: token.expose(), fields: &fields, tells_how };
    let mut response = reply::json(SessionAndUser { session: view, user: User(&found.profile) });
    if found.extended {
        facade.set_session(response.headers_mut(), &token, &found.session, &found.profile);
    } else {
        facade.cache_session(response.headers_mut(), &token, &found.session, &found.profile);
    }
    Ok(response)
}

/// POST belongs to deferred refresh, which is not offered: here GET extends the session in one conditional write.
pub(super) async fn post() -> Response {
    let mut response = Failure::<BetterAuth>::from(Code::DeferredRefreshOff).into_response();
    no_store(response.headers_mut());
    response
}

/// Ends the session of the cookie, whatever state it is in.
pub(super) async fn sign_out(State(facade): State<Arc<Facade>>, passed: Passed, headers: HeaderMap) -> Reply {
    if let Some(token) = caller::presented(&facade, &headers) {
        facade.identity.sessions().sign_out(&token, &passed.info).await?;
    }
    let mut response = reply::json(json!({ "success": true }));
    facade.cookies.clear_session(response.headers_mut());
    Ok(response)
}

/// The live sessions of the user. The caller's own shows its token, the others their ids: a list must not be worth stealing.
pub(super) async fn list(State(facade): State<Arc<Facade>>, FreshCaller(caller): FreshCaller) -> Reply {
    let sessions = facade.identity.sessions().list(&caller.resolved.profile.id).await?;
    let shown: Vec<(&Session, _)> = sessions.iter().map(|session| (session, facade.session_fields(session))).collect();
    let views: Vec<_> = shown
        .iter()
        .map(|(session, fields)| {
            let own = session.id == caller.resolved.session.id;
            let token = if own { caller.token.expose() } else { session.id.as_str() };
            SessionView { session, token, fields, tells_how: false }
        })
        .collect();
    Ok(reply::json(views))
}

/// Ends one session, by its token or its id. Says yes to unknown ones too: the client wanted it gone.
pub(super) async fn revoke(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let token = check.text("token");
    check.finish()?;
    let ended = facade.identity.sessions().revoke(&caller.resolved.profile.id, token, &passed.info).await?;
    let mut response = reply::json(json!({ "status": true }));
    if ended.as_ref() == Some(&caller.resolved.session.id) {
        facade.cookies.clear_session(response.headers_mut());
    }
    Ok(response)
}

/// Ends one session by its id, and says when there is none.
pub(super) async fn revoke_by_id(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let id = check.filled("sessionId");
    check.finish()?;
    let ended = facade.identity.sessions().revoke(&caller.resolved.profile.id, id, &passed.info).await?;
    let ended = ended.ok_or_else(|| Error::new(Code::SessionNotFound))?;
    let mut response = reply::json(json!({ "status": true }));
    if ended == caller.resolved.session.id {
        facade.cookies.clear_session(response.headers_mut());
    }
    Ok(response)
}

/// Ends all sessions of the user.
pub(super) async fn revoke_all(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    facade.identity.sessions().revoke_all(&caller.resolved.profile.id, None, &passed.info).await?;
    let mut response = reply::json(json!({ "status": true }));
    facade.cookies.clear_session(response.headers_mut());
    Ok(response)
}

/// Ends all sessions of the user but the caller's.
pub(super) async fn revoke_others(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let keep = &caller.resolved.session.id;
    facade.identity.sessions().revoke_all(&caller.resolved.profile.id, Some(keep), &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}

/// Sets declared extra fields of the session.
pub(super) async fn update(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let sent = passed.input.optional_object()?;
    let session = facade.identity.sessions().update(&caller.resolved.session, &sent).await?;
    let fields = facade.session_fields(&session);
    let view = SessionView { session: &session, token: caller.token.expose(), fields: &fields, tells_how: false };
    let mut response = reply::json(json!({ "session": view }));
    facade.set_session(response.headers_mut(), &caller.token, &session, &caller.resolved.profile);
    Ok(response)
}
