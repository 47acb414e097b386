//! Everything an operator can set: one TOML file and the environment over it, all mistakes reported at once.
//!
//! The sections are declared with `section!`, whose rows are also what the loader accepts and what `config show` prints.
//! Values are read one by one instead of through one `Deserialize`, which would stop at the first mistake.

mod annotated;
mod audit;
mod bootstrap;
mod check;
mod database;
mod device;
mod email;
mod http;
mod limits;
mod mail;
mod oauth;
mod password;
mod problem;
mod provisioning;
mod reader;
mod reference;
mod secrets;
mod session;
mod source;
mod table;
mod telemetry;
#[cfg(test)]
mod tests;
mod user;
mod value;

use std::collections::BTreeMap;

use ::config::{Map, Value, ValueKind};
use identity_core::config::{Config, HttpOptions};

pub(crate) use annotated::{defaults, effective};
pub(crate) use audit::Audit;
pub(crate) use bootstrap::Bootstrap;
pub(crate) use database::{DATA_FOLDER, Database, described};
pub(crate) use device::Devices;
pub(crate) use email::Email;
pub(crate) use http::Http;
pub(crate) use limits::Limits;
pub(crate) use mail::Mail;
pub(crate) use oauth::OAuth;
pub(crate) use password::Password;
pub(crate) use problem::Problems;
pub(crate) use provisioning::Provisioning;
pub(crate) use reference::reference;
pub(crate) use secrets::Secrets;
pub(crate) use session::Session;
pub(crate) use source::Sources;
pub(crate) use telemetry::{LogFormat, Telemetry};
pub(crate) use user::User;

use reader::Reader;
use table::{Section, Setting, Shown};

macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty),+ $(,)?) => {
        /// All settings, section by section.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Settings {
            $($(#[doc = $doc])+ pub(crate) $field: $type,)+
        }

        impl Settings {
            /// The rows of every section, in the order of the file.
            const SECTIONS: &'static [(&'static str, &'static [Setting])] =
                &[$((<$type as Section>::NAME, <$type as Section>::SETTINGS),)+];

            fn read(reader: &mut Reader<'_>) -> Self {
                Self { $($field: Section::read(reader),)+ }
            }

            fn shown(&self) -> Vec<Shown> {
                vec![$(Shown::of(&self.$field),)+]
            }
        }
    };
}

sections! {
    /// Addresses and origins.
    http: Http,
    /// Where everything is kept.
    database: Database,
    /// What everything else is derived from.
    secrets: Secrets,
    /// How mails leave.
    mail: Mail,
    /// Lifetimes and cookies.
    session: Session,
    /// Lifetimes of anonymous sessions.
    device: Devices,
    /// When an address has to be proved.
    email: Email,
    /// Rules and cost of passwords.
    password: Password,
    /// What users may do.
    user: User,
    /// The authorization server.
    oauth: OAuth,
    /// Brute-force limits.
    limits: Limits,
    /// The record of what happened.
    audit: Audit,
    /// Services with a part of their own.
    provisioning: Provisioning,
    /// The first administrator.
    bootstrap: Bootstrap,
    /// Logs and metrics.
    telemetry: Telemetry,
}

impl Settings {
    /// Whether listener and base URL both stay on this machine, so that a missing secret and missing SMTP are made up for.
    pub(crate) fn is_loopback(&self) -> bool {
        self.http.listen.ip().to_canonical().is_loopback() && self.http.base_url.is_loopback()
    }

    /// Whether mails are shown on `/dev/mailbox` instead of being sent.
    pub(crate) fn has_mailbox(&self) -> bool {
        self.is_loopback() && self.mail.smtp_url.is_none()
    }

    /// What core needs to know.
    pub(crate) fn to_core(&self) -> Config {
        Config {
            http: HttpOptions {
                base_url: self.http.base_url.as_str().to_owned(),
                trusted_origins: self.http.trusted_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
                allowed_hosts: self.http.allowed_hosts.iter().map(|host| host.as_str().to_owned()).collect(),
                trusted_proxies: self.http.trusted_proxies.clone(),
                secure_cookies: self.session.secure_cookies,
                cookie_domain: self.session.cookie_domain.clone(),
                cookie_cache: self.session.cookie_cache,
                bearer: self.session.bearer,
                ..HttpOptions::default()
            },
            session: self.session.options(),
            device: self.device.options(),
            password: self.password.options(),
            email: self.email.options(),
            user: self.user.options(),
            limits: self.limits.options(),
            oauth: self.oauth.options(),
            audit: self.audit.options(),
            mail: self.mail.options(),
            provisioning: self.provisioning.targets.0.clone(),
        }
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    File,
    Environment,
}

/// A configuration that has been read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The values; the default where the one given is wrong.
    pub(crate) settings: Settings,
    /// What must be put right.
    pub(crate) problems: Problems,
    /// What is unsafe in the open, and forgiven by `--insecure-dev`.
    pub(crate) exposures: Problems,
    origins: BTreeMap<String, Origin>,
}

/// Reads and checks everything.
pub(crate) fn load(sources: &Sources) -> Loaded {
    let (tree, problems) = sources.merge();
    let mut reader = Reader::new(&tree, problems);
    let settings = Settings::read(&mut reader);
    let mut problems = reader.problems;
    let exposures = check::check(&settings, &mut problems);
    Loaded { settings, problems, exposures, origins: origins(&tree) }
}

fn origins(tree: &Map<String, Value>) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    for (section, value) in tree {
        let ValueKind::Table(table) = &value.kind else { continue };
        for (name, value) in table {
            let origin = if value.origin().is_some() { Origin::Environment } else { Origin::File };
            origins.insert(format!("{section}.{name}"), origin);
        }
    }
    origins
}
