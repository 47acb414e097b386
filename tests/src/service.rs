//! The built `example-base-service`, a service that trusts an anchor.

use std::sync::Arc;

use identity_core::time::SystemClock;
use tempfile::TempDir;

use crate::actor::{Actor, Call, Reply, Site, Transport};
use crate::process::{Process, free_port, program};
use crate::server::Server;

/// A running base service with a folder and a database of its own.
#[derive(Debug)]
pub struct BaseService {
    process: Process,
    env: Vec<(String, String)>,
    port: u16,
    folder: TempDir,
}

impl BaseService {
    /// Starts one that trusts `anchor` and proves its `name` with `secret`.
    pub async fn start(anchor: &Server, name: &str, secret: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("base-service-").tempdir().expect("a temporary folder");
        let port = free_port();
        let database = format!("sqlite://{}?mode=rwc", folder.path().join("service.db").display());
        let env = [
            ("ANCHOR_URL", anchor.base_url()),
            ("LISTEN", format!("127.0.0.1:{port}")),
            ("SERVICE_NAME", name.to_owned()),
            ("SERVICE_SECRET", secret.to_owned()),
            ("DATABASE_URL", database),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let process =
            Process::start(&program("EXAMPLE_BASE_SERVICE_BIN", "example-base-service"), &[], folder.path(), &env);
        let mut service = Self { process, env, port, folder };
        service.until_ready().await;
        service
    }

    /// Its own URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends a GET with the cookies that `caller` holds for the anchor, as a browser does when both share a host.
    pub async fn get(&self, caller: &Actor, path: &str) -> Reply {
        self.send(caller, self.visitor().request_at(http::Method::GET, path)).await
    }

    /// Sends a request with the cookies that `caller` holds for the anchor.
    pub async fn send(&self, caller: &Actor, call: Call) -> Reply {
        let visitor = self.visitor();
        visitor.browser(|browser| *browser = caller.browser(|own| own.clone()));
        visitor.send(call).await
    }

    /// Somebody without any cookie.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the harness asks the server that it has started")]
    pub fn visitor(&self) -> Actor {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let site = Site {
            base_url: self.base_url(),
            base_path: String::new(),
            clock: Arc::new(SystemClock),
            transport: Transport::Network(client.expect("an HTTP client")),
        };
        Actor::new("visitor", site)
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

    /// Starts it again on the same folder and port.
    pub async fn restart(&mut self) {
        self.process.kill();
        let program = program("EXAMPLE_BASE_SERVICE_BIN", "example-base-service");
        self.process = Process::start(&program, &[], self.folder.path(), &self.env);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let url = format!("{}/public", self.base_url());
        self.process.until_ready(&url).await;
    }
}
