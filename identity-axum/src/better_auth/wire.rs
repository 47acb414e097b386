//! How accounts look on the wire. The one place with their wire names; users and sessions are in `facade/wire.rs`.

use identity_core::account::Account;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::facade::wire::date;

/// An account in the list of accounts.
#[derive(Debug)]
pub(super) struct AccountView<'a>(pub(super) &'a Account);

impl Serialize for AccountView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let account = self.0;
        let mut map = serializer.serialize_map(Some(7))?;
        map.serialize_entry("accountId", &account.account_id)?;
        map.serialize_entry("providerId", &account.provider_id)?;
        map.serialize_entry("userId", &account.user_id)?;
        map.serialize_entry("createdAt", &date(account.created_at))?;
        map.serialize_entry("updatedAt", &date(account.updated_at))?;
        map.serialize_entry("id", &account.id)?;
        map.serialize_entry("scopes", &account.scopes)?;
        map.end()
    }
}
