//! Letting in a device without a browser, by the code that it shows (RFC 8628, section 3.3).

use askama::Template;
use http::StatusCode;

use super::consent::{Right, rights};
use super::form::{Field, Notice, Trouble};
use super::reply::{self, Reply, see_other};
use super::view::{Asking, Pending, USER_CODE, View};
use super::visit::Visit;
use super::{DEVICE, DEVICE_CONFIRM, LOGIN};

/// The parameter that says how it ended.
const STATE: &str = "state";
const CONNECTED: &str = "connected";
const DENIED: &str = "denied";

#[derive(Debug, Template)]
#[template(path = "device.html")]
struct Enter<'a> {
    view: &'a View,
    code: Field,
    notice: Option<Notice>,
}

#[derive(Debug, Template)]
#[template(path = "device_confirm.html")]
struct Confirm<'a> {
    view: &'a View,
    client: &'a Asking,
    code: &'a str,
    rights: Vec<Right>,
    resources: Vec<String>,
}

#[derive(Debug, Template)]
#[template(path = "device_done.html")]
struct Done<'a> {
    view: &'a View,
    title: &'static str,
    lede: &'static str,
}

/// Asks for the code. One that came with the address is filled in, and nothing happens before somebody sends it: whoever made the
/// link may want a stranger to let their device in.
pub(super) async fn show(visit: Visit) -> Reply {
    let texts = &visit.view.t().device_confirm;
    let (title, lede) = match visit.text(STATE)? {
        CONNECTED => (texts.done(), texts.done_lede()),
        DENIED => (texts.denied(), texts.denied_lede()),
        _ => return enter(&visit, visit.text(USER_CODE)?, None, StatusCode::OK),
    };
    reply::page(StatusCode::OK, &visit.view, &Done { view: &visit.view, title, lede })
}

fn enter(visit: &Visit, code: &str, error: Option<&str>, status: StatusCode) -> Reply {
    let code = Field { error: error.map(str::to_owned), ..Field::new("user-code", code).focused() };
    // The code stands in its field, and nowhere else.
    let view = View { pending: Pending::Nothing, ..visit.view.clone() };
    reply::page(status, &view, &Enter { view: &view, code, notice: None })
}

/// Takes the code.
pub(super) async fn submit(visit: Visit) -> Reply {
    let typed = visit.text(USER_CODE)?.trim();
    // Whatever stands between the letters does not count; keyboards of phones make many things of a dash.
    let code: String = typed.chars().filter(char::is_ascii_alphanumeric).collect();
    let texts = visit.view.t();
    if typed.is_empty() {
        return enter(&visit, "", Some(texts.common.no_code()), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let Some(pending) = Pending::device(&code) else {
        return enter(&visit, typed, Some(texts.device.unknown()), StatusCode::UNPROCESSABLE_ENTITY);
    };
    let view = View { pending, ..visit.view.clone() };
    see_other(&view.url(DEVICE_CONFIRM))
}

/// Asks whether to let the device in, once somebody is signed in.
pub(super) async fn ask(mut visit: Visit) -> Reply {
    let Pending::Device(code) = visit.view.pending.clone() else { return see_other(&visit.view.url(DEVICE)) };
    let Some(session) = visit.session() else { return see_other(&visit.view.url(LOGIN)) };
    let user = session.profile.clone();
    let oauth = visit.site.facade.identity.oauth();
    let request = match oauth.device_request(&code, session, &visit.info).await {
        Ok(Some(request)) => request,
        Ok(None) => {
            let unknown = visit.view.t().device.unknown();
            return enter(&visit, &code, Some(unknown), StatusCode::UNPROCESSABLE_ENTITY);
        }
        Err(error) => {
            let trouble = Trouble::of(&visit.view, error)?;
            let code = Field::new("user-code", code);
            visit.view.pending = Pending::Nothing;
            let page = Enter { view: &visit.view, code, notice: Some(trouble.notice()) };
            return trouble.on(reply::page(trouble.status, &visit.view, &page));
        }
    };
    visit.view.client = Some(visit.asking(&request.client).await);
    let Some(client) = &visit.view.client else { return see_other(&visit.view.url(DEVICE)) };
    let page = Confirm {
        view: &visit.view,
        client,
        code: &as_shown(&code),
        rights: rights(&visit, &request.client, &request.scope, &user),
        resources: request.resources,
    };
    reply::page(StatusCode::OK, &visit.view, &page)
}

/// A code as the device shows it, for people to compare.
fn as_shown(code: &str) -> String {
    let letters = code.replace('-', "").to_ascii_uppercase();
    let (first, second) = letters.split_at_checked(letters.len().div_ceil(2)).unwrap_or((&letters, ""));
    format!("{first}-{second}")
}

/// Lets the device in, or not.
pub(super) async fn decide(mut visit: Visit) -> Reply {
    let allow = visit.says("decision", "allow")?;
    let Pending::Device(code) = std::mem::take(&mut visit.view.pending) else {
        return see_other(&visit.view.url(DEVICE));
    };
    let Some(session) = visit.session() else {
        visit.view.pending = Pending::Device(code);
        return see_other(&visit.view.url(LOGIN));
    };
    let oauth = visit.site.facade.identity.oauth();
    if !oauth.decide_device(&code, session, allow, &visit.info).await? {
        let unknown = visit.view.t().device.unknown();
        return enter(&visit, &code, Some(unknown), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let state = if allow { CONNECTED } else { DENIED };
    see_other(&visit.view.url_with(DEVICE, &[(STATE, state)]))
}
