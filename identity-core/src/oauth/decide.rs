//! What has to happen before a client gets its answer: a pure function of the request, the browser and the consent.

use super::error::ErrorCode;
use super::offer;
use super::request::AuthorizationRequest;
use crate::principal;
use crate::scope::ScopeSet;
use crate::time::{Timestamp, after};

/// What there is to decide about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    pub(crate) request: &'a AuthorizationRequest,
    /// Whether the client is ours, so that nobody is asked.
    pub(crate) first_party: bool,
    /// Whether whoever gets the answer is the client for certain, so that it may get one in silence.
    pub(crate) assured: bool,
    /// Who is signed in.
    pub(crate) browser: Option<Browser<'a>>,
    /// What the user agreed to earlier.
    pub(crate) remembered: Option<Agreed<'a>>,
    pub(crate) now: Timestamp,
}

/// Who is signed in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser<'a> {
    /// What the client knows the user by.
    pub(crate) subject: &'a str,
    pub(crate) auth_time: Timestamp,
    pub(crate) amr: &'a [String],
    /// Whether the user signed in after the request had begun, and because of it.
    pub(crate) since_begun: bool,
    /// Whether the user has said to go on with this account.
    pub(crate) kept: bool,
    /// Whether the user has agreed to this very request.
    pub(crate) agreed: bool,
}

/// What a user agreed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed<'a> {
    pub(crate) scope: &'a ScopeSet,
    pub(crate) resources: &'a [String],
}

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Somebody signs in.
    Login,
    /// Somebody makes an account.
    Register,
    /// Somebody says whether to go on with the account that is signed in.
    SelectAccount,
    /// Somebody agrees.
    Consent,
    /// The client gets a code.
    Issue,
    /// The client hears this.
    Refuse(ErrorCode, &'static str),
}

/// The rules, the first that holds.
pub(crate) fn decide(situation: &Situation<'_>) -> Decision {
    let prompt = situation.request.prompt;
    let decision = undisturbed(situation);
    match decision {
        Decision::Login | Decision::Register if prompt.none => {
            Decision::Refuse(ErrorCode::LoginRequired, "Somebody has to sign in.")
        }
        Decision::Consent if prompt.none => {
            Decision::Refuse(ErrorCode::ConsentRequired, "Somebody has to agree to what the client asks for.")
        }
        Decision::SelectAccount if prompt.none => {
            Decision::Refuse(ErrorCode::InteractionRequired, "Somebody has to choose an account.")
        }
        other => other,
    }
}

/// What would be next if pages could be shown.
fn undisturbed(situation: &Situation<'_>) -> Decision {
    let request = situation.request;
    if let Some(mut wanted) = request.claims.essential_acr()
        && !wanted.any(|acr| offer::ACR_VALUES.contains(&acr))
    {
        return Decision::Refuse(
            ErrorCode::UnmetAuthenticationRequirements,
            "None of the essential acr values is offered here.",
        );
    }
    let Some(browser) = situation.browser else {
        return if request.prompt.create { Decision::Register } else { Decision::Login };
    };
    if !browser.since_begun {
        if request.prompt.create {
            return Decision::Register;
        }
        if request.prompt.login || is_too_old(request, &browser, situation.now) || is_too_weak(request, &browser) {
            return Decision::Login;
        }
    }
    if request.subject.as_deref().is_some_and(|subject| subject != browser.subject) {
        return if browser.since_begun {
            Decision::Refuse(ErrorCode::LoginRequired, "Another user signed in than the one the client means.")
        } else {
            Decision::Login
        };
    }
    if let Some(mut wanted) = request.claims.essential_acr() {
        let acr = principal::acr(browser.amr);
        if !wanted.any(|wanted| Some(wanted) == acr) {
            return Decision::Refuse(
                ErrorCode::UnmetAuthenticationRequirements,
                "The sign-in does not have any of the essential acr values.",
            );
        }
    }
    if request.prompt.select_account && !browser.kept && !browser.since_begun {
        return Decision::SelectAccount;
    }
    if needs_consent(situation, &browser) { Decision::Consent } else { Decision::Issue }
}

/// A sign-in that the request itself has caused is never too old, however long somebody thinks about consent afterwards.
fn is_too_old(request: &AuthorizationRequest, browser: &Browser<'_>, now: Timestamp) -> bool {
    request.max_age.is_some_and(|seconds| now >= after(browser.auth_time, std::time::Duration::from_secs(seconds)))
}

/// Whether signing in again could give the client a level that it asks for.
fn is_too_weak(request: &AuthorizationRequest, browser: &Browser<'_>) -> bool {
    let acr = principal::acr(browser.amr);
    let fits = |wanted: &str| Some(wanted) == acr;
    let essential = request.claims.essential_acr().is_some_and(|mut wanted| !wanted.any(fits));
    let offered = request.acr_values.iter().any(|wanted| offer::ACR_VALUES.contains(&wanted.as_str()));
    let preferred = offered && !request.prompt.none && !request.acr_values.iter().any(|wanted| fits(wanted));
    essential || preferred
}

fn needs_consent(situation: &Situation<'_>, browser: &Browser<'_>) -> bool {
    if browser.agreed {
        return false;
    }
    let request = situation.request;
    if request.prompt.consent {
        return true;
    }
    // What is ours is asked about where any program of the machine could pretend to be it, unless somebody has just signed in for it:
    // nothing goes there in silence (RFC 8252, section 8.6).
    if situation.first_party && (situation.assured || browser.since_begun || browser.kept) {
        return false;
    }
    let covers = |agreed: Agreed<'_>| {
        request.scope.union(&request.claims.scopes()).is_within(agreed.scope)
            && request.resources.iter().all(|resource| agreed.resources.contains(resource))
    };
    !(situation.assured && situation.remembered.is_some_and(covers))
}

#[cfg(test)]
mod tests;
