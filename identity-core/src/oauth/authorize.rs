//! The authorization endpoint (RFC 6749, section 4.1; OpenID Connect Core, section 3.1.2).

mod flow;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::error::OAuthError;
use crate::id::GrantId;
use crate::scope::ScopeSet;

/// How an answer reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// As a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// An answer for the client: a code, or a refusal. Only a request whose client and redirect URI were checked has one.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientAnswer {
    /// Where it goes.
    pub redirect_uri: String,
    /// How it goes there.
    pub mode: ResponseMode,
    /// What it says: `code` or `error` and `error_description`, `state`, `iss`.
    pub params: Vec<(&'static str, String)>,
}

/// Shows the names of the parameters alone: one of them is a code.
impl fmt::Debug for ClientAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params.iter().map(|(name, _)| *name).collect();
        let mut shown = f.debug_struct("ClientAnswer");
        shown.field("redirect_uri", &self.redirect_uri).field("mode", &self.mode).field("params", &names).finish()
    }
}

/// What has to happen in the browser before the client gets its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Somebody signs in.
    Login,
    /// Somebody makes an account (`prompt=create`).
    Register,
    /// Somebody says whether to go on with the account that is signed in.
    SelectAccount,
    /// Somebody agrees to what the client wants.
    Consent {
        /// The scopes it asks for that were not agreed to before, and those that were.
        scopes: ScopeSet,
        /// The resources it asks for.
        resources: Vec<String>,
    },
}

/// A request that waits for somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// The request; pages carry this id and nothing else of it.
    pub grant: GrantId,
    /// Who asks.
    pub client: Client,
    /// Where the answer will go. Of all that is said of a client that nobody has vetted, people can go by this alone.
    pub redirect_uri: String,
    /// What is next.
    pub step: Step,
    /// The `login_hint` of the request.
    pub login_hint: Option<String>,
    /// The `ui_locales` of the request, the preferred first.
    pub ui_locales: Vec<String>,
    /// How the answer will reach the client.
    pub mode: ResponseMode,
    /// The request, for a page of an application that wants to show something of it. Where consent is next, `scope` and `resource` are
    /// all that is agreed to.
    pub params: Vec<(&'static str, String)>,
}

/// How a request at the authorization endpoint stands.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "made once per request and taken apart by the next line")]
pub enum Authorization {
    /// The client gets its answer.
    Answer(ClientAnswer),
    /// Something has to happen first.
    Ask(Interaction),
    /// Client or redirect URI are wrong: a page says so, and nothing goes anywhere.
    Refused(OAuthError),
}
