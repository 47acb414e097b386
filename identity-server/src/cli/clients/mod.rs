//! `clients`: the applications that ask for tokens, from the host.

mod create;
mod flags;
mod update;

use std::time::Duration;

use clap::Subcommand;
use identity_core::Identity;
use identity_core::id::ClientId;
use identity_core::oauth::Client;
use identity_core::oauth::client::ClientSecret;
use identity_core::token::{Token, kind};
use serde_json::{Map, Value, json};

use super::users::text;
use super::{Failure, Global, print};

/// Clients fetched at once by `list`.
const PAGE: u64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Clients {
    /// Create a client. Its secret is shown this once.
    Create(Box<create::Create>),
    /// Change a client in what is named; the rest stays. A secret that it begins to need is shown this once.
    Update(Box<update::Update>),
    /// List all clients in the order of their ids.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Show everything about a client but its secrets, as JSON.
    Show {
        /// The id.
        id: String,
    },
    /// Give a client another secret, which is shown this once.
    RotateSecret {
        /// The id.
        id: String,
        /// For how long the secrets that it has stay good.
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        overlap: u64,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Remove a client and everything that it was given.
    Delete {
        /// The id.
        id: String,
    },
}

impl Clients {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let identity = global.identity().await?;
        match self {
            Self::Create(create) => create.run(&identity).await,
            Self::Update(update) => update.run(&identity).await,
            Self::List { json } => list(&identity, json).await,
            Self::Show { id } => {
                let id = ClientId::from_text(id);
                let client = find(&identity, &id).await?;
                let secrets = identity.clients().secrets(&id).await?;
                let mut document = document(&client)?;
                document.insert("secrets".to_owned(), secrets.iter().map(secret_row).collect());
                print_json(&document)
            }
            Self::RotateSecret { id, overlap, json } => {
                let id = ClientId::from_text(id);
                let secret = identity.clients().rotate_secret(&id, Duration::from_secs(overlap)).await?;
                let document = Map::from_iter([("client_id".to_owned(), id.as_str().into())]);
                show(document, Some(&secret), json)
            }
            Self::Delete { id } => {
                identity.clients().delete(&ClientId::from_text(&*id)).await?;
                print(&format!("{id} is gone.\n"))
            }
        }
    }
}

async fn find(identity: &Identity, id: &ClientId) -> Result<Client, Failure> {
    let found = identity.clients().find(id).await?;
    found.ok_or_else(|| Failure::new(format!("there is no client {id}")))
}

/// Shows a client with the secret that nobody will see again.
fn show(
    mut document: Map<String, Value>,
    secret: Option<&Token<kind::ClientSecret>>,
    json: bool,
) -> Result<(), Failure> {
    if let Some(secret) = secret {
        document.insert("client_secret".to_owned(), secret.expose().into());
    }
    if json {
        return print_json(&document);
    }
    let line = |name: &str| {
        let value = document.get(name).and_then(Value::as_str);
        value.map(|value| format!("{name}: {value}\n")).unwrap_or_default()
    };
    print(&format!("{}{}", line("client_id"), line("client_secret")))
}

fn print_json(document: &Map<String, Value>) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Failure::new(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// A client under the names of RFC 7591, and what an operator knows of it beyond that.
fn document(client: &Client) -> Result<Map<String, Value>, Failure> {
    let mut document = client.to_document()?;
    let policy = serde_json::to_value(&client.policy).map_err(|error| Failure::new(error.to_string()))?;
    document.insert("policy".to_owned(), policy);
    document.insert("deviations".to_owned(), json!(client.policy.deviations()));
    document.insert("registered".to_owned(), client.registered.into());
    document.insert("created_at".to_owned(), text(client.created_at).into());
    document.insert("updated_at".to_owned(), text(client.updated_at).into());
    Ok(document)
}

fn secret_row(secret: &ClientSecret) -> Value {
    json!({
        "id": secret.id.as_str(),
        "created_at": text(secret.created_at),
        "ends_at": secret.ends_at.map(text),
    })
}

/// One line; neither ids nor names can break it.
fn line(client: &Client) -> String {
    let mut marks = String::new();
    if client.registered {
        marks.push_str("  registered itself");
    }
    let deviations = client.policy.deviations();
    if !deviations.is_empty() {
        marks.push_str("  deviates: ");
        marks.push_str(&deviations.join(", "));
    }
    let (kind, method) = (client.kind.as_str(), client.auth_method.as_str());
    format!("{}  {}  {kind}  {method}  {}{marks}\n", client.id, text(client.created_at), client.name)
}

async fn list(identity: &Identity, json: bool) -> Result<(), Failure> {
    let mut last: Option<ClientId> = None;
    let mut rows = Vec::new();
    loop {
        let page = identity.clients().list(last.as_ref(), PAGE).await?;
        let Some(end) = page.last().map(|client| client.id.clone()) else { break };
        if json {
            for client in &page {
                rows.push(Value::Object(document(client)?));
            }
        } else {
            print(&page.iter().map(line).collect::<String>())?;
        }
        last = Some(end);
    }
    if !json {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&rows).map_err(|error| Failure::new(error.to_string()))?;
    print(&format!("{text}\n"))
}
