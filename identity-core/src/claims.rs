//! The one place that turns a user into what others are told about them.

use serde_json::{Map, Value};

use crate::config::{Config, FieldSpec};
use crate::principal::{Profile, provisioning_flag};
use crate::user::User;

/// What is known about a user outside of the identity tables: declared fields always with a value or `null`, and one flag per
/// provisioning target.
pub(crate) fn profile(config: &Config, user: User, provisioned: &[String]) -> Profile {
    let mut attributes = declared(config.user.fields.iter(), &user.fields);
    for target in &config.provisioning {
        attributes.insert(provisioning_flag(&target.name), Value::Bool(provisioned.contains(&target.name)));
    }
    Profile {
        id: user.id,
        email: Some(user.email),
        email_verified: user.email_verified,
        name: user.name,
        image: user.image,
        role: config.user.expose_role.then_some(user.role),
        created_at: Some(user.created_at),
        updated_at: Some(user.updated_at),
        attributes,
    }
}

/// Declared fields with their values; a field without one is `null`, and what is no longer declared is left out.
pub(crate) fn declared<'a>(
    specs: impl Iterator<Item = (&'a String, &'a FieldSpec)>,
    values: &Map<String, Value>,
) -> Map<String, Value> {
    specs.map(|(name, _)| (name.clone(), values.get(name).cloned().unwrap_or(Value::Null))).collect()
}
