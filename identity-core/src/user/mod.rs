//! Users: who has an account here.

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
            .with_detail("[body.name] Invalid input: at most 256 characters, none of them a control character"));
    }
    Ok(())
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
            Some(value) if spec.kind.accepts(value) => {
                taken.insert(name.clone(), value.clone());
            }
            Some(_) => {
                let expected = spec.kind.name();
                return Err(Error::new(Code::InvalidInput)
                    .with_detail(format!("[body.{name}] Invalid input: expected {expected}")));
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
