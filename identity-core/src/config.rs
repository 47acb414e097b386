//! The choices of an identity, one struct per capability. `Default` is the safe setting.

mod oauth;
mod user;

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::secret::Secret;

pub use oauth::{OAuthOptions, OutboundOptions, Registration, ResourceSpec};
pub use user::{FieldKind, FieldSpec, UserOptions};

const DAY: Duration = Duration::from_hours(24);

/// Everything that can be chosen about an identity.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Addresses, origins and cookies.
    pub http: HttpOptions,
    /// Lifetimes of sessions.
    pub session: SessionOptions,
    /// Anonymous sessions of devices.
    pub device: DeviceOptions,
    /// Passwords and their hashes.
    pub password: PasswordOptions,
    /// When an e-mail address has to be proved.
    pub email: EmailOptions,
    /// What users may do with their own account.
    pub user: UserOptions,
    /// Brute-force and flood limits.
    pub limits: LimitOptions,
    /// The authorization server.
    pub oauth: OAuthOptions,
    /// The record of what happened.
    pub audit: AuditOptions,
    /// What mails look like.
    pub mail: MailOptions,
    /// The services that prepare a part of their own for each user.
    pub provisioning: Vec<ProvisioningTarget>,
}

/// The record of what happened.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// How long an event is kept. Default 365 days.
    pub keep_for: Duration,
    /// How long an event is kept that strangers have caused and that is about no account: sign-ins, codes and reset links for addresses
    /// that nobody has. Default 7 days.
    pub strangers_for: Duration,
    /// How many of these are kept at most, the newest. Default 100,000.
    pub strangers_at_most: u64,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            keep_for: Duration::from_hours(24 * 365),
            strangers_for: Duration::from_hours(24 * 7),
            strangers_at_most: 100_000,
        }
    }
}

/// Addresses, origins and cookies.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The public URL of the server, without a trailing slash; the only source of URLs. Default `http://localhost:8888`.
    pub base_url: String,
    /// Where the Better Auth API is mounted. Default `/api/auth`.
    pub base_path: String,
    /// Origins besides the base URL's own that may call with cookies and be redirected to:
    /// `https://app.example.com`, `https://*.example.com`, or a custom scheme `myapp://`.
    pub trusted_origins: Vec<String>,
    /// Host names besides the base URL's own that are answered, such as an internal name.
    pub allowed_hosts: Vec<String>,
    /// Networks whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether cookies carry `Secure` and the `__Secure-` prefix. `None` decides by the scheme of the base URL.
    pub secure_cookies: Option<bool>,
    /// The `Domain` attribute of cookies; `None` keeps them on the host.
    pub cookie_domain: Option<String>,
    /// Whether a signed copy of the session travels in a second cookie for five minutes. Revocation on other devices is delayed by as much.
    pub cookie_cache: bool,
    /// Whether `Authorization: Bearer <session token>` is accepted beside the cookie.
    pub bearer: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            base_url: "http://localhost:8888".to_owned(),
            base_path: "/api/auth".to_owned(),
            trusted_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            secure_cookies: None,
            cookie_domain: None,
            cookie_cache: false,
            bearer: false,
        }
    }
}

/// Lifetimes of sessions.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// How long a session lives without use. Default 7 days.
    pub expires_in: Duration,
    /// How often its use extends it. Default 1 day.
    pub update_age: Duration,
    /// How long it can live at most, however often it is used. Default 30 days.
    pub max_age: Duration,
    /// How long a session that is not remembered lives; it never slides. Default 1 day.
    pub not_remembered: Duration,
    /// How long after sign-in the session proves enough for sensitive changes. Zero means always. Default 1 day.
    pub fresh_age: Duration,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { expires_in: DAY * 7, update_age: DAY, max_age: DAY * 30, not_remembered: DAY, fresh_age: DAY }
    }
}

