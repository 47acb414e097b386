//! Clients that register themselves (RFC 7591; OpenID Connect Dynamic Client Registration) and look after their registration (RFC 7592).

use serde_json::{Map, Value, json};

use super::metadata::{self, Problem};
use super::model::{AuthMethod, Client, ClientChange, ClientKind, ClientMetadata, GrantType};
use super::policy::ClientPolicy;
use super::{apply, check_sector, mint_secret, store};
use crate::audit;
use crate::config::{OAuthOptions, Registration};
use crate::event::{Act, Event};
use crate::id::ClientId;
use crate::limits::Action;
use crate::oauth::{ErrorCode, OAuth, OAuthError, offer};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::shared::Shared;
use crate::token::{Token, kind, same};

type Document = Map<String, Value>;

/// What only we say of a client.
const OURS: [&str; 4] =
    ["client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri"];

impl OAuth<'_> {
    /// Registers a client with the metadata in `body`; `authorization` is the header as it came. Returns the document that the client
    /// gets with 201: everything that was registered, its credentials, and where it manages them.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`; `invalid_token` for a wrong initial access token; `access_denied` where
    /// registration is off; `temporarily_unavailable` whose cause is `rate_limited`.
    pub async fn register(
        &self,
        body: &Document,
        authorization: Option<&str>,
        info: &RequestInfo,
    ) -> Result<Document, OAuthError> {
        let shared = self.shared;
        let options = &shared.config.oauth;
        if matches!(options.registration, Registration::Off) {
            return Err(OAuthError::new(ErrorCode::AccessDenied, "Clients cannot register themselves here."));
        }
        shared.limiter.count_request(&shared.store, Action::RegisterClient, info).await?;
        let open = match &options.registration {
            Registration::WithToken(expected) => {
                let is_right = |token: &str| same(token.as_bytes(), expected.expose().as_bytes());
                if !authorization.and_then(bearer).is_some_and(is_right) {
                    return Err(unproved("The initial access token is missing or wrong."));
                }
                false
            }
            Registration::Open | Registration::Off => true,
        };
        let described = Described::read(body)?.within(options);
        if open && described.metadata.grant_types.contains(&GrantType::ClientCredentials) {
            let sentence = "cannot have client_credentials where everybody may register";
            return Err(Problem::new("grant_types", sentence).into());
        }
        let now = shared.clock.now();
        let client = Client {
            id: ClientId::mint(now, &*shared.entropy),
            name: described.name,
            kind: described.auth_method.kind(),
            auth_method: described.auth_method,
            metadata: described.metadata,
            policy: ClientPolicy {
                require_pkce: requires_pkce(shared, described.auth_method),
                ..ClientPolicy::default()
            },
            registered: true,
            created_at: now,
            updated_at: now,
            last_used_at: now,
        };
        metadata::check(&client, options)?;
        check_sector(shared, &client.metadata).await?;
        let mut op = Op::write(shared).await?;
        let token = Token::mint(op.entropy());
        let registered = store::Registered { token: &token.digest(), expires_unused: open };
        store::insert(&mut op, &client, Some(registered)).await?;
        let secret = if client.auth_method.has_secret() { Some(mint_secret(&mut op, &client.id).await?) } else { None };
        let event = Event::ClientRegistered { client: client.id.clone(), deviations: client.policy.deviations() };
        audit::record(&mut op, Act::anonymous(event, None, info)).await?;
        op.commit().await?;
        document(shared, &client, &token, secret.as_ref())
    }

    /// What a client has registered. Its secret is not in it: nobody knows it any more.
    ///
    /// # Errors
    /// `invalid_token` when the registration is not the token's.
    pub async fn registration(&self, id: &ClientId, token: &Token<kind::Registration>) -> Result<Document, OAuthError> {
        let client = registered(self.shared, id, token).await?;
        document(self.shared, &client, token, None)
    }

    /// Replaces what a client has registered: what `body` leaves out is the default again. A client that begins to prove itself with a
    /// secret gets one.
    ///
    /// # Errors
    /// As [`OAuth::registration`] and [`OAuth::register`].
    pub async fn update_registration(
        &self,
        id: &ClientId,
        token: &Token<kind::Registration>,
        body: &Document,
        info: &RequestInfo,
    ) -> Result<Document, OAuthError> {
        let shared = self.shared;
        let mut client = registered(shared, id, token).await?;
        self.check_identity(body, id).await?;
        let described = Described::read(body)?.within(&shared.config.oauth);
        let grants = &described.metadata.grant_types;
        let gains = grants.contains(&GrantType::ClientCredentials) && !client.may_use(GrantType::ClientCredentials);
        if gains && !matches!(shared.config.oauth.registration, Registration::WithToken(_)) {
            return Err(Problem::new("grant_types", "cannot gain client_credentials").into());
        }
        let mut change = ClientChange {
            name: Some(described.name),
            auth_method: Some(described.auth_method),
            metadata: Some(described.metadata),
            policy: Some(policy(shared, &client, described.auth_method)),
        };
        client.change(change.clone());
        metadata::check(&client, &shared.config.oauth)?;
        check_sector(shared, &client.metadata).await?;
        let mut op = Op::write(shared).await?;
        let mut client = store::lock(&mut op, id).await?.ok_or_else(unknown)?;
        change.policy = Some(policy(shared, &client, described.auth_method));
        let secret = apply(&mut op, &mut client, change).await?;
        let event = Event::ClientUpdated { client: id.clone(), deviations: client.policy.deviations() };
        audit::record(&mut op, Act::anonymous(event, None, info)).await?;
        op.commit().await?;
        document(shared, &client, token, secret.as_ref())
    }

    /// Removes a client that has registered itself, and everything that it was given.
    ///
    /// # Errors
    /// As [`OAuth::registration`].
    pub async fn delete_registration(
        &self,
        id: &ClientId,
        token: &Token<kind::Registration>,
        info: &RequestInfo,
    ) -> Result<(), OAuthError> {
        registered(self.shared, id, token).await?;
        let mut op = Op::write(self.shared).await?;
        if !store::delete(&mut op, id).await? {
            return Err(unknown());
        }
        let event = Event::ClientDeleted { client: id.clone() };
        audit::record(&mut op, Act::anonymous(event, None, info)).await?;
        Ok(op.commit().await?)
    }

    /// Checks that an update is about this client, and that it does not try to choose a secret (RFC 7592, section 2.2).
    async fn check_identity(&self, body: &Document, id: &ClientId) -> Result<(), OAuthError> {
        if body.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
            return Err(Problem::new("client_id", "must be that of the registration").into());
        }
        let Some(secret) = body.get("client_secret") else { return Ok(()) };
        let secret = Token::presented(secret.as_str().unwrap_or_default());
        let op = Op::read(self.shared);
        let found = store::find_by_secret(&op, &secret.digest()).await?;
        if found.is_some_and(|found| found.client.id == *id && found.ends_at.is_none_or(|end| end > op.now())) {
            return Ok(());
        }
        Err(Problem::new("client_secret", "must be the present one, if it is given").into())
    }
}

