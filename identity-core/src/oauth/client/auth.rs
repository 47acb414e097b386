//! How clients prove themselves (RFC 6749, section 2.3; OpenID Connect Core, section 9).

use super::Client;
use crate::oauth::{OAuthError, Presented};
use crate::shared::Shared;

/// A client that has proved itself, or a public one that has named itself. Endpoints of clients cannot be called without one.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedClient(Client);

impl AuthenticatedClient {
    /// The client.
    pub(crate) fn client(&self) -> &Client {
        &self.0
    }
}

/// Finds out which client calls.
///
/// # Errors
/// `invalid_client`; `invalid_request` for two credentials at once.
pub(crate) async fn authenticate(
    _shared: &Shared,
    _presented: Presented<'_>,
) -> Result<AuthenticatedClient, OAuthError> {
    todo!()
}
