//! The authorization server beside node-oidc-provider, and an API that takes its tokens beside a bare one.

use std::path::Path;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::Identity;
use identity_core::config::Config;
use identity_core::id::ClientId;
use identity_core::jwt::Algorithm;
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod, NewClient};
use identity_core::oauth::{ClientMetadata, ClientPolicy, GrantType};
use identity_core::store::{Store, StoreOptions};
use serde_json::{Map, Value, json};

use crate::data::SECRET;
use crate::duel::{Duel, Side, Work, require_same_answer};
use crate::load;
use crate::machine::{Machine, Program};
use crate::rows::{self, Shown};
use crate::{Options, Result, folder};

/// Where base services of these measurements say that they are.
const SERVICE: &str = "http://localhost:9000";

/// How many tokens are asked about in turn; node-oidc-provider forgets all but a thousand.
const TOKENS: usize = 100;

/// The endpoints of both servers.
struct Paths {
    token: &'static str,
    introspection: &'static str,
    keys: &'static str,
    metadata: &'static str,
}

const OWN: Paths = Paths {
    token: "/oauth2/token",
    introspection: "/oauth2/introspect",
    keys: "/oauth2/jwks",
    metadata: "/.well-known/openid-configuration",
};
const PEER: Paths =
    Paths { token: "/token", introspection: "/token/introspection", keys: "/jwks", metadata: OWN.metadata };

/// A client of one of the servers, and its `Authorization` header.
struct Credential {
    id: String,
    secret: String,
}

impl Credential {
    fn header(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.id, self.secret)))
    }
}

/// The server over an empty database, and the library over the same one.
struct Provider {
    program: Rc<Program>,
    identity: Identity,
    store: Store,
}

impl Provider {
    async fn start(machine: &Machine, folder: &Path) -> Result<Self> {
        let url = format!("sqlite://{}", folder.join("identity.db").display());
        let program = Rc::new(machine.start_server(folder, &url, SECRET, &[])?);
        let ready = load::get("/health/ready", &program.host(), &[String::new()]);
        load::once(program.address, ready.first().ok_or("there is nothing to ask")?).await?;
        let store = Store::connect_with(StoreOptions::new(&url)).await?;
        let mut config = Config::default();
        config.http.base_url = format!("http://{}", program.host());
        let identity = Identity::builder(store.clone(), SECRET.to_owned()).config(config).build();
        Ok(Self { program, identity: identity.map_err(|problems| problems.to_string())?, store })
    }

    /// A client that asks for tokens in its own name.
    async fn client(&self, id: &str, policy: ClientPolicy) -> Result<Credential> {
        let metadata = ClientMetadata { grant_types: vec![GrantType::ClientCredentials], ..ClientMetadata::default() };
        let (id, name) = (Some(ClientId::from_text(id)), "Benchmark".to_owned());
        let new = NewClient { id, name, auth_method: AuthMethod::ClientSecretBasic, metadata, policy };
        let created = self.identity.clients().create(new).await?;
        let secret = created.secret.ok_or("a client without a secret")?.expose().to_owned();
        Ok(Credential { id: created.client.id.to_string(), secret })
    }

