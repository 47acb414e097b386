//! The API of device sessions at `/device-sessions`: who somebody is before they sign in.

mod wire;

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode};
use identity_core::device::{Currency, DeviceId, Eligibility, NewDeviceSession};
use identity_core::limits::Action;
use identity_core::token::{Token, kind};
use identity_core::{Code, Error, Identity, Result};
use serde_json::{Value, json};

use crate::auth::Authn;
use crate::better_auth::cors::Cors;
use crate::better_auth::gate::{Gate, Passed, Rule};
use crate::better_auth::input::Check;
use crate::credentials::{Presentation, device_token};
use crate::extract::user::RequireUser;
use crate::facade::Facade;
use crate::middleware::AroundLayer;
use crate::middleware::host::Hosts;
use crate::problem::{Api, Failure};

/// The headers that a page may send.
const HEADERS: HeaderValue = HeaderValue::from_static("content-type, authorization, x-device-session-token");

/// The routes of device sessions, at `/device-sessions`, for the hosts that the identity answers for.
///
/// They stand at the root and not below the base path of the Better Auth API, so an application that embeds the identity mounts
/// them only if it wants them: `.merge(identity_axum::device_router(&identity))`. As with [`router`](crate::router), serve the
/// application with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router<S>(identity: &Identity) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let facade = Facade::new(identity);
    let hosts = Hosts::of(&identity.config().http).layer(|_, error| Failure::<Api>::from(error).into_response());
    let cors = Cors::new(&facade, HEADERS);
    routes(&facade).layer(AroundLayer((hosts, cors))).with_state(facade)
}

fn routes(facade: &Arc<Facade>) -> Router<Arc<Facade>> {
    const PLAIN: Rule = Rule::PLAIN;
    const CREATE: Rule = Rule::limited(Action::CreateDevice);
    // What services ask for their users is counted only when it finds nobody.
    const ASK: Rule = Rule::COUNTS_ITSELF;

    type Methods = MethodRouter<Arc<Facade>>;
    let endpoints: [(&str, Rule, Methods); 10] = [
        ("/device-sessions", CREATE, post(create)),
        ("/device-sessions/", CREATE, post(create)),
        ("/device-sessions", PLAIN, delete(end)),
        ("/device-sessions/", PLAIN, delete(end)),
        ("/device-sessions/validate", ASK, post(validate)),
        ("/device-sessions/activity", PLAIN, put(activity)),
        ("/device-sessions/info", ASK, get(info)),
        ("/device-sessions/migration-eligibility", PLAIN, post(eligibility)),
        ("/device-sessions/migrate", PLAIN, post(migrate)),
        ("/device-sessions/cleanup", PLAIN, delete(cleanup)),
    ];
    let router = endpoints.into_iter().fold(Router::new(), |router, (path, rule, methods)| {
        router.route(path, methods.route_layer(AroundLayer(Gate::new::<Api>(facade, rule))))
    });
    router.method_not_allowed_fallback(async || Failure::<Api>::from(Code::MethodNotAllowed))
}

/// Lets the extractors of base services work here too.
impl FromRef<Arc<Facade>> for Authn {
    fn from_ref(facade: &Arc<Facade>) -> Self {
        Self::from_ref(&facade.identity)
    }
}

/// What a handler returns.
type Reply = Result<Json<Value>, Failure<Api>>;

