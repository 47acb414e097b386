//! The whole identity in this process: one database, one router, a clock that the test moves, mail that stays.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use identity_core::config::Config;
use identity_core::mail::{Mail, MailError, MailTransport};
use identity_core::secret::Secret;
use identity_core::store::{Durability, Store, StoreOptions};
use identity_core::testing::{ManualClock, MemoryMailer, SeededEntropy, fast_password_options};
use identity_core::{Identity, Worker};
use tokio::sync::Notify;

use crate::actor::{Actor, Site, Transport};
use crate::db::TestDatabase;
use crate::letter::Letter;

/// The secret of every test app.
pub const SECRET: &str = "a secret of tests that is long enough";

/// How long a test waits for a mail.
const PATIENCE: Duration = Duration::from_secs(20);

/// An identity and the router of its Better Auth API, device sessions, authorization server and pages, over a database of its own.
#[derive(Debug)]
pub struct TestApp {
    /// The identity itself, for what a test does without HTTP.
    pub identity: Identity,
    /// The time of everything in the app, cookies included.
    pub clock: Arc<ManualClock>,
    /// Where mail goes.
    pub mailer: Arc<MemoryMailer>,
    router: Router,
    post: Arc<Post>,
    database: Arc<TestDatabase>,
    _worker: Option<Worker>,
}

/// How an app is made.
#[derive(Debug)]
pub struct TestAppBuilder {
    config: Config,
    seed: String,
    mail: bool,
    works: bool,
    transport: Option<Arc<dyn MailTransport>>,
    routes: Router<Identity>,
    beside: Option<(Arc<TestDatabase>, Arc<ManualClock>)>,
    clock: Option<Arc<ManualClock>>,
}

impl TestAppBuilder {
    /// Changes the configuration.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Draws ids and tokens from another stream.
    #[must_use]
    pub fn seed(mut self, seed: impl Into<String>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Leaves mail switched off, as without an SMTP server.
    #[must_use]
    pub fn without_mail(mut self) -> Self {
        self.mail = false;
        self
    }

    /// Starts no worker: the test does, when it wants one. A worker cleans up as soon as the time has passed, so that a test that counts
    /// what is left wants none.
    #[must_use]
    pub fn without_worker(mut self) -> Self {
        self.works = false;
        self
    }

    /// Sends mail by another transport; the app keeps none of it.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn MailTransport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Adds routes of an embedding application beside the API.
    #[must_use]
    pub fn routes(mut self, routes: Router<Identity>) -> Self {
        self.routes = routes;
        self
    }

    /// Works over the database and by the clock of another app, as a second node does.
    #[must_use]
    pub fn beside(mut self, app: &TestApp) -> Self {
        self.beside = Some((Arc::clone(&app.database), Arc::clone(&app.clock)));
        self.seed("another node")
    }

    /// Goes by a clock of its own.
    #[must_use]
    pub fn clock(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the app.
    pub async fn start(self) -> TestApp {
        let (database, clock) = match self.beside {
            Some(shared) => shared,
            None => (Arc::new(TestDatabase::migrated().await), Arc::new(ManualClock::new())),
        };
        let clock = self.clock.unwrap_or(clock);
        let options = StoreOptions { durability: Durability::Process, ..StoreOptions::new(database.url()) };
        let store = Store::connect_with(options).await.expect("the database can be reached");
        let mailer = Arc::new(MemoryMailer::new());
        let post = Arc::new(Post { mailer: Arc::clone(&mailer), delivered: Notify::new() });
        let mut builder = Identity::builder(store, Secret::new(SECRET.to_owned()))
            .config(self.config)
            .clock(clock.clone())
            .entropy(Arc::new(SeededEntropy::new(self.seed)));
        if self.mail {
            builder = builder.mailer(self.transport.unwrap_or_else(|| post.clone()));
        }
        let identity = builder.build().unwrap_or_else(|problems| panic!("{problems}"));
        let api = identity_axum::router(&identity);
        let devices = identity_axum::device_router(&identity);
        let oidc = identity_axum::oidc_router(&identity);
        let pages = identity_axum::page_router(&identity);
        let router = self.routes.merge(api).merge(devices).merge(oidc).merge(pages).with_state(identity.clone());
        let worker = self.works.then(|| identity.spawn_worker());
        TestApp { identity, clock, mailer, router, post, database, _worker: worker }
    }
}

impl TestApp {
    /// Makes an app with the default configuration, except that hashing is fast and nothing is limited.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Makes an app step by step.
    #[must_use]
    pub fn builder() -> TestAppBuilder {
        let mut config = Config { password: fast_password_options(), ..Config::default() };
        config.limits.enabled = false;
        let seed = "identity".to_owned();
        TestAppBuilder {
            config,
            seed,
            mail: true,
            works: true,
            transport: None,
            routes: Router::new(),
            beside: None,
            clock: None,
        }
    }

    /// Somebody who uses it.
    #[must_use]
    pub fn actor(&self, name: &str) -> Actor {
        let http = &self.identity.config().http;
        let site = Site {
            base_url: http.base_url.clone(),
            base_path: http.base_path.clone(),
            clock: self.clock.clone(),
            transport: Transport::Router(self.router.clone()),
        };
        Actor::new(name, site)
    }

    /// Somebody who has signed up and is signed in.
    pub async fn user(&self, name: &str) -> Actor {
        let actor = self.actor(name);
        let _ = actor.signs_up().await.expect(200);
        actor
    }

    /// The router, to be mounted elsewhere.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Lets time pass.
    pub fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// The mail number `index` (from zero) to an address, once it has left.
    ///
    /// # Panics
    /// When it does not leave in time.
    pub async fn letter_to(&self, address: &str, index: usize) -> Letter {
        let waiting = async {
            loop {
                let delivered = self.post.delivered.notified();
                if let Some(mail) = self.mailer.mails_to(address).into_iter().nth(index) {
                    return Letter {
                        to: mail.to.as_str().to_owned(),
                        subject: mail.subject,
                        purpose: mail.purpose.id().to_owned(),
                        text: mail.text,
                    };
                }
                delivered.await;
            }
        };
        let letter = tokio::time::timeout(PATIENCE, waiting).await;
        letter
            .unwrap_or_else(|_| panic!("mail {index} to {address} did not leave; there are {:?}", self.mailer.mails()))
    }

    /// Waits until no mail waits to be sent, so that a test can say that none was.
    ///
    /// # Panics
    /// When mails keep waiting.
    pub async fn until_mails_have_left(&self) {
        let waiting = async {
            while self.identity.outbox().await.expect("the outbox can be counted").waiting > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the outbox runs empty");
    }
}

/// Keeps mails as [`MemoryMailer`] does, and tells those who wait for one.
#[derive(Debug)]
struct Post {
    mailer: Arc<MemoryMailer>,
    delivered: Notify,
}

#[async_trait]
impl MailTransport for Post {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let sent = self.mailer.send(mail).await;
        self.delivered.notify_waiters();
        sent
    }
}
