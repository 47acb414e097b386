//! How clients prove themselves (RFC 6749, section 2.3; OpenID Connect Core, section 9).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::model::{AuthMethod, Client};
use super::store::BySecret;
use super::{assertion, metadata, store};
use crate::error::Result;
use crate::id::{ClientId, UserId};
use crate::oauth::{ErrorCode, OAuthError, Presented};
use crate::op::{Op, soon};
use crate::shared::Shared;
use crate::time::before;
use crate::token::{Token, kind};
use crate::user;

/// How often the use of a client that registered itself is written down.
const TOUCH: Duration = Duration::from_hours(24);

/// The only type of assertions (RFC 7523, section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that has proved itself, or a public one that has named itself. Endpoints of clients cannot be called without one.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedClient {
    client: Client,
    /// Whether a user has the same id; `None` where that was not read along with the secret.
    shares_id_with_user: Option<bool>,
}

impl AuthenticatedClient {
    /// The client.
    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    /// The same, by reference.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether a user has the id of the client, so that a token about one of them could be taken for one about the other.
    pub(crate) async fn shares_id_with_user(&self, op: &Op<'_>) -> Result<bool> {
        match self.shares_id_with_user {
            Some(known) => Ok(known),
            None => user::store::exists(op, &UserId::from_text(self.client.id.as_str())).await,
        }
    }
}

/// What a request brings to say which client it is of.
enum Credential<'p> {
    /// A name and nothing else.
    Name(&'p str),
    /// A secret.
    Secret { id: Cow<'p, str>, secret: Token<kind::ClientSecret>, method: AuthMethod },
    /// An assertion, and the name beside it if there is one.
    Assertion { id: Option<&'p str>, jwt: &'p str },
}

/// Finds out which client calls. An unknown client and a wrong credential are answered alike.
///
/// # Errors
/// `invalid_client`; `invalid_request` for two credentials at once.
pub(crate) async fn authenticate(shared: &Shared, presented: Presented<'_>) -> Result<AuthenticatedClient, OAuthError> {
    let (client, shares_id_with_user) = match Credential::of(presented)? {
        Credential::Name(id) => (by_name(shared, id).await?, None),
        Credential::Secret { id, secret, method } => {
            let (client, shares_id) = by_secret(shared, &id, &secret, method).await?;
            (client, Some(shares_id))
        }
        // On the heap: every request of a client carries the room for this, and few use it.
        Credential::Assertion { id, jwt } => (Box::pin(assertion::prove(shared, id, jwt)).await?, None),
    };
    let now = shared.clock.now();
    let due = before(now, TOUCH);
    if client.registered && client.last_used_at <= due {
        let touched = soon(store::touch(&shared.store, &client.id, now, due)).await;
        if let Err(error) = touched {
            tracing::warn!(error = error.chain(), "the use of a client is not written down");
        }
    }
    Ok(AuthenticatedClient { client, shares_id_with_user })
}

async fn by_name(shared: &Shared, id: &str) -> Result<Client, OAuthError> {
    let client = find(shared, id).await?;
    client.filter(|client| client.auth_method == AuthMethod::None).ok_or_else(|| refused("it did not prove itself"))
}

async fn by_secret(
    shared: &Shared,
    id: &str,
    secret: &Token<kind::ClientSecret>,
    method: AuthMethod,
) -> Result<(Client, bool), OAuthError> {
    let op = Op::read(shared);
    let found = store::find_by_secret(&op, &secret.digest()).await?;
    let BySecret { client, ends_at, shares_id_with_user } = found.ok_or_else(|| refused("there is no such secret"))?;
    if ends_at.is_some_and(|ends_at| ends_at <= op.now()) {
        return Err(refused("the secret has ended"));
    }
    if client.id.as_str() != id {
        return Err(refused("the secret is of another client"));
    }
    if client.auth_method != method {
        return Err(refused("the method is not the registered one"));
    }
    Ok((client, shares_id_with_user))
}

pub(super) async fn find(shared: &Shared, id: &str) -> Result<Option<Client>, OAuthError> {
    if !metadata::is_id(id) {
        return Ok(None);
    }
    Ok(store::find(&Op::read(shared), &ClientId::from_text(id)).await?)
}

/// The one answer to whoever is not a client; why is for the log.
pub(super) fn refused(reason: &'static str) -> OAuthError {
    tracing::debug!(reason, "a client is refused");
    OAuthError::new(ErrorCode::InvalidClient, "The client is unknown or did not prove itself.")
}

impl<'p> Credential<'p> {
    fn of(presented: Presented<'p>) -> Result<Self, OAuthError> {
        let params = presented.params;
        let id = params.one("client_id")?;
        let secret = params.one("client_secret")?;
        let (jwt, jwt_type) = (params.one("client_assertion")?, params.one("client_assertion_type")?);
        let ways = [presented.authorization.is_some(), secret.is_some(), jwt.is_some() || jwt_type.is_some()];
        if ways.into_iter().filter(|used| *used).count() > 1 {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "The client proves itself in two ways at once."));
        }
        if let Some(header) = presented.authorization {
            let (named, secret) = basic(header).ok_or_else(|| refused("the header is no Basic credential"))?;
            if id.is_some_and(|id| id != named) {
                return Err(refused("the header and the body name different clients"));
            }
            return Ok(Self::Secret { id: named.into(), secret, method: AuthMethod::ClientSecretBasic });
        }
        if let Some(jwt) = jwt {
            return match jwt_type {
                Some(JWT_BEARER) => Ok(Self::Assertion { id, jwt }),
                _ => Err(refused("the assertion is of another type")),
            };
        }
        let id = id.ok_or_else(|| refused("it does not say who it is"))?;
        match secret {
            Some(secret) => {
                let secret = Token::presented(secret);
                Ok(Self::Secret { id: id.into(), secret, method: AuthMethod::ClientSecretPost })
            }
            None if jwt_type.is_some() => Err(refused("there is no assertion")),
            None => Ok(Self::Name(id)),
        }
    }
}