/// Opens a session and shows its token, this once. The token in the header, if there is one, may lose its place to it.
async fn create(
    State(facade): State<Arc<Facade>>,
    passed: Passed,
    headers: HeaderMap,
) -> Result<Response, Failure<Api>> {
    let mut check = Check::body(&passed.input);
    let device_id = check.text("deviceId");
    let currency = check.optional_text("preferredCurrency");
    check.finish()?;
    let new = NewDeviceSession {
        device_id: DeviceId::parse(device_id)?,
        preferred_currency: currency.map(Currency::parse).transpose()?.unwrap_or_default(),
    };
    let presented = match device_token(&headers) {
        Presentation::Presented(token) => Some(token),
        Presentation::NotPresented | Presentation::Malformed => None,
    };
    let issued = facade.identity.device_sessions().create(new, presented.as_ref()).await?;
    let session = wire::session(&issued.session, &facade.identity.config().device);
    let answer = json!({ "session": session, "sessionToken": issued.token.expose() });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Says whether a token is good, and keeps it alive when it is.
async fn validate(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let token = token_of_body(&passed)?;
    let Some(session) = facade.identity.device_sessions().resolve(&token).await? else {
        facade.count_miss(&passed).await?;
        return Ok(Json(json!({ "valid": false })));
    };
    let session = wire::session(&session, &facade.identity.config().device);
    Ok(Json(json!({ "valid": true, "session": session })))
}

/// The heartbeat.
async fn activity(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let token = token_of_body(&passed)?;
    if facade.identity.device_sessions().touch(&token).await? {
        Ok(Json(json!({ "message": "The activity is written down." })))
    } else {
        Err(Code::DeviceSessionNotFound.into())
    }
}

/// The session of the header, and whether it can become a user's.
async fn info(State(facade): State<Arc<Facade>>, passed: Passed, headers: HeaderMap) -> Reply {
    let token = match device_token(&headers) {
        Presentation::Presented(token) => token,
        Presentation::NotPresented => return Err(Code::DeviceTokenMissing.into()),
        Presentation::Malformed => return Err(no_token("x-device-session-token").into()),
    };
    let Some(session) = facade.identity.device_sessions().resolve(&token).await? else {
        facade.count_miss(&passed).await?;
        return Err(Code::DeviceSessionNotFound.into());
    };
    let mut answer = wire::eligibility(Eligibility::Eligible);
    answer.insert("session".to_owned(), wire::session(&session, &facade.identity.config().device));
    Ok(Json(Value::Object(answer)))
}

/// Whether a session can become a user's, and if not, why.
async fn eligibility(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let token = token_of_body(&passed)?;
    let eligibility = facade.identity.device_sessions().eligibility(&token).await?;
    Ok(Json(Value::Object(wire::eligibility(eligibility))))
}

/// Makes a session the caller's. Whose it becomes stands in the caller's own session and nowhere else.
async fn migrate(State(facade): State<Arc<Facade>>, user: RequireUser, passed: Passed) -> Reply {
    let token = token_of_body(&passed)?;
    facade.identity.device_sessions().migrate(&token, &user.profile().id, &passed.info).await?;
    Ok(Json(json!({ "success": true, "message": "The device session is migrated." })))
}

/// Ends a session. Says yes to unknown ones too: the client wanted it gone.
async fn end(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let token = token_of_body(&passed)?;
    facade.identity.device_sessions().delete(&token).await?;
    Ok(Json(json!({ "message": "The device session is gone." })))
}

/// Removes what has run out, for an administrator who does not want to wait for the worker.
async fn cleanup(State(facade): State<Arc<Facade>>, user: RequireUser, passed: Passed) -> Reply {
    let row = facade.identity.users().find(&user.profile().id).await?;
    if !row.is_some_and(|row| row.is_administrator()) {
        return Err(Code::PermissionDenied.into());
    }
    let deleted = facade.identity.device_sessions().cleanup(&user.profile().id, &passed.info).await?;
    Ok(Json(json!({ "message": "Expired device sessions are removed.", "deletedCount": deleted })))
}

/// The `sessionToken` of a body.
fn token_of_body(passed: &Passed) -> Result<Token<kind::Device>> {
    let mut check = Check::body(&passed.input);
    let token = check.text("sessionToken");
    check.finish()?;
    Token::parse(token).ok_or_else(|| no_token("sessionToken"))
}

fn no_token(place: &'static str) -> Error {
    Error::new(Code::InvalidInput).with_field(place).with_detail("Invalid input: expected a UUID in lower case")
}