/// Anonymous sessions of devices.
#[derive(Clone, Debug)]
pub struct DeviceOptions {
    /// How long a device session lives without use. Default 30 days.
    pub expires_in: Duration,
    /// How often its use is written down; a heartbeat always is. Default 5 minutes.
    pub update_age: Duration,
    /// How long it can live at most, however often it is used. Default 180 days.
    pub max_age: Duration,
    /// How many live sessions one device may have; a new one ends the oldest. Default 10.
    pub per_device: u32,
}

impl Default for DeviceOptions {
    fn default() -> Self {
        Self { expires_in: DAY * 30, update_age: Duration::from_mins(5), max_age: DAY * 180, per_device: 10 }
    }
}

/// Passwords and their hashes.
#[derive(Clone, Debug)]
pub struct PasswordOptions {
    /// Fewest characters (UTF-16 units after NFKC). Default 8.
    pub min_length: usize,
    /// Most characters (UTF-16 units after NFKC). Default 128.
    pub max_length: usize,
    /// Whether a forgotten password can be reset by mail. Default yes.
    pub reset: bool,
    /// How long a reset link is good. Default 1 hour.
    pub reset_expires_in: Duration,
    /// Argon2id memory in KiB. Default 19456.
    pub argon2_memory: u32,
    /// Argon2id passes. Default 2.
    pub argon2_iterations: u32,
    /// Argon2id lanes. Default 1.
    pub argon2_parallelism: u32,
    /// How many hashes are computed at once; memory use is this times `argon2_memory`. `None` means one per core.
    pub permits: Option<usize>,
    /// How long a request waits for its turn before it is told to come back. Default 2 seconds.
    pub queue_wait: Duration,
}

impl Default for PasswordOptions {
    fn default() -> Self {
        Self {
            min_length: 8,
            max_length: 128,
            reset: true,
            reset_expires_in: Duration::from_hours(1),
            argon2_memory: 19_456,
            argon2_iterations: 2,
            argon2_parallelism: 1,
            permits: None,
            queue_wait: Duration::from_secs(2),
        }
    }
}

/// When an e-mail address has to be proved.
#[derive(Clone, Debug)]
pub struct EmailOptions {
    /// Whether verification mails can be asked for at all. Default yes.
    pub verification: bool,
    /// Whether nobody signs in before the address is proved. Default no.
    pub require_verification: bool,
    /// Whether a verification mail follows a sign-up. Default no; `require_verification` implies it.
    pub send_on_sign_up: bool,
    /// Whether a refused sign-in with an unproved address sends another mail. Default no.
    pub send_on_sign_in: bool,
    /// Whether following the link signs in the browser that signed up. Default no.
    pub sign_in_after_verification: bool,
    /// How long a verification link is good. Default 1 hour.
    pub link_expires_in: Duration,
    /// How long a code is good. Default 5 minutes.
    pub code_expires_in: Duration,
    /// How many wrong guesses end a code. Default 3.
    pub code_tries: u32,
}

impl Default for EmailOptions {
    fn default() -> Self {
        Self {
            verification: true,
            require_verification: false,
            send_on_sign_up: false,
            send_on_sign_in: false,
            sign_in_after_verification: false,
            link_expires_in: Duration::from_hours(1),
            code_expires_in: Duration::from_mins(5),
            code_tries: 3,
        }
    }
}

/// Brute-force and flood limits.
#[derive(Clone, Copy, Debug)]
pub struct LimitOptions {
    /// Whether anything is limited. Default yes.
    pub enabled: bool,
}

impl Default for LimitOptions {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// What mails look like.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// The name of the application in subjects and texts. Default `Identity`.
    pub app_name: String,
    /// A folder with templates that replace the built-in ones, file by file.
    pub templates: Option<PathBuf>,
}

impl Default for MailOptions {
    fn default() -> Self {
        Self { app_name: "Identity".to_owned(), templates: None }
    }
}

/// A service that keeps a part of its own for each user and reports when it is ready.
#[derive(Clone, Debug)]
pub struct ProvisioningTarget {
    /// The name by which the service identifies itself: lower-case letters, digits and dashes.
    pub name: String,
    /// The secret it proves its name with.
    pub secret: Secret<String>,
}
