//! What users may do with their own account, and the extra fields that they have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What users may do with their own account.
#[derive(Clone, Debug)]
pub struct UserOptions {
    /// Whether users may change their address. Default yes.
    pub change_email: bool,
    /// Whether users may delete their account. Default yes.
    pub delete: bool,
    /// Whether deleting an account without its password is confirmed by a link in a mail. Default no: a recent sign-in is enough.
    pub delete_by_mail: bool,
    /// Whether the user on the wire shows `role`. Default yes.
    pub expose_role: bool,
    /// Extra fields of a user, by name.
    pub fields: BTreeMap<String, FieldSpec>,
    /// Extra fields of a session, by name; `update-session` sets them.
    pub session_fields: BTreeMap<String, FieldSpec>,
}

impl Default for UserOptions {
    fn default() -> Self {
        Self {
            change_email: true,
            delete: true,
            delete_by_mail: false,
            expose_role: true,
            fields: BTreeMap::new(),
            session_fields: BTreeMap::new(),
        }
    }
}

/// A declared extra field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// Whether sign-up must bring it. Default no.
    #[serde(default)]
    pub required: bool,
    /// Whether the user may set it. Default yes.
    #[serde(default = "yes")]
    pub input: bool,
    /// The value of a user who did not bring one; `null` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// The type of an extra field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// Text.
    String,
    /// True or false.
    #[serde(alias = "bool")]
    Boolean,
    /// A finite number.
    Number,
}

fn yes() -> bool {
    true
}

impl FieldKind {
    /// Whether `value` is of this type.
    #[must_use]
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Boolean => value.is_boolean(),
            Self::Number => value.is_number(),
        }
    }

    /// The type's name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Number => "number",
        }
    }
}
