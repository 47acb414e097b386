//! The user whom the certification suite of OpenID Connect signs in as.

use identity_core::Identity;
use identity_core::secret::Secret;
use identity_core::text::Email;
use identity_core::user::{DEFAULT_ROLE, NewUser};
use serde_json::{Map, Value, json};

use crate::cli::Failure;

const EMAIL: &str = "conf@example.org";
const PASSWORD: &str = "correct horse";

/// Makes the user, or gives the one that is there the password and the claims again.
pub(crate) async fn prepare(identity: &Identity) -> Result<(), Failure> {
    let email = Email::parse(EMAIL)?;
    let users = identity.users();
    let id = if let Some(user) = users.find_by_email(&email).await? {
        users.recover(&user.id, PASSWORD).await?;
        user.id
    } else {
        let new = NewUser {
            email,
            name: String::from("Connie Ann Formance"),
            password: Some(Secret::from(PASSWORD)),
            email_verified: true,
            role: String::from(DEFAULT_ROLE),
        };
        users.create(new).await?.id
    };
    users.set_claims(&id, &claims()).await?;
    tracing::error!(
        "INSECURE: --profile conformance is for the certification suite alone. Anybody signs in as {EMAIL} with the password \
         \"{PASSWORD}\", registers clients and guesses passwords without limit; confidential clients go without PKCE, and this \
         server fetches what clients name from private addresses"
    );
    Ok(())
}

/// Every standard claim that a user does not have anyway (OpenID Connect Core, section 5.1).
fn claims() -> Map<String, Value> {
    let claims = json!({
        "given_name": "Connie", "family_name": "Formance", "middle_name": "Ann", "nickname": "Con", "preferred_username": "conf",
        "profile": "https://example.org/conf", "picture": "https://example.org/conf.png", "website": "https://example.org/",
        "gender": "female", "birthdate": "2000-02-29", "zoneinfo": "Europe/Paris", "locale": "en-US",
        "phone_number": "+1 202 555 0100", "phone_number_verified": true,
        "address": {
            "formatted": "1 Example Street\nSpringfield, IL 62701\nUnited States", "street_address": "1 Example Street",
            "locality": "Springfield", "region": "IL", "postal_code": "62701", "country": "US",
        },
    });
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}
