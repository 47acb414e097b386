//! How a request gets from the browser to its answer.

use super::{Authorization, Interaction, Step};
use crate::audit;
use crate::auth::Resolved;
use crate::error::Result;
use crate::event::{Act, Event};
use crate::id::GrantId;
use crate::limits::Action;
use crate::oauth::client::{self, Client};
use crate::oauth::consent;
use crate::oauth::decide::{Agreed, Browser, Decision, Situation, decide};
use crate::oauth::error::{ErrorCode, OAuthError};
use crate::oauth::grant::{self, Grant, Holder, State};
use crate::oauth::request::{self, ClientChecked};
use crate::oauth::subject::subject;
use crate::oauth::{OAuth, Params};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::scope::ScopeSet;
use crate::time::{CLOCK_SKEW, after, before};
use crate::token::{Token, kind};
use crate::user;

impl OAuth<'_> {
    /// Begins an authorization, with the session of the browser if it has one.
    ///
    /// # Errors
    /// Trouble of our own, and `rate_limited`: each request that waits or is answered leaves a row behind. What is wrong with the
    /// request is an [`Authorization`].
    pub async fn authorize(
        &self,
        params: &Params,
        browser: Option<&Resolved>,
        info: &RequestInfo,
    ) -> Result<Authorization> {
        let config = &self.shared.config;
        let op = Op::read(self.shared);
        let checked = match ClientChecked::check(&op, params).await? {
            Ok(checked) => checked,
            Err(error) => return Ok(Authorization::Refused(error)),
        };
        let hint = request::hint(self.shared, params).await?;
        let request = match checked.request(config, hint) {
            Ok(request) => request,
            Err(error) => return Ok(Authorization::Answer(checked.refusal(&config.http.base_url, &error))),
        };
        let grant = Grant {
            id: GrantId::mint(op.now(), op.entropy()),
            client_id: request.client_id.clone(),
            request,
            state: State::Requested,
            began_in: browser.map(|browser| browser.session.id.clone()),
            kept_in: None,
            consented_by: None,
            created_at: op.now(),
            expires_at: after(op.now(), config.oauth.request_lifetime),
        };
        let decision = self.decide(&op, &grant, &checked.client, browser).await?;
        if let Decision::Refuse(code, text) = decision {
            return Ok(self.refusal(&grant, code, text));
        }
        self.shared.limiter.count_request(&self.shared.store, Action::Authorize, info).await?;
        let mut op = Op::write(self.shared).await?;
        grant::store::insert(&mut op, &grant).await?;
        self.proceed(op, grant, checked.client, decision, browser).await
    }

    /// Looks again at an authorization that waited for somebody.
    ///
    /// # Errors
    /// Trouble of our own only; one that is unknown or over is `Refused`.
    pub async fn resume(&self, grant: &GrantId, browser: Option<&Resolved>) -> Result<Authorization> {
        let op = Op::write(self.shared).await?;
        match waiting(&op, grant).await? {
            Some((grant, client)) => self.advance(op, grant, client, browser).await,
            None => Ok(over()),
        }
    }

    /// Goes on with the account that is signed in, after `Step::SelectAccount`.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn keep_account(&self, grant: &GrantId, browser: &Resolved) -> Result<Authorization> {
        let mut op = Op::write(self.shared).await?;
        let Some((mut grant, client)) = waiting(&op, grant).await? else { return Ok(over()) };
        if !grant::store::keep(&mut op, &grant.id, &browser.session.id).await? {
            return Ok(over());
        }
        grant.kept_in = Some(browser.session.id.clone());
        self.advance(op, grant, client, Some(browser)).await
    }

    /// Answers `Step::Consent`. It counts only where consent is what is next for this browser.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn consent(
        &self,
        grant: &GrantId,
        browser: &Resolved,
        allow: bool,
        info: &RequestInfo,
    ) -> Result<Authorization> {
        self.hear(grant, browser, if allow { Said::Yes(None) } else { Said::No }, info).await
    }

    /// Agrees to some of the scopes alone.
    ///
    /// # Errors
    /// As [`OAuth::resume`]; scopes that were not asked for are `Refused`.
    pub async fn consent_to(
        &self,
        grant: &GrantId,
        browser: &Resolved,
        scope: &ScopeSet,
        info: &RequestInfo,
    ) -> Result<Authorization> {
        self.hear(grant, browser, Said::Yes(Some(scope)), info).await
    }

    async fn hear(
        &self,
        grant: &GrantId,
        browser: &Resolved,
        said: Said<'_>,
        info: &RequestInfo,
    ) -> Result<Authorization> {
        let mut op = Op::write(self.shared).await?;
        let user_id = &browser.profile.id;
        let is_there = user::store::share(&mut op, user_id).await?.is_some();
        let Some((mut grant, client)) = waiting(&op, grant).await? else { return Ok(over()) };
        if !is_there {
            return self.advance(op, grant, client, None).await;
        }
        let decision = self.decide(&op, &grant, &client, Some(browser)).await?;
        if decision != Decision::Consent {
            return self.proceed(op, grant, client, decision, Some(browser)).await;
        }
        let Said::Yes(narrowed) = said else {
            let event = Event::ConsentDenied { client: client.id };
            return self.deny(op, &grant, Some(Act::own(event, user_id, info))).await;
        };
        if let Some(narrowed) = narrowed {
            if narrowed.is_empty() || !narrowed.is_within(&wanted_scope(&grant)) {
                let text = "The scope is not among those that were asked for.";
                return Ok(Authorization::Refused(OAuthError::new(ErrorCode::InvalidScope, text)));
            }
            grant.request.narrow(narrowed);
            if !grant::store::set_request(&mut op, &grant).await? {
                return Ok(over());
            }
        }
        if !grant::store::consent(&mut op, &grant.id, user_id).await? {
            return Ok(over());
        }
        let scope = wanted_scope(&grant);
        consent::give(&mut op, user_id, &client.id, &scope, &grant.request.resources, info).await?;
        grant.consented_by = Some(user_id.clone());
        self.advance(op, grant, client, Some(browser)).await
    }

    /// Gives an authorization up: the client hears `access_denied`.
    ///
    /// # Errors
    /// As [`OAuth::resume`].
    pub async fn cancel(&self, grant: &GrantId) -> Result<Authorization> {
        let op = Op::write(self.shared).await?;
        match waiting(&op, grant).await? {
            Some((grant, _)) => self.deny(op, &grant, None).await,
            None => Ok(over()),
        }
    }

    async fn deny(&self, mut op: Op<'_>, grant: &Grant, act: Option<Act<'_>>) -> Result<Authorization> {
        if !grant::store::deny(&mut op, &grant.id).await? {
            return Ok(over());
        }
        if let Some(act) = act {
            audit::record(&mut op, act).await?;
        }
        op.commit().await?;
        Ok(self.refusal(grant, ErrorCode::AccessDenied, "The user said no."))
    }

    async fn decide(
        &self,
        op: &Op<'_>,
        grant: &Grant,
        client: &Client,
        browser: Option<&Resolved>,
    ) -> Result<Decision> {
        let user_id = browser.map(|browser| &browser.profile.id);
        let remembered = match user_id {
            Some(user_id) => consent::store::find(op, user_id, &client.id).await?,
            None => None,
        };
        let subject = user_id.map(|user_id| subject(self.shared, client, user_id));
        let browser = browser.zip(subject.as_deref()).map(|(browser, subject)| Browser {
            subject,
            auth_time: browser.session.created_at,
            amr: &browser.session.amr,
            since_begun: grant.began_in.as_ref() != Some(&browser.session.id)
                && browser.session.created_at >= before(grant.created_at, CLOCK_SKEW),
            kept: grant.kept_in.as_ref() == Some(&browser.session.id),
            agreed: grant.consented_by.as_ref() == Some(&browser.profile.id),
        });
        Ok(decide(&Situation {
            request: &grant.request,
            first_party: client.policy.first_party,
            assured: request::is_assured(client, &grant.request),
            browser,
            remembered: remembered
                .as_ref()
                .map(|consent| Agreed { scope: &consent.scope, resources: &consent.resources }),
            now: op.now(),
        }))
    }

    async fn advance(
        &self,
        op: Op<'_>,
        grant: Grant,
        client: Client,
        browser: Option<&Resolved>,
    ) -> Result<Authorization> {
        let decision = self.decide(&op, &grant, &client, browser).await?;
        self.proceed(op, grant, client, decision, browser).await
    }

    /// Does what was decided, and commits it.
    async fn proceed(
        &self,
        mut op: Op<'_>,
        grant: Grant,
        client: Client,
        decision: Decision,
        browser: Option<&Resolved>,
    ) -> Result<Authorization> {
        // Whoever has left meanwhile is nobody.
        let browser = match browser {
            Some(browser) if decision == Decision::Issue => {
                user::store::share(&mut op, &browser.profile.id).await?.map(|_| browser)
            }
            browser => browser,
        };
        let step = match (decision, browser) {
            (Decision::Refuse(code, text), _) => {
                grant::store::deny(&mut op, &grant.id).await?;
                op.commit().await?;
                return Ok(self.refusal(&grant, code, text));
            }
            (Decision::Issue, Some(browser)) => return self.issue(op, &grant, &client, browser).await,
            (Decision::Register, _) => Step::Register,
            (Decision::SelectAccount, _) => Step::SelectAccount,
            (Decision::Consent, _) => {
                Step::Consent { scopes: wanted_scope(&grant), resources: grant.request.resources.clone() }
            }
            (Decision::Login | Decision::Issue, _) => Step::Login,
        };
        op.commit().await?;
        let Grant { id, request, .. } = grant;
        let params = match &step {
            Step::Consent { scopes, .. } => request.params(scopes),
            Step::Login | Step::Register | Step::SelectAccount => request.params(&request.scope),
        };
        let (redirect_uri, mode) = (request.reply_to.redirect_uri().to_owned(), request.reply_to.mode());
        let (login_hint, ui_locales) = (request.login_hint, request.ui_locales);
        let interaction = Interaction { grant: id, client, redirect_uri, step, login_hint, ui_locales, mode, params };
        Ok(Authorization::Ask(interaction))
    }

    /// Gives out the code, which only the answer carries.
    async fn issue(&self, mut op: Op<'_>, grant: &Grant, client: &Client, browser: &Resolved) -> Result<Authorization> {
        let code = Token::<kind::AuthorizationCode>::mint(op.entropy());
        let holder = Holder { user_id: browser.profile.id.clone(), session_id: browser.session.id.clone() };
        let lifetime = Client::lifetime(client.policy.code_lifetime, self.shared.config.oauth.code_lifetime);
        let until = after(op.now(), lifetime);
        if !grant::store::issue(&mut op, &grant.id, &holder, &code.digest(), until).await? {
            return Ok(over());
        }
        op.commit().await?;
        let answer = grant.request.reply_to.code(&self.shared.config.http.base_url, code.expose());
        Ok(Authorization::Answer(answer))
    }

    fn refusal(&self, grant: &Grant, code: ErrorCode, text: &'static str) -> Authorization {
        let error = OAuthError::new(code, text);
        Authorization::Answer(grant.request.reply_to.refusal(&self.shared.config.http.base_url, &error))
    }
}

/// What a user said to what a client asks for.
#[derive(Clone, Copy, Debug)]
enum Said<'a> {
    /// Yes, to everything or to these scopes.
    Yes(Option<&'a ScopeSet>),
    No,
}

/// What a user agrees to: the scopes, and those that stand for the claims that are asked for one by one.
fn wanted_scope(grant: &Grant) -> ScopeSet {
    grant.request.scope.union(&grant.request.claims.scopes())
}

/// An authorization that waits for somebody, and its client.
async fn waiting(op: &Op<'_>, id: &GrantId) -> Result<Option<(Grant, Client)>> {
    if id.as_str().contains('\0') {
        return Ok(None);
    }
    let grant = grant::store::find(op, id).await?;
    let Some(grant) = grant.filter(|grant| grant.state == State::Requested && op.now() < grant.expires_at) else {
        return Ok(None);
    };
    Ok(client::store::find(op, &grant.client_id).await?.map(|client| (grant, client)))
}

fn over() -> Authorization {
    let text = "This request is unknown, has been answered, or took too long.";
    Authorization::Refused(OAuthError::new(ErrorCode::InvalidRequest, text))
}
