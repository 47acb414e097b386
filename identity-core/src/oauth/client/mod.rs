//! Clients: the applications that ask for tokens.

mod assertion;
pub(crate) mod auth;
mod metadata;
pub mod model;
pub mod policy;
mod registration;
pub(crate) mod store;
mod uri;

pub use model::{
    AuthMethod, Client, ClientChange, ClientKind, ClientMetadata, ClientSecret, GrantType, NewClient, SubjectType,
};
pub use policy::{AccessTokenFormat, ClientPolicy, RefreshPolicy};
pub use uri::redirect_uri_matches;

pub use crate::outbound::Picture;

use std::time::Duration;

use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Actor, Event};
use crate::id::ClientId;
use crate::op::Op;
use crate::shared::Shared;
use crate::time::after;
use crate::token::{Token, kind};

use self::auth::AuthenticatedClient;
use self::metadata::Problem;
use super::{OAuthError, Presented};

/// A client that was just made, with the secret that is shown this once.
#[derive(Debug)]
pub struct CreatedClient {
    /// The client.
    pub client: Client,
    /// Its secret, if it proves itself with one.
    pub secret: Option<Token<kind::ClientSecret>>,
}

/// The applications that ask for tokens, as an operator sees them.
#[derive(Debug)]
pub struct Clients<'s> {
    pub(crate) shared: &'s Shared,
}

impl Clients<'_> {
    /// Makes a client.
    ///
    /// # Errors
    /// `invalid_client_metadata` with the field, `client_id_taken`.
    pub async fn create(&self, new: NewClient) -> Result<CreatedClient> {
        let now = self.shared.clock.now();
        let client = Client {
            id: new.id.unwrap_or_else(|| ClientId::mint(now, &*self.shared.entropy)),
            name: new.name,
            kind: new.auth_method.kind(),
            auth_method: new.auth_method,
            metadata: new.metadata,
            policy: new.policy,
            registered: false,
            created_at: now,
            updated_at: now,
            last_used_at: now,
        };
        metadata::check(&client, &self.shared.config.oauth)?;
        check_sector(self.shared, &client.metadata).await?;
        let mut op = Op::write(self.shared).await?;
        store::insert(&mut op, &client, None).await?;
        let secret = if client.auth_method.has_secret() { Some(mint_secret(&mut op, &client.id).await?) } else { None };
        let event = Event::ClientCreated { client: client.id.clone(), deviations: client.policy.deviations() };
        audit::record(&mut op, by_operator(event)).await?;
        op.commit().await?;
        Ok(CreatedClient { client, secret })
    }

    /// The client with this id.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn find(&self, id: &ClientId) -> Result<Option<Client>> {
        store::find(&Op::read(self.shared), id).await
    }

    /// The picture of a client, fetched from its `logo_uri` and kept for an hour. `None` where it has none, or none that can be shown.
    pub async fn picture(&self, client: &Client) -> Option<Picture> {
        let url = client.metadata.logo_uri.as_deref()?;
        self.shared.outbound.picture(url, self.shared.clock.now()).await
    }

    /// At most `limit` clients whose ids come after `after`, in the order of their ids.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self, after: Option<&ClientId>, limit: u64) -> Result<Vec<Client>> {
        store::list(&Op::read(self.shared), after, limit).await
    }

    /// The secrets of a client that are good, the oldest first; without what they are.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn secrets(&self, id: &ClientId) -> Result<Vec<ClientSecret>> {
        store::secrets(&Op::read(self.shared), id).await
    }

    /// Changes a client. One that begins to prove itself with a secret gets one; one that ceases to loses all.
    ///
    /// # Errors
    /// `client_not_found`, `invalid_client_metadata` with the field.
    pub async fn update(&self, id: &ClientId, change: ClientChange) -> Result<CreatedClient> {
        if let Some(metadata) = &change.metadata {
            check_sector(self.shared, metadata).await?;
        }
        let mut op = Op::write(self.shared).await?;
        let mut client = store::lock(&mut op, id).await?.ok_or(Code::ClientNotFound)?;
        let secret = apply(&mut op, &mut client, change).await?;
        let event = Event::ClientUpdated { client: client.id.clone(), deviations: client.policy.deviations() };
        audit::record(&mut op, by_operator(event)).await?;
        op.commit().await?;
        Ok(CreatedClient { client, secret })
    }

    /// Finds out which client calls, for endpoints that an application adds to those of the authorization server. An assertion is
    /// spent by this.
    ///
    /// # Errors
    /// `invalid_client`; `invalid_request` for two credentials at once.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Client, OAuthError> {
        auth::authenticate(self.shared, presented).await.map(AuthenticatedClient::into_client)
    }

    /// Gives a client another secret. Those that it has are good for `overlap` longer.
    ///
    /// # Errors
    /// `client_not_found`; `invalid_client_metadata` for a client that proves itself without a secret.
    pub async fn rotate_secret(&self, id: &ClientId, overlap: Duration) -> Result<Token<kind::ClientSecret>> {
        let mut op = Op::write(self.shared).await?;
        let client = store::lock(&mut op, id).await?.ok_or(Code::ClientNotFound)?;
        if !client.auth_method.has_secret() {
            return Err(Problem::new("token_endpoint_auth_method", "is one without a secret").into());
        }
        let ends_at = after(op.now(), overlap);
        store::end_secrets(&mut op, id, ends_at).await?;
        let secret = mint_secret(&mut op, id).await?;
        audit::record(&mut op, by_operator(Event::ClientSecretRotated { client: client.id, overlap })).await?;
        op.commit().await?;
        Ok(secret)
    }

    /// Removes a client and everything that it was given.
    ///
    /// # Errors
    /// `client_not_found`.
    pub async fn delete(&self, id: &ClientId) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        if !store::delete(&mut op, id).await? {
            return Err(Error::new(Code::ClientNotFound));
        }
        audit::record(&mut op, by_operator(Event::ClientDeleted { client: id.clone() })).await?;
        op.commit().await
    }
}

