//! `[provisioning]`: services that prepare a part of their own for each user.

use std::collections::BTreeSet;
use std::path::Path;

use config::{Value, ValueKind};
use identity_core::config::ProvisioningTarget;
use identity_core::secret::Secret;

use super::problem::{Problem, Problems};
use super::reader::read_secret;
use super::table::section;
use super::value::{Kind, SettingType, text};

section! {
    /// Services that prepare a part of their own for each user and report when it is ready.
    Provisioning = "provisioning" {
        /// One table per service; in the environment `wallet=<secret>,order-history=<secret>`.
        /// ```toml
        /// [[provisioning.targets]]
        /// name = "wallet"                        # clients see hasWalletAccount
        /// secret_file = "/run/secrets/wallet"    # or secret = "..."
        /// ```
        targets: Targets = Targets::default();
    }
}

impl Provisioning {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut names = BTreeSet::new();
        for target in &self.targets.0 {
            let name = &target.name;
            let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !plain || !name.starts_with(|first: char| first.is_ascii_lowercase()) {
                let text = format!("{name:?} must be lower-case letters, digits and dashes, and start with a letter");
                problems.push(Problem::of("provisioning.targets", text));
            }
            if !names.insert(name) {
                problems.push(Problem::of("provisioning.targets", format!("{name:?} is there twice")));
            }
        }
    }
}

/// The services in the order of their declaration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets(pub(crate) Vec<ProvisioningTarget>);

impl SettingType for Targets {
    const KIND: Kind = Kind::Targets;

    fn parse(value: ValueKind) -> Result<Self, String> {
        let parsed: Vec<Result<ProvisioningTarget, String>> = match value {
            ValueKind::String(text) => {
                text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty()).map(from_pair).collect()
            }
            ValueKind::Array(tables) => tables.into_iter().map(from_table).collect(),
            _ => return Err(String::from("must be tables with name and secret, or name=secret pairs")),
        };
        let mut targets = Vec::new();
        let mut wrong = Vec::new();
        for target in parsed {
            match target {
                Ok(target) => targets.push(target),
                Err(text) => wrong.push(text),
            }
        }
        if wrong.is_empty() { Ok(Self(targets)) } else { Err(wrong.join("; ")) }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        self.0.is_empty().then(|| toml::Value::Array(Vec::new()))
    }
}

fn from_pair(pair: &str) -> Result<ProvisioningTarget, String> {
    match pair.split_once('=') {
        Some((name, secret)) if !name.is_empty() && !secret.is_empty() => {
            Ok(ProvisioningTarget { name: name.trim().to_owned(), secret: Secret::from(secret.trim()) })
        }
        // The pair itself is not repeated: without an equals sign it may be a secret.
        _ => Err(String::from("each service must be written name=secret")),
    }
}

fn from_table(value: Value) -> Result<ProvisioningTarget, String> {
    let ValueKind::Table(mut table) = value.kind else {
        return Err(String::from("each service must be a table with name and secret"));
    };
    let mut take = |key: &str| table.remove(key).map(|value| text(value.kind).map_err(|text| format!("{key} {text}")));
    let name = take("name").transpose()?.filter(|name| !name.is_empty());
    let given = take("secret").transpose()?.filter(|secret| !secret.is_empty());
    let file = take("secret_file").transpose()?.filter(|path| !path.is_empty());
    let name = name.ok_or_else(|| String::from("a service has no name"))?;
    let secret = match (given, file) {
        (Some(secret), None) => secret,
        (None, Some(path)) => read_secret(Path::new(&path)).map_err(|text| format!("{name}: {text}"))?,
        (None, None) => return Err(format!("{name}: needs secret or secret_file")),
        (Some(_), Some(_)) => return Err(format!("{name}: has both secret and secret_file; remove one")),
    };
    match table.keys().min() {
        Some(unknown) => Err(format!("{name}: there is no such setting as {unknown}")),
        None => Ok(ProvisioningTarget { name, secret: Secret::from(secret) }),
    }
}
