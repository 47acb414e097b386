//! A PostgreSQL server of a test's own, to be stopped, frozen and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use identity_tests::free_port;
use tempfile::TempDir;

/// A server whose data survives what is done to it.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// Starts one, unless the tests run on SQLite.
    pub(crate) fn start() -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test run chooses the database here, and nothing else is read"
        )]
        std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())?;
        let folder = tempfile::Builder::new().prefix("identity-cluster-").tempdir().expect("a temporary folder");
        let cluster = Self { folder, programs: programs(), port: free_port() };
        if is_root() {
            let owner = format!("{}:", unprivileged());
            run(Command::new("chown").arg(owner).arg(cluster.folder.path()));
        }
        let data = cluster.data();
        cluster.run("initdb", &["-U", "identity", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", &data]);
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 50\n",
            cluster.port
        );
        let file = Path::new(&data).join("postgresql.conf");
        let defaults = fs::read_to_string(&file).expect("initdb wrote settings");
        fs::write(&file, defaults + &settings).expect("the settings can be written");
        cluster.begin();
        Some(cluster)
    }

    /// Its database, as `database.url` is configured.
    pub(crate) fn url(&self) -> String {
        format!("postgres://identity@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it and waits until it answers.
    pub(crate) fn begin(&self) {
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-l", &log, "-w", "-s", "start"]);
    }

    /// Stops it: `fast` lets it say goodbye, `immediate` is a crash.
    pub(crate) fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", mode, "-w", "-s", "stop"]);
    }

    /// Stops all its processes where they are. Its connections stay open and silent, and new ones are neither refused nor answered.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let Some(first) = self.postmaster() else { return };
        // The first one begins the others, so it is stopped before they are counted, and goes on last.
        let children = || {
            let found = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
            found.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let send = |process: &str| {
            // A backend may just have ended.
            let _ = Command::new("sh").args(["-c", "kill -\"$1\" \"$2\"", "kill", signal, process]).output();
        };
        if signal == "STOP" {
            send(&first);
        }
        for process in children() {
            send(&process);
        }
        if signal != "STOP" {
            send(&first);
        }
    }

    fn postmaster(&self) -> Option<String> {
        let file = fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Runs one of its programs, which refuse to be run by root.
    fn run(&self, program: &str, arguments: &[&str]) {
        let path = self.programs.join(program);
        let mut command = if is_root() {
            let user = unprivileged();
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        run(command.args(arguments).current_dir(self.folder.path()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.postmaster().is_some() {
            self.thaw();
            self.stop("immediate");
        }
    }
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The folder of the newest server programs.
fn programs() -> PathBuf {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = folders.filter_map(|folder| folder.file_name().to_str()?.parse::<u32>().ok()).max();
    newest.map_or_else(
        || {
            let found = run(Command::new("sh").args(["-c", "dirname \"$(readlink -f \"$(command -v initdb)\")\""]));
            PathBuf::from(String::from_utf8_lossy(&found.stdout).trim())
        },
        |version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")),
    )
}

fn is_root() -> bool {
    String::from_utf8_lossy(&run(Command::new("id").arg("-u")).stdout).trim() == "0"
}

/// Who runs it instead of root.
fn unprivileged() -> &'static str {
    let exists = Command::new("id").arg("postgres").output().is_ok_and(|output| output.status.success());
    if exists { "postgres" } else { "nobody" }
}
