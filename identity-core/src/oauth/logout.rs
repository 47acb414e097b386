//! Logging out at the wish of a client (OpenID Connect RP-Initiated Logout 1.0).

use serde_json::{Map, Value};

use super::OAuth;
use super::client::{self, Client};
use super::error::{ErrorCode, OAuthError};
use super::id_token;
use super::params::Params;
use super::subject::{sid, subject};
use crate::auth::Resolved;
use crate::error::Result;
use crate::id::ClientId;
use crate::jwt::{Algorithm, Expected, audiences};
use crate::keys;
use crate::op::Op;
use crate::request::RequestInfo;
use crate::session::Sessions;
use crate::shared::Shared;
use crate::time::CLOCK_SKEW;
use crate::token::{Token, kind};

/// Longest `state`, in bytes. Longer ones are refused, never cut.
const MOST_STATE: usize = 2048;

/// The session of the browser in which somebody wants to log out.
#[derive(Clone, Copy, Debug)]
pub struct BrowserSession<'a> {
    /// What proves it.
    pub token: &'a Token<kind::Session>,
    /// The session and whose it is.
    pub session: &'a Resolved,
}

/// Where a browser goes on to after a logout: an address that the client has registered for this.
#[derive(Clone, Debug, PartialEq)]
pub struct PostLogoutRedirect {
    /// Whose it is.
    pub client: Client,
    /// The address.
    pub uri: String,
    /// The `state` that goes with it.
    pub state: Option<String>,
}

/// How far a logout has come.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "made once per request and taken apart by the next line")]
pub enum LogoutStep {
    /// Somebody has to say whether they want to log out; [`OAuth::confirm_logout`] goes on from there.
    Ask {
        /// Where the browser goes on to afterwards.
        redirect: Option<PostLogoutRedirect>,
    },
    /// The session of the browser is over, if there was one.
    Done {
        /// Who asked for it, where that is certain.
        client: Option<Client>,
        /// Where the browser goes on to.
        redirect: Option<PostLogoutRedirect>,
    },
    /// The request makes no sense: a page says so.
    Refused(OAuthError),
}

/// What an `id_token_hint` is worth.
enum Hint {
    Absent,
    /// An ID token of ours, perhaps one that has run out.
    Good(Map<String, Value>),
    /// Anything else. Nothing that came with it is believed.
    Bad,
}

impl OAuth<'_> {
    /// Begins a logout. With an ID token of the very session that the browser has, nobody is asked; without, anybody could have sent
    /// the browser here.
    ///
    /// # Errors
    /// Trouble of our own only; what is wrong with the request is a [`LogoutStep`].
    pub async fn logout(
        &self,
        params: &Params,
        browser: Option<BrowserSession<'_>>,
        info: &RequestInfo,
    ) -> Result<LogoutStep> {
        let shared = self.shared;
        let asked = match Asked::read(params) {
            Ok(asked) => asked,
            Err(error) => return Ok(LogoutStep::Refused(error)),
        };
        let hint = hint(shared, asked.hint).await?;
        let client = match client(shared, &asked, &hint).await? {
            Ok(client) => client,
            Err(error) => return Ok(LogoutStep::Refused(error)),
        };
        let fits = match (&hint, &client, browser) {
            (Hint::Good(claims), Some(client), Some(browser)) => is_of(shared, claims, client, browser.session),
            (Hint::Good(_), Some(_), None) => true,
            _ => false,
        };
        let redirect = client.clone().and_then(|client| asked.redirect(client));
        if fits {
            if let Some(browser) = browser {
                Sessions { shared }.sign_out(browser.token, info).await?;
            }
            return Ok(LogoutStep::Done { client, redirect });
        }
        // Whoever is not signed in has nothing to confirm, but to be sent elsewhere.
        Ok(if browser.is_none() && redirect.is_none() {
            LogoutStep::Done { client: None, redirect }
        } else {
            LogoutStep::Ask { redirect }
        })
    }

    /// Where a logout that somebody has to confirm leads to, by the `client_id`, `post_logout_redirect_uri` and `state` of the page that
    /// asks.
    ///
    /// # Errors
    /// Trouble of our own only.
    pub async fn asked_logout(&self, params: &Params) -> Result<Option<PostLogoutRedirect>> {
        let Ok(asked) = Asked::read(params) else { return Ok(None) };
        let asked = Asked { hint: None, ..asked };
        let found = client(self.shared, &asked, &Hint::Absent).await?;
        Ok(found.ok().flatten().and_then(|client| asked.redirect(client)))
    }

    /// Ends the session of the browser, if there is one, once somebody has confirmed it. Answers where the browser goes on to.
    ///
    /// # Errors
    /// Trouble of our own only.
    pub async fn confirm_logout(
        &self,
        params: &Params,
        browser: Option<BrowserSession<'_>>,
        info: &RequestInfo,
    ) -> Result<Option<PostLogoutRedirect>> {
        let redirect = self.asked_logout(params).await?;
        if let Some(browser) = browser {
            Sessions { shared: self.shared }.sign_out(browser.token, info).await?;
        }
        Ok(redirect)
    }
}

