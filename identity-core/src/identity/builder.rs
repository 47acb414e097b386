//! Putting an identity together, with every mistake reported at once.

mod oauth;

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;
use url::{Host, Url};

use super::Identity;
use crate::config::{Config, FieldSpec, ProvisioningTarget};
use crate::crypto::aead::AtRest;
use crate::crypto::hmac;
use crate::crypto::keyring::Keyring;
use crate::crypto::keys::Keys;
use crate::crypto::password::PasswordHasher;
use crate::entropy::{Entropy, OsEntropy};
use crate::limits::Limiter;
use crate::mail::{MailTransport, Templates};
use crate::outbound::Outbound;
use crate::principal::provisioning_flag;
use crate::secret::Secret;
use crate::shared::{HmacKeys, Shared};
use crate::store::Store;
use crate::time::{Clock, SystemClock};

/// Fewest characters of the secret that cookies are signed with.
const MIN_SECRET: usize = 32;

/// Fewest characters of a secret that a service, or a client that registers itself, presents.
const MIN_SERVICE_SECRET: usize = 16;

/// The names on the wire that an extra field cannot take.
const RESERVED_USER_FIELDS: [&str; 10] =
    ["id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "role", "password", "rememberMe"];
const RESERVED_SESSION_FIELDS: [&str; 10] =
    ["id", "token", "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent", "acr", "amr"];

/// Everything that is wrong with a configuration, one sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigProblems {}

/// Collects what an identity is made of.
#[derive(Debug)]
#[must_use]
pub struct IdentityBuilder {
    store: Store,
    secret: Secret<String>,
    config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    mail: Option<Arc<dyn MailTransport>>,
}

impl IdentityBuilder {
    pub(crate) fn new(store: Store, secret: Secret<String>) -> Self {
        Self {
            store,
            secret,
            config: Config::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            mail: None,
        }
    }

    /// Replaces all choices.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the public URL, which is the only source of URLs.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.config.http.base_url = url.into();
        self
    }

    /// Sets what delivers mails. Without it nothing that needs a mail is offered.
    pub fn mailer(mut self, transport: Arc<dyn MailTransport>) -> Self {
        self.mail = Some(transport);
        self
    }

    /// Sets the source of the current time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the source of randomness.
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Checks everything and makes the identity.
    ///
    /// # Errors
    /// All problems of the configuration at once.
    pub fn build(self) -> Result<Identity, ConfigProblems> {
        let mut problems = Vec::new();
        if self.secret.expose().chars().count() < MIN_SECRET {
            problems.push(format!("The secret must have at least {MIN_SECRET} characters."));
        }
        check(&self.config, self.mail.is_some(), &mut problems);
        let templates = Templates::load(&self.config.mail).map_err(|found| problems.extend(found)).ok();
        let hasher = PasswordHasher::new(&self.config.password, Arc::clone(&self.entropy))
            .map_err(|problem| problems.push(problem))
            .ok();
        let keys = derive(&self.secret, &self.entropy).map_err(|error| problems.push(error.to_string())).ok();
        let outbound = Outbound::new(&self.config.oauth.outbound).map_err(|problem| problems.push(problem)).ok();
        match (templates, hasher, keys, outbound) {
            (Some(templates), Some(hasher), Some((signing, at_rest, counters)), Some(outbound))
                if problems.is_empty() =>
            {
                Ok(Identity::new(Shared {
                    limiter: Limiter::new(self.config.limits.enabled, &self.clock, counters),
                    store: self.store,
                    config: self.config,
                    clock: self.clock,
                    entropy: self.entropy,
                    hasher,
                    signing,
                    at_rest,
                    keyring: Keyring::default(),
                    mail: self.mail,
                    templates,
                    outbound,
                    outbox_filled: Notify::new(),
                    session_ended: Notify::new(),
                }))
            }
            _ => Err(ConfigProblems(problems)),
        }
    }
}

fn derive(secret: &Secret<String>, entropy: &Arc<dyn Entropy>) -> crate::error::Result<(HmacKeys, AtRest, hmac::Key)> {
    let keys = Keys::new(secret);
    let signing = HmacKeys {
        cookie: hmac::Key::new(secret.expose().as_bytes()),
        verification_code: hmac::Key::new(keys.derive("verification-code")?.expose()),
        email_flow: hmac::Key::new(keys.derive("email-flow")?.expose()),
        refresh: hmac::Key::new(keys.derive("refresh")?.expose()),
        pairwise: hmac::Key::new(keys.derive("pairwise")?.expose()),
        user_code: hmac::Key::new(keys.derive("user-code")?.expose()),
        forms: hmac::Key::new(keys.derive("forms")?.expose()),
        query: hmac::Key::new(keys.derive("query")?.expose()),
    };
    let counters = hmac::Key::new(keys.derive("limits")?.expose());
    Ok((signing, AtRest::new(&keys, Arc::clone(entropy))?, counters))
}