fn by_operator(event: Event) -> Act<'static> {
    Act { event, actor: Actor::Operator, user_id: None, info: None }
}

async fn mint_secret(op: &mut Op<'_>, id: &ClientId) -> Result<Token<kind::ClientSecret>> {
    let secret = Token::mint(op.entropy());
    store::insert_secret(op, id, &secret.digest()).await?;
    Ok(secret)
}

/// Changes a client that is locked. Returns its new secret if it needs one and had none.
async fn apply(
    op: &mut Op<'_>,
    client: &mut Client,
    change: ClientChange,
) -> Result<Option<Token<kind::ClientSecret>>> {
    let before = client.auth_method.has_secret();
    client.change(change);
    client.updated_at = op.now();
    metadata::check(client, &op.shared().config.oauth)?;
    store::update(op, client).await?;
    let after = client.auth_method.has_secret();
    if before && !after {
        let now = op.now();
        store::end_secrets(op, &client.id, now).await?;
    }
    if after && !before { mint_secret(op, &client.id).await.map(Some) } else { Ok(None) }
}

/// Checks that whoever has a sector agrees to all redirect URIs of a client that claims to be of it (OpenID Connect Dynamic Client
/// Registration, section 5).
async fn check_sector(shared: &Shared, metadata: &ClientMetadata) -> Result<(), Problem> {
    let Some(uri) = &metadata.sector_identifier_uri else { return Ok(()) };
    let problem = |sentence| Problem::new("sector_identifier_uri", sentence);
    let document = shared.outbound.get(uri).await.map_err(|failed| {
        tracing::info!(uri, reason = %failed, "the list of a sector could not be fetched");
        problem("could not be fetched")
    })?;
    let listed: Vec<String> = serde_json::from_slice(&document).map_err(|_| problem("has no list of URIs"))?;
    if metadata.redirect_uris.iter().all(|uri| listed.contains(uri)) {
        Ok(())
    } else {
        Err(problem("does not list all redirect_uris"))
    }
}
