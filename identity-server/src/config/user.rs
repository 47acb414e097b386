//! `[user]`: what users may do with their account, and extra fields.

use std::collections::BTreeMap;

use config::ValueKind;
use identity_core::config::{FieldSpec, UserOptions};

use super::problem::{Problem, Problems};
use super::table::section;
use super::value::{Kind, SettingType};

section! {
    /// What users may do with their own account.
    User = "user" {
        /// Whether users may change their address.
        change_email: bool = true;
        /// Whether users may delete their account.
        delete: bool = true;
        /// Whether deleting without the password is confirmed by a link in a mail; without it a recent sign-in is enough.
        delete_by_mail: bool = false;
        /// Whether the user that clients and services see has a role.
        expose_role: bool = true;
        /// Extra fields of a user, one table each:
        /// ```toml
        /// [user.fields.company]
        /// type = "string"      # or "number", "boolean"
        /// required = false     # true: sign-up must bring it
        /// input = true         # false: users cannot set it
        /// default = "none"     # of those who did not bring one
        /// ```
        fields: Fields = Fields::default();
        /// Extra fields of a session, declared in the same way under `[user.session_fields.name]`.
        session_fields: Fields = Fields::default();
    }
}

impl User {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (key, fields) in [("user.fields", &self.fields), ("user.session_fields", &self.session_fields)] {
            for (name, spec) in &fields.0 {
                if let Some(default) = &spec.default
                    && !spec.kind.accepts(default)
                {
                    let text = format!("its default is not a {}", spec.kind.name());
                    problems.push(Problem::of(format!("{key}.{name}"), text));
                }
            }
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> UserOptions {
        UserOptions {
            change_email: self.change_email,
            delete: self.delete,
            delete_by_mail: self.delete_by_mail,
            expose_role: self.expose_role,
            fields: self.fields.0.clone(),
            session_fields: self.session_fields.0.clone(),
        }
    }
}

/// Declared extra fields by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) BTreeMap<String, FieldSpec>);

impl SettingType for Fields {
    const KIND: Kind = Kind::Fields;

    fn parse(value: ValueKind) -> Result<Self, String> {
        let ValueKind::Table(table) = value else { return Err(String::from("must be a table of fields")) };
        let mut fields = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, spec) in table {
            match spec.try_deserialize::<FieldSpec>() {
                Ok(spec) => drop(fields.insert(name, spec)),
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
        wrong.sort();
        if wrong.is_empty() { Ok(Self(fields)) } else { Err(wrong.join("; ")) }
    }

    fn to_toml(&self) -> Option<toml::Value> {
        toml::Value::try_from(&self.0).ok()
    }
}
