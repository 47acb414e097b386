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

/// What OpenID Connect says of a user (Core, section 5.1), without `sub`: the profile, and the user's own claims beside it.
pub(crate) fn standard(user: &User, own: &Map<String, Value>) -> Map<String, Value> {
    let mut claims = own.clone();
    if !user.name.is_empty() {
        claims.insert("name".to_owned(), user.name.clone().into());
    }
    let picture = user.image.as_deref().filter(|image| image.starts_with("https://") || image.starts_with("http://"));
    if let (Some(picture), false) = (picture, claims.contains_key("picture")) {
        claims.insert("picture".to_owned(), picture.into());
    }
    claims.insert("email".to_owned(), user.email.clone().into());
    claims.insert("email_verified".to_owned(), user.email_verified.into());
    claims.insert("updated_at".to_owned(), user.updated_at.timestamp().into());
    claims
}

/// Declared fields with their values; a field without one is `null`, and what is no longer declared is left out.
pub(crate) fn declared<'a>(
    specs: impl Iterator<Item = (&'a String, &'a FieldSpec)>,
    values: &Map<String, Value>,
) -> Map<String, Value> {
    specs.map(|(name, _)| (name.clone(), values.get(name).cloned().unwrap_or(Value::Null))).collect()
}
