//! Preparing this service's own part of a user at the first call.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::BoxError;
use identity_core::id::UserId;
use identity_core::principal::Profile;
use identity_core::{Class, Code, Error, Result};
use tokio::sync::watch;
use tracing::Instrument;

use crate::auth::{Authn, RequestContext};
use crate::credentials::Credential;

type Hook = dyn Fn(Profile) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>> + Send + Sync;

/// The anchor writes the flag down for whoever holds a session, and a token tells nothing of flags.
const NO_SESSION: &str = "The user has to come here once with a session.";

/// How long the result of a run serves requests that were authenticated before it ended.
const REMEMBERED: Duration = Duration::from_secs(10);

/// What happens to a request whose provisioning failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProvisionFailure {
    /// It is refused with 503; the next one tries again.
    #[default]
    Refuse,
    /// The failure is logged and the request goes on with the user as they are; the next one tries again.
    Continue,
}

/// Prepares this service's part of a user before the first request of that user reaches a handler.
///
/// For a user without the flag of `target`, the hook runs, then the trust anchor records the flag, then the request goes
/// on with the new profile. The hook runs at least once: key its effect on the user's id and let a repetition change
/// nothing (`INSERT .. ON CONFLICT DO NOTHING`), so that a crash before the flag heals at the next call. Within a
/// process, concurrent calls of one user share one run; a failure is told to all that waited and then forgotten. A client
/// that hangs up does not stop a run.
#[derive(Clone)]
pub struct Provision {
    target: Arc<str>,
    hook: Arc<Hook>,
    on_failure: ProvisionFailure,
    timeout: Duration,
    runs: Runs,
}

impl Provision {
    /// Runs `hook` for users that `target` (the name of this service at the anchor) has not prepared yet.
    pub fn new<F, R>(target: impl Into<String>, hook: F) -> Self
    where
        F: Fn(Profile) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self {
            target: Arc::from(target.into()),
            hook: Arc::new(move |user| Box::pin(hook(user))),
            on_failure: ProvisionFailure::default(),
            timeout: Duration::from_secs(10),
            runs: Runs::default(),
        }
    }

    /// What happens to a request whose provisioning failed. Default: it is refused.
    #[must_use]
    pub fn on_failure(mut self, choice: ProvisionFailure) -> Self {
        self.on_failure = choice;
        self
    }

    /// How long the hook may take before it counts as failed. Default 10 seconds.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Makes sure that the user is provisioned, and answers the profile that says so, or says why the request cannot go on.
    pub(crate) async fn ensure(
        &self,
        authn: &Authn,
        user: Profile,
        credential: &Credential,
        request: RequestContext,
    ) -> Result<Profile> {
        if user.is_provisioned(&self.target) {
            return Ok(user);
        }
        if matches!(credential, Credential::AccessToken(_)) {
            return Err(Error::new(Code::PermissionDenied).with_detail(NO_SESSION));
        }
        match self.join(authn, &user, credential, request).await {
            Ok(profile) => Ok(profile),
            Err(error) if self.on_failure == ProvisionFailure::Refuse || is_about_the_caller(&error) => Err(error),
            Err(error) => {
                tracing::warn!(target_name = &*self.target, cause = %error.chain(), "provisioning failed, going on without");
                Ok(user)
            }
        }
    }

    /// Waits for the run of this user, starting it if there is none.
    #[expect(clippy::disallowed_methods, reason = "others wait for this run; a caller that goes away must not end it")]
    async fn join(
        &self,
        authn: &Authn,
        user: &Profile,
        credential: &Credential,
        request: RequestContext,
    ) -> Result<Profile> {
        loop {
            let (mut outcome, started) = self.runs.join(&user.id, |run| {
                let work = self.clone().work(authn.clone(), user.clone(), credential.clone(), request.clone());
                tokio::spawn(async move { run.end(work.await) }.in_current_span());
            });
            let settled = outcome.wait_for(Option::is_some).await.ok().and_then(|settled| settled.clone());
            match settled {
                // The one that ran it was signed out meanwhile; this session may still be good.
                Some(Err(failed)) if !started && failed.code.class() == Class::Unauthenticated => {}
                Some(result) => return result.map_err(Failed::into_error),
                None => return Err(Error::new(Code::ProvisioningFailed).caused_by("the hook panicked")),
            }
        }
    }

    /// Local effect first, flag second: the other way round, a crash between them would never heal.
    async fn work(
        self,
        authn: Authn,
        user: Profile,
        credential: Credential,
        request: RequestContext,
    ) -> Result<Profile> {
        let id = user.id.clone();
        let failed = |cause: BoxError| Error::new(Code::ProvisioningFailed).caused_by(cause);
        tokio::time::timeout(self.timeout, (self.hook)(user))
            .await
            .map_err(|_| failed(format!("the hook took longer than {:?}", self.timeout).into()))?
            .map_err(failed)?;
        let profile = authn.complete_provisioning(&credential, &self.target, &request).await?;
        if profile.id == id {
            Ok(profile)
        } else {
            Err(Error::new(Code::AnchorUnavailable).caused_by("the answer to provision shows another user"))
        }
    }
}

/// A failure that going on would hide: the session is gone.
fn is_about_the_caller(error: &Error) -> bool {
    error.code().class() == Class::Unauthenticated
}

impl fmt::Debug for Provision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provision")
            .field("target", &self.target)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

/// An error that several requests are told.
#[derive(Clone)]
struct Failed {
    code: Code,
    wait: Option<Duration>,
    cause: String,
}

impl Failed {
    fn into_error(self) -> Error {
        let error = Error::new(self.code).caused_by(self.cause);
        match self.wait {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { code: error.code(), wait: error.wait(), cause: error.chain() }
    }
}

type Outcome = Option<Result<Profile, Failed>>;

/// The runs of a process, one per user at a time.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<UserId, Entry>>>);

struct Entry {
    outcome: watch::Receiver<Outcome>,
    succeeded: Option<Instant>,
}

impl Runs {
    /// Joins the run of `user`, or calls `start` to begin one; says whether it did.
    fn join(&self, user: &UserId, start: impl FnOnce(Run)) -> (watch::Receiver<Outcome>, bool) {
        let mut entries = self.lock();
        // A request that asked the anchor before a run ended, and comes here after, still carries the old flag.
        entries.retain(|_, entry| entry.succeeded.is_none_or(|at| at.elapsed() < REMEMBERED));
        if let Some(entry) = entries.get(user) {
            return (entry.outcome.clone(), false);
        }
        let (sender, outcome) = watch::channel(None);
        entries.insert(user.clone(), Entry { outcome: outcome.clone(), succeeded: None });
        drop(entries);
        start(Run { runs: self.clone(), user: user.clone(), sender, outcome: None });
        (outcome, true)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run in progress. However it ends, even by a panic of the hook, it does not block the next one.
struct Run {
    runs: Runs,
    user: UserId,
    sender: watch::Sender<Outcome>,
    outcome: Outcome,
}

impl Run {
    fn end(mut self, result: Result<Profile>) {
        self.outcome = Some(result.map_err(Failed::from));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let outcome = self.outcome.take();
        let mut entries = self.runs.lock();
        match entries.get_mut(&self.user) {
            Some(entry) if matches!(outcome, Some(Ok(_))) => entry.succeeded = Some(Instant::now()),
            _ => drop(entries.remove(&self.user)),
        }
        drop(entries);
        // Told last, so that whoever starts over after a failure finds the place free.
        if outcome.is_some() {
            self.sender.send_replace(outcome);
        }
    }
}
