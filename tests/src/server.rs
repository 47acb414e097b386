//! The built `identity-server`, run as an operator runs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;

use identity_core::time::SystemClock;
use tempfile::TempDir;

use crate::actor::{Actor, Site, Transport};
use crate::certificate::SelfSigned;
use crate::db::TestDatabase;
use crate::process::{PATIENCE, Process, free_port, program};

/// A running server with a folder and a database of its own.
#[derive(Debug)]
pub struct Server {
    process: Process,
    env: Vec<(String, String)>,
    port: u16,
    folder: TempDir,
    database: Arc<TestDatabase>,
    command: Vec<String>,
    certificate: Option<SelfSigned>,
}

/// How a server is started.
#[derive(Debug, Default)]
pub struct ServerBuilder {
    env: Vec<(String, String)>,
    database: Option<Arc<TestDatabase>>,
    before: Vec<String>,
    certificate: Option<SelfSigned>,
}

impl ServerBuilder {
    /// Serves https with this certificate.
    #[must_use]
    pub fn https(mut self, certificate: SelfSigned) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Sets an environment variable, such as `IDENTITY_PASSWORD__RESET`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it over a database that others use too.
    #[must_use]
    pub fn over(mut self, database: &Arc<TestDatabase>) -> Self {
        self.database = Some(Arc::clone(database));
        self
    }

    /// Starts it through another command that becomes it, such as `/usr/bin/unshare --mount`.
    #[must_use]
    pub fn through(mut self, command: &[&str]) -> Self {
        self.before = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Runs the program with these settings alone, in an empty folder, and answers its output and whether it succeeded.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn run(self, arguments: &[&str]) -> (bool, String) {
        let folder = tempfile::Builder::new().prefix("identity-server-").tempdir().expect("a temporary folder");
        output(folder.path(), &self.env, arguments).await
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Server {
        let folder = tempfile::Builder::new().prefix("identity-server-").tempdir().expect("a temporary folder");
        let database = match self.database {
            Some(database) => database,
            None => Arc::new(TestDatabase::empty().await),
        };
        let port = free_port();
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        let mut env = vec![
            ("IDENTITY_HTTP__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
            ("IDENTITY_HTTP__BASE_URL".to_owned(), format!("{scheme}://localhost:{port}")),
            ("IDENTITY_DATABASE__URL".to_owned(), database.url().to_owned()),
            ("IDENTITY_TELEMETRY__METRICS_LISTEN".to_owned(), String::new()),
        ];
        env.extend(self.certificate.iter().flat_map(|certificate| certificate.write(folder.path())));
        env.extend(self.env);
        let server = program("IDENTITY_SERVER_BIN", "identity-server").display().to_string();
        let command = [self.before, vec![server, "serve".to_owned()]].concat();
        let process = run(&command, folder.path(), &env);
        let mut server = Server { process, env, port, folder, database, command, certificate: self.certificate };
        server.until_ready().await;
        server
    }
}

impl Server {
    /// Starts one in loopback mode with the defaults of the program.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts one with other settings.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The public URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.port)
    }

    /// Puts another certificate in place of its own and tells it so.
    ///
    /// # Panics
    /// When it does not show the new one in time.
    pub async fn renew_certificate(&mut self, certificate: SelfSigned) {
        let _ = certificate.write(self.folder.path());
        self.certificate = Some(certificate);
        self.process.signal("HUP");
        self.until_ready().await;
    }

    /// Sends it a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Somebody who uses it.
    #[must_use]
    pub fn actor(&self, name: &str) -> Actor {
        let client = self.client().redirect(reqwest::redirect::Policy::none()).build();
        let site = Site {
            base_url: self.base_url(),
            base_path: "/api/auth".to_owned(),
            clock: Arc::new(SystemClock),
            transport: Transport::Network(client.expect("an HTTP client")),
        };
        Actor::new(name, site)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its number at the operating system.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The folder it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Waits until it has printed `text`.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_logged(&self, text: &str) {
        self.process.until_logged(text).await;
    }

    /// Everything it has printed, over all starts.
    #[must_use]
    pub fn logs(&self) -> String {
        self.process.logs()
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop with SIGTERM and waits.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process.terminate().await
    }

    /// Starts it again on the same folder, database and port.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = run(&self.command, self.folder.path(), &self.env);
        self.until_ready().await;
    }

    /// Runs another command of the program with the same settings, and answers its output and whether it succeeded.
    pub async fn command(&self, arguments: &[&str]) -> (bool, String) {
        output(self.folder.path(), &self.env, arguments).await
    }

    /// The most memory that it has had at once, in bytes; `None` where the system does not tell.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        self.process.peak_memory()
    }

    /// An HTTP client that trusts it.
    #[expect(clippy::disallowed_methods, reason = "the harness asks the server that it has started")]
    pub fn client(&self) -> reqwest::ClientBuilder {
        self.certificate.iter().fold(reqwest::Client::builder(), |client, certificate| certificate.trusted_by(client))
    }

    async fn until_ready(&mut self) {
        let url = format!("{}/health/ready", self.base_url());
        self.process.until_ready_for(&self.client().build().expect("an HTTP client"), &url).await;
    }
}

async fn output(folder: &Path, env: &[(String, String)], arguments: &[&str]) -> (bool, String) {
    let running = tokio::process::Command::new(program("IDENTITY_SERVER_BIN", "identity-server"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, running).await.expect("the program ends").expect("the program starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Runs a command of `identity-server` that needs no settings, in an empty environment.
pub async fn command(arguments: &[&str]) -> std::process::Output {
    command_with(&[], arguments).await
}

/// Runs a command of `identity-server` in exactly the environment `env`.
pub async fn command_with(env: &[(String, String)], arguments: &[&str]) -> std::process::Output {
    tokio::process::Command::new(program("IDENTITY_SERVER_BIN", "identity-server"))
        .args(arguments)
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value)))
        .output()
        .await
        .expect("the program starts")
}

fn run(command: &[String], folder: &Path, env: &[(String, String)]) -> Process {
    let (program, arguments) = command.split_first().expect("a command has a first word");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::start(Path::new(program), &arguments, folder, env)
}