fn check(config: &Config, has_mailer: bool, problems: &mut Vec<String>) {
    check_addresses(config, problems);
    let session = &config.session;
    if session.expires_in.is_zero() || session.max_age.is_zero() || session.not_remembered.is_zero() {
        problems.push("The lifetimes of sessions must be longer than zero.".to_owned());
    }
    if session.update_age > session.expires_in {
        problems.push(
            "A session cannot be extended less often than it expires: update_age is above expires_in.".to_owned(),
        );
    }
    let device = &config.device;
    if device.expires_in.is_zero() || device.max_age.is_zero() || device.per_device == 0 {
        problems.push(
            "The lifetimes of device sessions must be longer than zero, and a device has at least one.".to_owned(),
        );
    }
    if device.update_age > device.expires_in {
        problems.push(
            "A device session would expire before its use is written down: update_age is above expires_in.".to_owned(),
        );
    }
    if config.password.min_length == 0 || config.password.min_length > config.password.max_length {
        problems.push(
            "The shortest password must have at least one character and not be longer than the longest.".to_owned(),
        );
    }
    let email = &config.email;
    let sends = email.require_verification || email.send_on_sign_up || email.send_on_sign_in;
    if sends && (!email.verification || !has_mailer) {
        problems.push(
            "Addresses cannot be verified: verification is off, or there is nothing that delivers mails.".to_owned(),
        );
    }
    if config.user.delete_by_mail && !has_mailer {
        problems.push("An account cannot be deleted by mail when there is nothing that delivers mails.".to_owned());
    }
    oauth::check(&config.oauth, &config.http, problems);
    check_fields("user", &config.user.fields, &RESERVED_USER_FIELDS, problems);
    check_fields("session", &config.user.session_fields, &RESERVED_SESSION_FIELDS, problems);
    check_targets(&config.provisioning, config, problems);
}

fn check_addresses(config: &Config, problems: &mut Vec<String>) {
    let http = &config.http;
    match Url::parse(&http.base_url) {
        Ok(url) => {
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            let named = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)));
            let anonymous = url.username().is_empty() && url.password().is_none();
            if !["http", "https"].contains(&url.scheme())
                || !bare
                || !named
                || !anonymous
                || http.base_url.ends_with('/')
            {
                let url = &http.base_url;
                problems.push(format!(
                    "The base URL `{url}` must be http or https, a host, and perhaps a port, and nothing after them."
                ));
            }
        }
        Err(error) => problems.push(format!("The base URL `{}` is not a URL: {error}.", http.base_url)),
    }
    let path = &http.base_path;
    if !path.starts_with('/') || path.ends_with('/') || path.contains(['{', '}', '?', '#', '*']) {
        problems.push(format!("The base path `{path}` must start with a slash, not end with one, and be plain."));
    }
    for origin in http.trusted_origins.iter().filter(|origin| !is_trustworthy(origin)) {
        problems.push(format!(
            "The trusted origin `{origin}` must be an origin such as https://app.example.com, https://*.example.com or myapp://."
        ));
    }
    for host in http.allowed_hosts.iter().filter(|host| !is_host(host)) {
        problems.push(format!(
            "The allowed host `{host}` must be a host name or an address, with a port if only that one is meant."
        ));
    }
}

/// Whether a trusted origin names somebody: an exact origin, the names under a domain of at least two labels, or a scheme of an
/// application.
fn is_trustworthy(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return origin.strip_prefix("*.").is_some_and(is_domain_of_somebody);
    };
    if !["http", "https"].contains(&scheme) {
        let known = ["javascript", "data", "blob", "file", "about", "vbscript"].contains(&scheme);
        return rest.is_empty() && !known && !scheme.is_empty();
    }
    match rest.strip_prefix("*.") {
        Some(domain) => is_domain_of_somebody(domain),
        None => !rest.contains('*') && Url::parse(origin).is_ok_and(|url| url.path() == "/" && url.host().is_some()),
    }
}

fn is_domain_of_somebody(domain: &str) -> bool {
    let name = domain.split(':').next().unwrap_or_default();
    !domain.contains(['*', '/']) && name.contains('.') && matches!(Host::parse(name), Ok(Host::Domain(_)))
}

fn is_host(text: &str) -> bool {
    let url = Url::parse(&format!("http://{text}"));
    url.is_ok_and(|url| {
        url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none()
    }) && !text.contains('/')
}

fn check_fields(
    owner: &str,
    fields: &std::collections::BTreeMap<String, FieldSpec>,
    reserved: &[&str],
    problems: &mut Vec<String>,
) {
    for (name, spec) in fields {
        let plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || reserved.contains(&name.as_str()) || name.starts_with("__") {
            problems.push(format!("The {owner} field `{name}` needs another name."));
        }
        if let Some(default) = &spec.default
            && !spec.kind.accepts(default)
        {
            problems.push(format!("The default of the {owner} field `{name}` is not a {}.", spec.kind.name()));
        }
        if spec.required && !spec.input && spec.default.is_none() {
            problems.push(format!("The {owner} field `{name}` is required, but nobody can give it a value."));
        }
    }
}

fn check_targets(targets: &[ProvisioningTarget], config: &Config, problems: &mut Vec<String>) {
    let mut seen = std::collections::BTreeSet::new();
    for target in targets {
        let name = &target.name;
        let plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let flag = provisioning_flag(name);
        if !plain {
            problems
                .push(format!("The provisioning target `{name}` must be of lower-case letters, digits and dashes."));
        }
        if config.user.fields.contains_key(&flag) || !seen.insert(flag) {
            problems.push(format!("The provisioning target `{name}` is shown under a name that is already taken."));
        }
        if !target.secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            problems.push(format!(
                "The secret of the provisioning target `{name}` must be of visible ASCII characters: it travels in a header."
            ));
        }
        if target.secret.expose().chars().count() < MIN_SERVICE_SECRET {
            problems.push(format!(
                "The secret of the provisioning target `{name}` must have at least {MIN_SERVICE_SECRET} characters."
            ));
        }
    }
}
