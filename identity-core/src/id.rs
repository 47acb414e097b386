//! Opaque identifiers, one type per kind of row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entropy::Entropy;
use crate::time::Timestamp;

/// Declares the id types. We mint UUIDv7 text; imported ids keep whatever text they had.
macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Mints a new id: a UUIDv7 in its 36-character text form (RFC 9562, section 5.7).
            #[must_use]
            pub fn mint(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(now, entropy))
            }

            /// Takes over an id that another system or a stored row already gave out.
            pub fn from_text(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as it stands in rows and on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

typed_id! {
    /// A way to sign in: the password of a user, or a linked provider.
    AccountId,
    /// A client of the authorization server: an application that asks for tokens (RFC 6749, section 2.2).
    ClientId,
    /// One secret of a client.
    ClientSecretId,
    /// A device that waits for somebody to enter its code (RFC 8628).
    DeviceAuthorizationId,
    /// One anonymous session of a device.
    DeviceSessionId,
    /// Something that happened.
    EventId,
    /// What somebody allowed a client to do, from the request to the redeemed code.
    GrantId,
    /// A logout that a client has to hear of.
    LogoutDeliveryId,
    /// A message waiting in the outbox.
    OutboxId,
    /// One signed-in browser or client of a user.
    SessionId,
    /// A key that signs tokens; the `kid` of its JWK.
    SigningKeyId,
    /// A line of refresh tokens, each the successor of the one before.
    TokenFamilyId,
    /// A person.
    UserId,
    /// A pending proof of an e-mail address or of the right to reset a password.
    VerificationId,
}

fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}