/// What a request says.
struct Asked<'p> {
    hint: Option<&'p str>,
    client_id: Option<&'p str>,
    uri: Option<&'p str>,
    state: Option<&'p str>,
}

impl<'p> Asked<'p> {
    fn read(params: &'p Params) -> Result<Self, OAuthError> {
        let asked = Self {
            hint: params.one("id_token_hint")?,
            client_id: params.one("client_id")?,
            uri: params.one("post_logout_redirect_uri")?,
            state: params.one("state")?,
        };
        if asked.state.is_some_and(|state| state.len() > MOST_STATE) {
            let text = format!("The parameter state is longer than {MOST_STATE} bytes.");
            return Err(OAuthError::new(ErrorCode::InvalidRequest, text));
        }
        Ok(asked)
    }

    /// Where the browser goes on to, if the client has registered it, character by character (section 3).
    fn redirect(&self, client: Client) -> Option<PostLogoutRedirect> {
        let uri = self.uri?;
        if client.metadata.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
            return Some(PostLogoutRedirect { client, uri: uri.to_owned(), state: self.state.map(str::to_owned) });
        }
        tracing::info!(client = %client.id, uri, "a post_logout_redirect_uri is not registered for its client");
        None
    }
}

/// Reads the hint. One that has run out is as good as any: whoever logs out late is the rule (section 2).
async fn hint(shared: &Shared, hint: Option<&str>) -> Result<Hint> {
    let Some(hint) = hint else { return Ok(Hint::Absent) };
    let expected = Expected {
        issuer: &shared.config.http.base_url,
        audience: &[],
        types: &[id_token::TYPE],
        algorithms: Algorithm::ALL,
        now: shared.clock.now(),
        leeway: CLOCK_SKEW,
        allow_expired: true,
    };
    Ok(keys::verify(shared, hint, &expected).await?.map_or(Hint::Bad, Hint::Good))
}

/// The client that asks: the audience of the hint, or who the request says. `None` when nobody credible is named.
async fn client(shared: &Shared, asked: &Asked<'_>, hint: &Hint) -> Result<Result<Option<Client>, OAuthError>> {
    let id = match hint {
        Hint::Bad => return Ok(Ok(None)),
        Hint::Absent => match asked.client_id {
            Some(id) => id,
            None => return Ok(Ok(None)),
        },
        Hint::Good(claims) => {
            let mut of_hint = audiences(claims).filter(|audience| asked.client_id.is_none_or(|id| id == *audience));
            let Some(id) = of_hint.next() else {
                let text = "The id_token_hint is not of the client that client_id names.";
                return Ok(Err(OAuthError::new(ErrorCode::InvalidRequest, text)));
            };
            id
        }
    };
    let found = client::store::find(&Op::read(shared), &ClientId::from_text(id)).await?;
    match (found, hint) {
        (None, Hint::Absent) => Ok(Err(OAuthError::new(ErrorCode::InvalidClient, "There is no such client."))),
        (found, _) => Ok(Ok(found)),
    }
}

/// Whether a hint is about this very session: the user may have signed in anew since, or somebody else may have.
fn is_of(shared: &Shared, claims: &Map<String, Value>, client: &Client, browser: &Resolved) -> bool {
    let says = |name: &str, value: &str| claims.get(name).and_then(Value::as_str) == Some(value);
    says("sub", &subject(shared, client, &browser.profile.id))
        && says("sid", &sid(shared, &client.id, &browser.session.id))
}
