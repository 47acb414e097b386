//! The table of decisions.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::oauth::claims::ClaimsRequest;
use crate::oauth::request::Prompt;

fn request() -> AuthorizationRequest {
    let request = json!({
        "client_id": "client",
        "reply_to": { "redirect_uri": "https://app.example/cb", "named": true, "mode": "query", "state": null },
        "scope": "openid profile", "resources": ["https://api.example"], "nonce": null, "code_challenge": null, "prompt": {},
        "max_age": null, "login_hint": null, "subject": null, "ui_locales": [], "acr_values": [], "claims": {},
    });
    serde_json::from_value(request).unwrap()
}

fn prompting(word: &str) -> AuthorizationRequest {
    let prompt: Prompt = serde_json::from_value(json!({ word: true })).unwrap();
    AuthorizationRequest { prompt, ..request() }
}

fn at(seconds: u64) -> Timestamp {
    after(Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
}

/// Signed in at second 1000, before the request.
fn earlier(amr: &[String]) -> Browser<'_> {
    Browser { subject: "ann", auth_time: at(1000), amr, since_begun: false, kept: false, agreed: false }
}

struct Case<'a> {
    request: AuthorizationRequest,
    browser: Option<Browser<'a>>,
    first_party: bool,
    assured: bool,
    agreed: Option<&'a str>,
    second: u64,
}

impl<'a> Case<'a> {
    fn of(request: AuthorizationRequest, browser: Option<Browser<'a>>) -> Self {
        Self { request, browser, first_party: false, assured: true, agreed: Some("openid profile"), second: 1010 }
    }

    fn decided(&self) -> Decision {
        let scope = self.agreed.map(|text| ScopeSet::parse(text).unwrap());
        let resources = ["https://api.example".to_owned()];
        decide(&Situation {
            request: &self.request,
            first_party: self.first_party,
            assured: self.assured,
            browser: self.browser,
            remembered: scope.as_ref().map(|scope| Agreed { scope, resources: &resources }),
            now: at(self.second),
        })
    }
}

fn code(decision: Decision) -> Option<ErrorCode> {
    match decision {
        Decision::Refuse(code, _) => Some(code),
        _ => None,
    }
}

fn password() -> Vec<String> {
    vec!["pwd".to_owned()]
}

#[test]
fn whoever_is_not_signed_in_signs_in_or_makes_an_account() {
    assert_eq!(Case::of(request(), None).decided(), Decision::Login);
    assert_eq!(Case::of(prompting("create"), None).decided(), Decision::Register);
    assert_eq!(code(Case::of(prompting("none"), None).decided()), Some(ErrorCode::LoginRequired));
}

#[test]
fn whoever_is_signed_in_and_has_agreed_is_not_disturbed() {
    let amr = password();
    for request in [request(), prompting("none")] {
        assert_eq!(Case::of(request, Some(earlier(&amr))).decided(), Decision::Issue);
    }
}

#[test]
fn a_prompt_for_a_login_is_met_by_a_new_sign_in_alone() {
    let amr = password();
    let since = Browser { since_begun: true, ..earlier(&amr) };
    for (word, step) in [("login", Decision::Login), ("create", Decision::Register)] {
        assert_eq!(Case::of(prompting(word), Some(earlier(&amr))).decided(), step);
        assert_eq!(Case::of(prompting(word), Some(since)).decided(), Decision::Issue);
    }
}

#[test]
fn a_sign_in_may_be_as_old_as_max_age_says() {
    let amr = password();
    let aged = |max_age, none| {
        let prompt = Prompt { none, ..Prompt::default() };
        AuthorizationRequest { max_age: Some(max_age), prompt, ..request() }
    };
    assert_eq!(Case::of(aged(11, false), Some(earlier(&amr))).decided(), Decision::Issue);
    assert_eq!(Case::of(aged(10, false), Some(earlier(&amr))).decided(), Decision::Login);
    assert_eq!(Case::of(aged(0, false), Some(earlier(&amr))).decided(), Decision::Login);
    assert_eq!(code(Case::of(aged(10, true), Some(earlier(&amr))).decided()), Some(ErrorCode::LoginRequired));
    let mut later = Case::of(aged(0, false), Some(Browser { since_begun: true, ..earlier(&amr) }));
    later.second = 2000;
    assert_eq!(later.decided(), Decision::Issue, "thinking about consent takes its time");
}

#[test]
fn an_account_is_chosen_once() {
    let amr = password();
    assert_eq!(Case::of(prompting("select_account"), Some(earlier(&amr))).decided(), Decision::SelectAccount);
    let kept = Browser { kept: true, ..earlier(&amr) };
    assert_eq!(Case::of(prompting("select_account"), Some(kept)).decided(), Decision::Issue);
}

