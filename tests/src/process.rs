//! A program of this workspace, run as an operator runs it.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a program may take to answer, and to stop.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running program whose output goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in `folder` with exactly the environment `env`, and adds its output to `folder/log`.
    #[must_use]
    pub fn start(program: &Path, arguments: &[&str], folder: &Path, env: &[(String, String)]) -> Self {
        let log = folder.join("log");
        let output = File::options().create(true).append(true).open(&log).expect("the log can be written");
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file handle can be cloned"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Self { child, log }
    }

    /// Waits until `url` answers with success.
    ///
    /// # Panics
    /// When the program ends first, or when it takes too long.
    #[expect(clippy::disallowed_methods, reason = "the harness asks the server that it has started")]
    pub async fn until_ready(&mut self, url: &str) {
        self.until_ready_for(&reqwest::Client::new(), url).await;
    }

    /// Waits until `url` answers `client` with success.
    ///
    /// # Panics
    /// When the program ends first, or when it takes too long.
    pub async fn until_ready_for(&mut self, client: &reqwest::Client, url: &str) {
        let began = Instant::now();
        loop {
            if client.get(url).send().await.is_ok_and(|response| response.status().is_success()) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("the program ended with {status} instead of becoming ready:\n{}", self.logs());
            }
            assert!(began.elapsed() < PATIENCE, "{url} did not answer in time:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until it has printed `text`.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn until_logged(&self, text: &str) {
        let began = Instant::now();
        while !self.logs().contains(text) {
            assert!(began.elapsed() < PATIENCE, "{text:?} was not printed in time:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its number at the operating system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed.
    #[must_use]
    pub fn logs(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The most memory that it has had at once, in bytes; `None` where the system does not tell.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Ends it as `kill -9` or a lost machine would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, as a supervisor does, and waits.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.until_ended().await
    }

    /// Sends it a signal, such as `HUP`.
    ///
    /// # Panics
    /// When it has ended.
    pub fn signal(&self, name: &str) {
        let arguments = ["-c", "kill -\"$1\" \"$2\"", "kill", name, &self.child.id().to_string()];
        let asked = Command::new("sh").args(arguments).status();
        assert!(asked.expect("sh runs").success(), "the program has already ended:\n{}", self.logs());
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on.
    pub async fn until_ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "the program did not stop:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A loopback port that was free a moment ago.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Where the built program `package` is: what the environment variable `variable` says, else built now and found beside the tests.
pub(crate) fn program(variable: &str, package: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the test run says here which programs it has built")]
    if let Ok(path) = std::env::var(variable) {
        return PathBuf::from(path);
    }
    build();
    // target/<profile>/deps/<test> → target/<profile>/<program>
    let test = std::env::current_exe().expect("the running program is a file");
    test.parent().and_then(Path::parent).expect("tests are built into a profile's folder").join(package)
}

/// Builds the whole workspace once, so that features are unified as for the tests and nothing is built twice.
fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let built =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--workspace"]).current_dir(workspace).status();
        assert!(built.expect("cargo runs").success(), "the workspace does not build");
    });
}
