//! What follows once somebody has proved who they are: the session for their browser, and the way on.

use axum::response::{IntoResponse as _, Response};
use identity_core::auth::{EmailFlow, Resolved};
use identity_core::principal::Profile;
use identity_core::session::Issued;
use identity_core::text::Email;

use super::reply::{Failed, Reply, see_other};
use super::view::Pending;
use super::visit::Visit;
use super::{DEVICE_CONFIRM, HOME, VERIFY, answer, verify};
use crate::cookie::Name;

impl Visit {
    /// Gives the browser the session that was just opened, and lets it go on.
    pub(super) async fn enter(&self, issued: &Issued, profile: Profile) -> Response {
        let session = Resolved::of(issued, profile);
        let mut response = self.go_on(&session).await;
        self.site.facade.sign_in(response.headers_mut(), &self.headers, issued, &session.profile);
        response
    }

    /// Lets somebody go on who is signed in with `session`: to what waits, or to the front page. A failure is a response too, because
    /// the session is there already and its cookie has to travel with it.
    pub(super) async fn go_on(&self, session: &Resolved) -> Response {
        let on = async {
            match &self.view.pending {
                Pending::Nothing => see_other(HOME),
                Pending::Device(_) => see_other(&self.view.url(DEVICE_CONFIRM)),
                Pending::Grant(grant) => {
                    let oauth = self.site.facade.identity.oauth();
                    answer::follow(self, oauth.resume(grant, Some(session)).await?)
                }
            }
        };
        on.await.unwrap_or_else(Failed::into_response)
    }

    /// Sends the browser to prove its address; `sent` says whether a mail is on its way.
    pub(super) fn to_verify(&self, flow: &EmailFlow, email: &Email, sent: bool) -> Reply {
        let mut response = see_other(&self.view.url_with(VERIFY, verify::state(sent)))?;
        let cookies = &self.site.facade.cookies;
        cookies.set(response.headers_mut(), Name::EmailFlow, flow.value(), Some(flow.lifetime()));
        self.keep_address(&mut response, email);
        Ok(response)
    }
}
