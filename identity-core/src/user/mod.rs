//! Users: who has an account here.

pub(crate) mod claims;
pub(crate) mod model;
pub(crate) mod store;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use model::{Ban, DEFAULT_ROLE, NewUser, ProfileChange, SUPERADMIN, User};

use crate::code::Code;
use crate::config::FieldSpec;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::op::Op;
use crate::text::Email;

/// Longest display name, in characters.
const MAX_NAME: usize = 256;

/// A user as a sign-up makes one; nothing is stored yet.
pub(crate) fn fresh(op: &Op<'_>, email: &Email, name: String, fields: Map<String, Value>) -> User {
    User {
        id: UserId::mint(op.now(), op.entropy()),
        email: email.as_str().to_owned(),
        email_verified: false,
        name,
        image: None,
        role: DEFAULT_ROLE.to_owned(),
        ban: None,
        fields,
        created_at: op.now(),
        updated_at: op.now(),
    }
}

pub(crate) async fn require(op: &Op<'_>, id: &UserId) -> Result<User> {
    store::by_id(op, id).await?.ok_or_else(|| Error::new(Code::UserNotFound))
}

/// The user who has an address, with the row held until the end of the transaction.
pub(crate) async fn lock_by_email(op: &mut Op<'_>, email: &Email) -> Result<Option<User>> {
    let Some(user) = store::by_email(op, email.as_str()).await? else { return Ok(None) };
    Ok(store::lock(op, &user.id).await?.filter(|user| user.email == email.as_str()))
}

/// The user of a session that was live a moment ago; one that is gone meanwhile is no longer signed in.
pub(crate) async fn signed_in(op: &Op<'_>, id: &UserId) -> Result<User> {
    store::by_id(op, id).await?.ok_or_else(|| Error::new(Code::Unauthorized))
}

/// Reads a user and holds the row until the end of the transaction, so that what is decided about it stays true.
pub(crate) async fn lock(op: &mut Op<'_>, id: &UserId) -> Result<User> {
    store::lock(op, id).await?.ok_or_else(|| Error::new(Code::UserNotFound))
}

/// Refuses to take the last superadmin out of service.
pub(crate) async fn keep_a_superadmin(op: &mut Op<'_>, leaving: &UserId) -> Result<()> {
    if !require(op, leaving).await?.is_superadmin() {
        return Ok(());
    }
    let standing = store::lock_superadmins(op).await?;
    if standing.len() == 1 && standing.contains(leaving) { Err(Error::new(Code::LastAdministrator)) } else { Ok(()) }
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::new(Code::InvalidInput)
            .with_field("name")
            .with_detail("Invalid input: at most 256 characters, none of them a control character"));
    }
    Ok(())
}

/// Longest URL of a picture, and longest text in a declared field, in bytes: everything about a user travels with every answer.
const MAX_IMAGE: usize = 2048;
const MAX_TEXT: usize = 4096;

/// Refuses a picture that browsers would run, or that would weigh on every answer.
pub(crate) fn check_image(image: &str) -> Result<()> {
    let lower = image.trim().to_ascii_lowercase();
    let scheme = lower.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains(['/', '?', '#']));
    // Of data, only what is drawn: HTML and SVG carry scripts.
    let drawn = |scheme: &str| match scheme {
        "http" | "https" => true,
        "data" => lower.starts_with("data:image/") && !lower.starts_with("data:image/svg"),
        _ => false,
    };
    if image.len() > MAX_IMAGE || scheme.is_some_and(|scheme| !drawn(scheme)) {
        return Err(Error::new(Code::InvalidInput)
            .with_field("image")
            .with_detail("Invalid input: expected the http, https or data URL of a picture, of at most 2048 bytes"));
    }
    Ok(())
}

/// Checks a change that an administrator makes: every field has to be declared and of its type.
pub(crate) fn check_change(specs: &BTreeMap<String, FieldSpec>, change: &ProfileChange) -> Result<()> {
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change.image.iter().flatten().try_for_each(|image| check_image(image))?;
    for (name, value) in &change.fields {
        let declared = specs.get(name).is_some_and(|spec| value.is_null() && !spec.required || fits(spec, value));
        if !declared {
            return Err(Error::new(Code::InvalidInput)
                .with_field(name.clone())
                .with_detail("Invalid input: not declared, or of another type"));
        }
    }
    Ok(())
}

fn fits(spec: &FieldSpec, value: &Value) -> bool {
    spec.kind.accepts(value) && value.as_str().is_none_or(|text| text.len() <= MAX_TEXT)
}

/// When declared fields are set: at the start, where required ones must come, or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldsAt {
    Creation,
    Change,
}

/// Takes the declared extra fields out of what a user sent. Undeclared keys are ignored, fields that are not for input are refused.
pub(crate) fn take_fields(
    specs: &BTreeMap<String, FieldSpec>,
    sent: &Map<String, Value>,
    at: FieldsAt,
) -> Result<Map<String, Value>> {
    let mut taken = Map::new();
    for (name, spec) in specs {
        match sent.get(name) {
            Some(_) if !spec.input => {
                return Err(Error::new(Code::FieldNotAllowed).with_detail(format!("{name} is not allowed to be set")));
            }
            Some(Value::Null) if !spec.required => {
                taken.insert(name.clone(), Value::Null);
            }
            Some(value) if fits(spec, value) => {
                taken.insert(name.clone(), value.clone());
            }
            Some(_) => {
                let expected = spec.kind.name();
                return Err(Error::new(Code::InvalidInput)
                    .with_field(name.clone())
                    .with_detail(format!("Invalid input: expected {expected} of at most {MAX_TEXT} bytes")));
            }
            None if at == FieldsAt::Creation => match &spec.default {
                Some(default) => {
                    taken.insert(name.clone(), default.clone());
                }
                None if spec.required => {
                    return Err(Error::new(Code::MissingField).with_detail(format!("{name} is required")));
                }
                None => {}
            },
            None => {}
        }
    }
    Ok(taken)
}
