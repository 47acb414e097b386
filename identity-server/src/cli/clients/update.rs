//! `clients update`.

use clap::{Args, ValueEnum};
use identity_core::Identity;
use identity_core::id::ClientId;
use identity_core::oauth::client::ClientChange;
use identity_core::oauth::{ClientMetadata, ClientPolicy};

use super::flags::Flags;
use super::{document, find, show};
use crate::cli::Failure;

#[derive(Debug, Args)]
pub(in crate::cli) struct Update {
    /// The id.
    id: String,
    /// What people know it by.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    flags: Flags,
    /// Take back what was once given with this flag. Give it again for more.
    #[arg(long, value_name = "FLAG")]
    unset: Vec<Unset>,
    /// Print a JSON object with everything about it.
    #[arg(long)]
    json: bool,
}

/// What a client can be without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unset {
    RedirectUri,
    PostLogoutUri,
    Scope,
    Jwks,
    JwksUri,
    InitiateLoginUri,
    BackchannelLogoutUri,
    IdTokenAlg,
    AccessTokenAlg,
    Resource,
    CodeLifetime,
    AccessTokenLifetime,
    IdTokenLifetime,
    RefreshTokenIdle,
}

impl Update {
    pub(super) async fn run(self, identity: &Identity) -> Result<(), Failure> {
        let id = ClientId::from_text(&*self.id);
        let client = find(identity, &id).await?;
        let (mut metadata, mut policy) = (client.metadata.clone(), client.policy.clone());
        for unset in &self.unset {
            unset.apply(&mut metadata, &mut policy);
        }
        self.flags.describe(&mut metadata)?;
        self.flags.allow(&mut policy);
        let change = ClientChange {
            name: self.name.filter(|name| *name != client.name),
            auth_method: self.flags.auth_method.filter(|method| *method != client.auth_method),
            metadata: Some(metadata).filter(|metadata| *metadata != client.metadata),
            policy: Some(policy).filter(|policy| *policy != client.policy),
        };
        // What is as it should be already leaves no record.
        if change.name.is_none() && change.auth_method.is_none() && change.metadata.is_none() && change.policy.is_none()
        {
            return show(document(&client)?, None, self.json);
        }
        let changed = identity.clients().update(&id, change).await?;
        show(document(&changed.client)?, changed.secret.as_ref(), self.json)
    }
}

impl Unset {
    fn apply(self, metadata: &mut ClientMetadata, policy: &mut ClientPolicy) {
        match self {
            Self::RedirectUri => metadata.redirect_uris.clear(),
            Self::PostLogoutUri => metadata.post_logout_redirect_uris.clear(),
            Self::Scope => metadata.scope = None,
            Self::Jwks => metadata.jwks = None,
            Self::JwksUri => metadata.jwks_uri = None,
            Self::InitiateLoginUri => metadata.initiate_login_uri = None,
            Self::BackchannelLogoutUri => {
                metadata.backchannel_logout_uri = None;
                metadata.backchannel_logout_session_required = false;
            }
            Self::IdTokenAlg => metadata.id_token_signed_response_alg = None,
            Self::AccessTokenAlg => policy.access_token_alg = ClientPolicy::default().access_token_alg,
            Self::Resource => policy.resources.clear(),
            Self::CodeLifetime => policy.code_lifetime = None,
            Self::AccessTokenLifetime => policy.access_token_lifetime = None,
            Self::IdTokenLifetime => policy.id_token_lifetime = None,
            Self::RefreshTokenIdle => policy.refresh_token_idle = None,
        }
    }
}