/// Reads a Basic credential. Both halves are encoded like a form (RFC 6749, section 2.3.1).
fn basic(header: &str) -> Option<(String, Token<kind::ClientSecret>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((form_decoded(id)?, Token::presented(form_decoded(secret)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::Params;

    fn read(header: Option<&str>, pairs: &[(&str, &str)]) -> Result<String, ErrorCode> {
        let params = Params::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let credential = Credential::of(Presented { authorization: header, params: &params });
        credential.map_err(|error| error.code()).map(|credential| match credential {
            Credential::Name(id) => format!("name {id}"),
            Credential::Secret { id, secret, method } => format!("{} {id} {}", method.as_str(), secret.expose()),
            Credential::Assertion { id, jwt } => format!("assertion {} {jwt}", id.unwrap_or("-")),
        })
    }

    fn header(credential: &str) -> String {
        format!("Basic {}", STANDARD.encode(credential))
    }

    #[test]
    fn a_request_has_one_credential() {
        let id = ("client_id", "app");
        let secret = ("client_secret", "secret");
        let jwt = ("client_assertion", "a.b.c");
        let jwt_type = ("client_assertion_type", JWT_BEARER);
        assert_eq!(read(None, &[id]).unwrap(), "name app");
        assert_eq!(read(None, &[id, secret]).unwrap(), "client_secret_post app secret");
        assert_eq!(read(None, &[id, ("client_secret", "")]).unwrap(), "name app");
        assert_eq!(read(Some(&header("app:secret")), &[]).unwrap(), "client_secret_basic app secret");
        assert_eq!(read(Some(&header("app:secret")), &[id]).unwrap(), "client_secret_basic app secret");
        assert_eq!(read(None, &[jwt, jwt_type]).unwrap(), "assertion - a.b.c");
        assert_eq!(read(None, &[id, jwt, jwt_type]).unwrap(), "assertion app a.b.c");
        let twice: [(Option<&str>, &[_]); 6] = [
            (Some(&header("app:secret")), &[secret]),
            (Some(&header("app:secret")), &[id, secret]),
            (Some(&header("app:secret")), &[jwt, jwt_type]),
            (None, &[id, secret, jwt, jwt_type]),
            (None, &[id, id]),
            (None, &[id, secret, secret]),
        ];
        for (header, pairs) in twice {
            assert_eq!(read(header, pairs), Err(ErrorCode::InvalidRequest), "{header:?} {pairs:?}");
        }
        let bad: [(Option<&str>, &[_]); 11] = [
            (None, &[]),
            (None, &[secret]),
            (None, &[jwt]),
            (None, &[id, jwt_type]),
            (None, &[jwt, ("client_assertion_type", "urn:other")]),
            (Some(&header("other:secret")), &[id]),
            (Some("Bearer token"), &[]),
            (Some("Basic"), &[]),
            (Some("Basic !"), &[]),
            (Some(&header("app")), &[]),
            (Some(&header("%ff:secret")), &[]),
        ];
        for (header, pairs) in bad {
            assert_eq!(read(header, pairs), Err(ErrorCode::InvalidClient), "{header:?} {pairs:?}");
        }
    }

    #[test]
    fn a_basic_credential_is_encoded_like_a_form() {
        let read = |credential: &str| read(Some(credential), &[]).unwrap();
        assert_eq!(read(&header("my%2Dapp:a+b%3Ac%25")), "client_secret_basic my-app a b:c%");
        assert_eq!(read(&header("app:a:b")), "client_secret_basic app a:b");
        assert_eq!(read(&header("app:").replace("Basic", "bAsIc")), "client_secret_basic app ");
    }
}