/// The client whose registration a token manages.
async fn registered(shared: &Shared, id: &ClientId, token: &Token<kind::Registration>) -> Result<Client, OAuthError> {
    let found = store::find_by_registration(&Op::read(shared), &token.digest()).await?;
    found.filter(|client| client.id == *id).ok_or_else(unknown)
}

fn unknown() -> OAuthError {
    unproved("The registration is unknown, or the token is not the one for it.")
}

fn unproved(sentence: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidToken, sentence)
}

/// The token of a `Bearer` header (RFC 6750, section 2.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn requires_pkce(shared: &Shared, method: AuthMethod) -> bool {
    !(shared.config.oauth.relaxed_pkce && method.kind() == ClientKind::Confidential)
}

/// The policy of a client that changes how it proves itself: that of the operator, except that public clients have PKCE.
fn policy(shared: &Shared, client: &Client, method: AuthMethod) -> ClientPolicy {
    let kept = method.kind() == client.kind;
    let require_pkce = if kept { client.policy.require_pkce } else { requires_pkce(shared, method) };
    ClientPolicy { require_pkce, ..client.policy.clone() }
}

/// What a client says of itself, with the defaults for the rest. Members that nobody here knows are left out.
struct Described {
    name: String,
    auth_method: AuthMethod,
    metadata: ClientMetadata,
}

impl Described {
    fn read(body: &Document) -> Result<Self, Problem> {
        let given = |name: &str| body.get(name).filter(|value| !value.is_null());
        let mut members = body.clone();
        members.retain(|name, value| !value.is_null() && !OURS.contains(&name.as_str()));
        let parse = |members: Document| serde_json::from_value::<ClientMetadata>(Value::Object(members));
        let wrong =
            members.iter().find(|(name, value)| parse(Map::from_iter([((*name).clone(), (*value).clone())])).is_err());
        if let Some((name, _)) = wrong {
            return Err(Problem::new(name.clone(), "has a value that is not offered, or of the wrong type"));
        }
        let mut metadata = parse(members).unwrap_or_default();
        if given("grant_types").is_none() {
            metadata.grant_types = vec![GrantType::AuthorizationCode];
        }
        if given("response_types").is_none() && metadata.grant_types.contains(&GrantType::AuthorizationCode) {
            metadata.response_types = vec!["code".to_owned()];
        }
        let auth_method = match given("token_endpoint_auth_method") {
            None => Some(AuthMethod::ClientSecretBasic),
            Some(method) => method.as_str().and_then(AuthMethod::parse),
        };
        let auth_method =
            auth_method.ok_or(Problem::new("token_endpoint_auth_method", "is a method that is not offered"))?;
        let name = match given("client_name") {
            None => unnamed(&metadata),
            Some(name) => name.as_str().ok_or(Problem::new("client_name", "must be a text"))?.to_owned(),
        };
        Ok(Self { name, auth_method, metadata })
    }
}

impl Described {
    /// Without scopes that are not offered: one that is offered some day is not theirs for having asked in time.
    fn within(mut self, options: &OAuthOptions) -> Self {
        self.metadata.scope = self.metadata.scope.map(|scope| scope.intersection(&offer::scopes(options)));
        self
    }
}

/// What people are told of a client that does not say what it is called: where it sends them.
fn unnamed(metadata: &ClientMetadata) -> String {
    let place = metadata.redirect_uris.first().and_then(|uri| url::Url::parse(uri).ok());
    let place = place.and_then(|url| url.host_str().map(str::to_owned));
    place.filter(|place| metadata::is_name(place)).unwrap_or_else(|| "An application without a name".to_owned())
}

/// The document of RFC 7591, section 3.2.1, and RFC 7592, section 3.
fn document(
    shared: &Shared,
    client: &Client,
    token: &Token<kind::Registration>,
    secret: Option<&Token<kind::ClientSecret>>,
) -> Result<Document, OAuthError> {
    let mut document = client.to_document()?;
    let base = &shared.config.http.base_url;
    document.insert("client_id_issued_at".to_owned(), json!(client.created_at.timestamp()));
    document.insert("registration_client_uri".to_owned(), json!(format!("{base}/oauth2/register/{}", client.id)));
    document.insert("registration_access_token".to_owned(), json!(token.expose()));
    if let Some(secret) = secret {
        document.insert("client_secret".to_owned(), json!(secret.expose()));
        document.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    Ok(document)
}