#[test]
fn consent_is_asked_for_whatever_was_not_agreed_to() {
    let amr = password();
    let decided = |agreed, first_party, assured, request| {
        let case = Case { first_party, assured, agreed, ..Case::of(request, Some(earlier(&amr))) };
        case.decided()
    };
    assert_eq!(decided(None, false, true, request()), Decision::Consent);
    assert_eq!(decided(Some("openid"), false, true, request()), Decision::Consent);
    assert_eq!(decided(Some("openid profile email"), false, true, request()), Decision::Issue);
    assert_eq!(decided(None, true, true, request()), Decision::Issue);
    assert_eq!(decided(None, true, false, request()), Decision::Consent, "any program of the machine could be it");
    assert_eq!(code(decided(None, true, false, prompting("none"))), Some(ErrorCode::ConsentRequired));
    for browser in [Browser { since_begun: true, ..earlier(&amr) }, Browser { kept: true, ..earlier(&amr) }] {
        let case = Case { first_party: true, assured: false, agreed: None, ..Case::of(request(), Some(browser)) };
        assert_eq!(case.decided(), Decision::Issue, "somebody was there");
    }
    assert_eq!(
        decided(Some("openid profile"), false, false, request()),
        Decision::Consent,
        "anybody has a custom scheme"
    );
    assert_eq!(decided(Some("openid profile"), true, true, prompting("consent")), Decision::Consent);
    assert_eq!(code(decided(None, false, true, prompting("none"))), Some(ErrorCode::ConsentRequired));
    let elsewhere = AuthorizationRequest { resources: vec!["https://other.example".to_owned()], ..request() };
    assert_eq!(decided(Some("openid profile"), false, true, elsewhere), Decision::Consent);
    let email = ClaimsRequest::parse(r#"{"userinfo":{"email":null}}"#).unwrap();
    let email = AuthorizationRequest { claims: email, ..request() };
    assert_eq!(decided(Some("openid profile"), false, true, email), Decision::Consent, "a claim is its scope");
    let agreed = Browser { agreed: true, ..earlier(&amr) };
    let case = Case { agreed: None, assured: false, ..Case::of(prompting("consent"), Some(agreed)) };
    assert_eq!(case.decided(), Decision::Issue);
}

#[test]
fn the_user_whom_the_client_means_has_to_be_the_one_who_is_there() {
    let amr = password();
    let about = |subject: &str, none| {
        let prompt = Prompt { none, ..Prompt::default() };
        AuthorizationRequest { subject: Some(subject.to_owned()), prompt, ..request() }
    };
    let since = Browser { since_begun: true, ..earlier(&amr) };
    assert_eq!(Case::of(about("ann", true), Some(earlier(&amr))).decided(), Decision::Issue);
    assert_eq!(Case::of(about("bob", false), Some(earlier(&amr))).decided(), Decision::Login);
    assert_eq!(code(Case::of(about("bob", true), Some(earlier(&amr))).decided()), Some(ErrorCode::LoginRequired));
    assert_eq!(code(Case::of(about("bob", false), Some(since)).decided()), Some(ErrorCode::LoginRequired));
}

#[test]
fn levels_are_met_by_signing_in_again_where_they_can_be() {
    let mail = vec!["otp".to_owned()];
    let amr = password();
    let preferring = |value: &str, none| {
        let prompt = Prompt { none, ..Prompt::default() };
        AuthorizationRequest { acr_values: vec![value.to_owned()], prompt, ..request() }
    };
    let pwd = offer::ACR_VALUES[0];
    assert_eq!(Case::of(preferring(pwd, false), Some(earlier(&amr))).decided(), Decision::Issue);
    assert_eq!(Case::of(preferring(pwd, false), Some(earlier(&mail))).decided(), Decision::Login);
    assert_eq!(Case::of(preferring(pwd, true), Some(earlier(&mail))).decided(), Decision::Issue, "it is a wish");
    assert_eq!(Case::of(preferring("1", false), Some(earlier(&mail))).decided(), Decision::Issue);
    let essential = |value: &str, none| {
        let claims = json!({ "id_token": { "acr": { "essential": true, "value": value } } }).to_string();
        let prompt = Prompt { none, ..Prompt::default() };
        AuthorizationRequest { claims: ClaimsRequest::parse(&claims).unwrap(), prompt, ..request() }
    };
    let since = Browser { since_begun: true, ..earlier(&mail) };
    assert_eq!(Case::of(essential(pwd, false), Some(earlier(&amr))).decided(), Decision::Issue);
    assert_eq!(Case::of(essential(pwd, false), Some(earlier(&mail))).decided(), Decision::Login);
    assert_eq!(code(Case::of(essential(pwd, true), Some(earlier(&mail))).decided()), Some(ErrorCode::LoginRequired));
    let unmet = Some(ErrorCode::UnmetAuthenticationRequirements);
    assert_eq!(code(Case::of(essential(pwd, false), Some(since)).decided()), unmet);
    assert_eq!(code(Case::of(essential("1", false), None).decided()), unmet);
}
