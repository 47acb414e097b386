//! `clients create`.

use clap::{ArgGroup, Args};
use identity_core::Identity;
use identity_core::id::ClientId;
use identity_core::oauth::client::{AuthMethod, NewClient};
use identity_core::oauth::{ClientMetadata, ClientPolicy, GrantType};

use super::flags::Flags;
use super::{document, show};
use crate::cli::Failure;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("kind").required(true).args(["public", "confidential"])))]
pub(in crate::cli) struct Create {
    /// The `client_id`: 1 to 128 letters, digits and `-._~`. Without it one is made up.
    #[arg(long)]
    id: Option<String>,
    /// What people know it by.
    #[arg(long)]
    name: String,
    /// It runs where its users can look into it: a browser, a phone.
    #[arg(long)]
    public: bool,
    /// It runs on a server and can keep a secret.
    #[arg(long)]
    confidential: bool,
    #[command(flatten)]
    flags: Flags,
    /// Print a JSON object with everything about it.
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) async fn run(self, identity: &Identity) -> Result<(), Failure> {
        let json = self.json;
        let created = identity.clients().create(self.into_client()?).await?;
        show(document(&created.client)?, created.secret.as_ref(), json)
    }

    fn into_client(self) -> Result<NewClient, Failure> {
        let default = if self.confidential { AuthMethod::ClientSecretBasic } else { AuthMethod::None };
        let auth_method = self.flags.auth_method.unwrap_or(default);
        if auth_method.kind() != default.kind() {
            return Err(Failure::new("public clients prove themselves by none, and confidential ones do not"));
        }
        let grant_types = vec![GrantType::AuthorizationCode];
        let mut metadata = ClientMetadata { grant_types, ..ClientMetadata::default() };
        let mut policy = ClientPolicy::default();
        self.flags.describe(&mut metadata)?;
        self.flags.allow(&mut policy);
        Ok(NewClient { id: self.id.map(ClientId::from_text), name: self.name, auth_method, metadata, policy })
    }
}