    /// An access token for a service in the name of a user, as the server would sign it.
    async fn token(&self, algorithm: Algorithm) -> Result<String> {
        let now = self.identity.now().timestamp();
        let claims: Map<String, Value> = [
            ("iss", json!(format!("http://{}", self.program.host()))),
            ("sub", json!("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")),
            ("aud", json!(SERVICE)),
            ("client_id", json!("application")),
            ("scope", json!("openid")),
            ("jti", json!("0123456789abcdefghijkl")),
            ("iat", json!(now)),
            ("exp", json!(now + 3600)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        Ok(self.identity.signing_keys().signer(algorithm).await?.sign("at+jwt", &claims)?)
    }
}

/// Every row about an API that takes access tokens.
pub(crate) async fn measure_api(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let provider = Provider::start(machine, folder.path()).await?;
    let mut shown = Vec::new();
    let issuer = format!("http://{}", provider.program.host());
    let extractor = || machine.start_extractor(folder.path(), &issuer, SERVICE);
    let service = || machine.start_base_service(folder.path(), &issuer, "wallet", "the-wallet-proves-itself-with-this");
    for (api, algorithm, row) in [
        (extractor()?, Algorithm::Rs256, &rows::JWT_RS256),
        (extractor()?, Algorithm::Es256, &rows::JWT_ES256),
        (service()?, Algorithm::Rs256, &rows::SERVICE_RS256),
    ] {
        let duel = of_an_api(options, machine, &provider, folder.path(), api, algorithm).await?;
        shown.push(duel.show(row, |turn| turn.rate));
    }
    provider.store.close().await?;
    Ok(shown)
}

/// Every row about the authorization server.
pub(crate) async fn measure(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let provider = Provider::start(machine, folder.path()).await?;
    let mut shown = Vec::new();
    for (algorithm, peer, floor) in [
        (Algorithm::Es256, &rows::CLIENT_CREDENTIALS_ES256, &rows::CLIENT_CREDENTIALS_ES256_BARE),
        (Algorithm::Rs256, &rows::CLIENT_CREDENTIALS_RS256, &rows::CLIENT_CREDENTIALS_RS256_BARE),
    ] {
        let policy = ClientPolicy { access_token_alg: algorithm, ..ClientPolicy::default() };
        let client = provider.client(&algorithm.as_str().to_ascii_lowercase(), policy).await?;
        let own = || grants(&provider.program, OWN.token, &client, options);
        let node = machine.start_peer(folder.path(), [&client.id, &client.secret, "jwt", algorithm.as_str()])?;
        let node = grants(&Rc::new(node), PEER.token, &client, options);
        shown.push(Duel::run(options, machine, own(), node).await?.show(peer, |turn| turn.rate));
        let bare = machine.start_bare_issuer(folder.path(), algorithm.as_str())?;
        let bare = grants(&Rc::new(bare), OWN.token, &client, options);
        shown.push(Duel::run(options, machine, own(), bare).await?.show(floor, |turn| turn.rate));
    }
    shown.extend(beside_the_peer(options, machine, &provider, folder.path()).await?);
    provider.store.close().await?;
    Ok(shown)
}

/// An API of ours beside a handler that calls the cryptographic library itself.
async fn of_an_api(
    options: &Options,
    machine: &Machine,
    provider: &Provider,
    folder: &Path,
    own: Program,
    algorithm: Algorithm,
) -> Result<Duel> {
    let issuer = format!("http://{}", provider.program.host());
    let token = provider.token(algorithm).await?;
    let file = folder.join("keys.json");
    std::fs::write(&file, keys(provider).await?)?;
    let side = |program: Program| {
        let requests = load::with_authorization("GET", "/me", &program.host(), &[format!("Bearer {token}")], "");
        Side { programs: vec![Rc::new(program)], work: Work::Answer(requests, options.connections) }
    };
    let own = side(own);
    let bare = side(machine.start_bare_api(folder, &file, &issuer, SERVICE)?);
    require_same_answer([&own, &bare]).await?;
    Duel::run(options, machine, own, bare).await
}

/// The text of the keys.
async fn keys(provider: &Provider) -> Result<Vec<u8>> {
    let asked = load::get(OWN.keys, &provider.program.host(), &[String::new()]);
    load::once(provider.program.address, asked.first().ok_or("there is nothing to ask")?).await
}

/// Introspection, keys and metadata.
async fn beside_the_peer(
    options: &Options,
    machine: &Machine,
    provider: &Provider,
    folder: &Path,
) -> Result<Vec<Shown>> {
    let policy = ClientPolicy { access_token_format: AccessTokenFormat::Opaque, ..ClientPolicy::default() };
    let client = provider.client("opaque", policy).await?;
    let node = Rc::new(machine.start_peer(folder, [&client.id, &client.secret, "opaque", "RS256"])?);
    let mut asking = Vec::new();
    for (program, paths) in [(&provider.program, OWN), (&node, PEER)] {
        let mut bodies = Vec::with_capacity(TOKENS);
        let grant = form(program, paths.token, &client, &["grant_type=client_credentials".to_owned()]);
        for _ in 0..TOKENS {
            let answer = load::once(program.address, grant.first().ok_or("there is nothing to ask")?).await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let token = answer.get("access_token").and_then(Value::as_str).ok_or("no token")?;
            bodies.push(format!("token={token}"));
        }
        let requests = form(program, paths.introspection, &client, &bodies);
        let told = load::once(program.address, requests.first().ok_or("there is nothing to ask")?).await?;
        if !String::from_utf8_lossy(&told).contains("\"active\":true") {
            return Err("a token is not active".into());
        }
        asking.push(Side { programs: vec![Rc::clone(program)], work: Work::Answer(requests, options.connections) });
    }
    let duel = |sides: [Side; 2]| {
        let [own, other] = sides;
        Duel::run(options, machine, own, other)
    };
    let reading = |program: &Rc<Program>, path: &str| {
        let requests = load::get(path, &program.host(), &[String::new()]);
        Side { programs: vec![Rc::clone(program)], work: Work::Answer(requests, options.connections) }
    };
    let own = |path: &str| reading(&provider.program, path);
    let asking: [Side; 2] = asking.try_into().map_err(|_| "two sides")?;
    let file = folder.join("jwks.json");
    std::fs::write(&file, keys(provider).await?)?;
    let bare = Rc::new(machine.start_bare_document(folder, OWN.keys, &file)?);
    require_same_answer([&own(OWN.keys), &reading(&bare, OWN.keys)]).await?;
    let shown = [
        (asking, &rows::INTROSPECTION),
        ([own(OWN.keys), reading(&node, PEER.keys)], &rows::KEYS),
        ([own(OWN.keys), reading(&bare, OWN.keys)], &rows::KEYS_BARE),
        ([own(OWN.metadata), reading(&node, PEER.metadata)], &rows::METADATA),
    ];
    let mut measured = Vec::with_capacity(shown.len());
    for (sides, row) in shown {
        measured.push(duel(sides).await?.show(row, |turn| turn.rate));
    }
    Ok(measured)
}

/// A side that asks for tokens.
fn grants(program: &Rc<Program>, path: &str, client: &Credential, options: &Options) -> Side {
    let requests = form(program, path, client, &["grant_type=client_credentials".to_owned()]);
    Side { programs: vec![Rc::clone(program)], work: Work::Answer(requests, options.connections) }
}

/// Forms of a client that proves itself, one for each body.
fn form(program: &Program, path: &str, client: &Credential, bodies: &[String]) -> load::Requests {
    let all = bodies
        .iter()
        .flat_map(|body| load::with_authorization("POST", path, &program.host(), &[client.header()], body).to_vec());
    all.collect()
}
