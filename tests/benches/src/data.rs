//! The database that both sides read, filled by the library itself.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::Identity;
use identity_core::auth::{NewAccount, SignedUp};
use identity_core::config::{Config, PasswordOptions};
use identity_core::request::RequestInfo;
use identity_core::secret::Secret;
use identity_core::store::{Durability, Store, StoreOptions};
use identity_core::text::Email;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Result;

/// What cookies are signed with, by the server and by the baseline.
pub(crate) const SECRET: &str = "benchmarks-sign-their-cookies-with-this-secret";

/// The cookie that carries the session on plain http.
pub(crate) const COOKIE: &str = "better-auth.session_token";

/// What the sessions were opened with, and what the load sends: a browser.
pub(crate) const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// The password of everybody.
const PASSWORD: &str = "correct horse battery staple";

/// How many users have a password that costs as much as the server would make it cost.
const DEAR: usize = 16;

/// A database with users, each of whom has signed up and is signed in.
#[derive(Debug)]
pub(crate) struct Data {
    /// `database.url` of it.
    pub(crate) url: String,
    /// One `Cookie` header for each user.
    pub(crate) cookies: Vec<String>,
    /// The bodies of requests to sign in.
    pub(crate) sign_ins: Vec<String>,
}

impl Data {
    /// Makes a SQLite file in `folder`.
    pub(crate) async fn on_sqlite(folder: &Path, users: usize) -> Result<Self> {
        Self::fill(format!("sqlite://{}", folder.join("identity.db").display()), users).await
    }

    /// Fills an empty database.
    pub(crate) async fn fill(url: String, users: usize) -> Result<Self> {
        // Whether the rows survive a power failure makes no difference to those who read them.
        let options = StoreOptions { durability: Durability::Process, ..StoreOptions::new(&url) };
        let store = Store::connect_with(options).await?;
        identity_migrations::up(store.connection()).await?;
        // Of the others only the number of rows matters, not what a guess at their passwords would cost.
        let cheap = PasswordOptions { argon2_memory: 8, argon2_iterations: 1, ..PasswordOptions::default() };
        let (mut cookies, mut sign_ins) = (Vec::with_capacity(users), Vec::with_capacity(DEAR));
        for (password, numbers) in [(PasswordOptions::default(), 0..DEAR), (cheap, DEAR..users.max(DEAR))] {
            let config = Config { password, ..Config::default() };
            let identity = Identity::builder(store.clone(), SECRET.to_owned())
                .config(config)
                .build()
                .map_err(|problems| problems.to_string())?;
            for number in numbers {
                cookies.push(sign_up(&identity, number).await?);
            }
        }
        for number in 0..DEAR {
            sign_ins.push(serde_json::json!({ "email": address(number), "password": PASSWORD }).to_string());
        }
        store.close().await?;
        Ok(Self { url, cookies, sign_ins })
    }
}

fn address(number: usize) -> String {
    format!("user-{number}@example.com")
}

async fn sign_up(identity: &Identity, number: usize) -> Result<String> {
    let new = NewAccount {
        email: Email::parse(&address(number))?,
        password: Secret::from(PASSWORD),
        name: format!("User {number}"),
        image: None,
        extra: serde_json::Map::new(),
        remember: true,
        callback_url: None,
    };
    let info =
        RequestInfo { ip: Some([127, 0, 0, 1].into()), user_agent: Some(USER_AGENT.to_owned()), request_id: None };
    match identity.sign_up().with_password(new, &info).await? {
        SignedUp::Complete { issued, .. } => Ok(cookie(issued.token.expose())),
        SignedUp::VerifyEmail { .. } => Err("a sign-up gave no session".into()),
    }
}

/// The `Cookie` header of a session: the token and its HMAC-SHA256, percent-encoded.
fn cookie(token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, token.as_bytes()));
    format!("{COOKIE}={token}.{}", utf8_percent_encode(&signature, NON_ALPHANUMERIC))
}
