//! An authorization and its states.

use crate::id::{ClientId, GrantId, SessionId, TokenFamilyId, UserId};
use crate::oauth::request::AuthorizationRequest;
use crate::time::Timestamp;

/// What a client asked for, and how far it has got.
///
/// ```text
/// Requested ──► Issued ──► Redeemed
///     │            ├──► Expired
///     └──► Denied ◄┘
/// ```
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    pub(crate) id: GrantId,
    pub(crate) client_id: ClientId,
    pub(crate) request: AuthorizationRequest,
    pub(crate) state: State,
    /// The session that the browser held when the request came; signing in means to have another one.
    pub(crate) began_in: Option<SessionId>,
    /// The session whose account somebody chose to go on with.
    pub(crate) kept_in: Option<SessionId>,
    /// Who agreed to this request.
    pub(crate) consented_by: Option<UserId>,
    pub(crate) created_at: Timestamp,
    /// When the request, or the code, is over.
    pub(crate) expires_at: Timestamp,
}

/// Whose answer a code is, and in which session it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) user_id: UserId,
    pub(crate) session_id: SessionId,
}

/// How far an authorization has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for somebody.
    Requested,
    /// There is a code.
    Issued(Holder),
    /// The code was redeemed, for this family.
    Redeemed(Holder, Option<TokenFamilyId>),
    /// Somebody said no, or the code got into the wrong hands.
    Denied,
    /// The code was presented too late.
    Expired,
}

impl State {
    /// Puts a state together from its columns. `None` for a word that nobody knows, and for a code that is nobody's.
    pub(super) fn of_row(state: &str, holder: Option<Holder>, family: Option<TokenFamilyId>) -> Option<Self> {
        match (state, holder) {
            ("requested", _) => Some(Self::Requested),
            ("issued", Some(holder)) => Some(Self::Issued(holder)),
            ("redeemed", Some(holder)) => Some(Self::Redeemed(holder, family)),
            ("denied", _) => Some(Self::Denied),
            ("expired", _) => Some(Self::Expired),
            _ => None,
        }
    }
}
