//! Programs on cores of their own, and what the kernel knows about them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Result;

/// Unit of the times in `/proc` (`man 5 proc_pid_stat`): a hundredth of a second on every Linux that people run.
const TICK: Duration = Duration::from_millis(10);

/// How long a program may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The core of whatever is measured, and the one of the load.
const MEASURED: &str = "0";
const LOAD: &str = "1";

/// The machine that everything runs on.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Whether programs stay on the core they are put on.
    pub(crate) pins: bool,
    own: PathBuf,
}

/// A loop of this program: its arguments.
#[derive(Debug)]
pub(crate) struct Loop(pub(crate) Vec<String>);

/// What a loop has done.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Done {
    pub(crate) operations: usize,
    pub(crate) elapsed: Duration,
    /// User and system time.
    pub(crate) processor: Duration,
}

impl Machine {
    /// Builds the programs, each as its users do, and moves this process to the core of the load.
    pub(crate) fn prepare() -> Result<Self> {
        for package in ["identity-server", "example-base-service"] {
            let built = Command::new(env!("CARGO")).args(["build", "--release", "--package", package]).status()?;
            if !built.success() {
                return Err(format!("{package} does not build").into());
            }
        }
        let id = std::process::id().to_string();
        let moved = Command::new("taskset").args(["-acp", LOAD, &id]).stdout(Stdio::null()).status();
        Ok(Self { pins: moved.is_ok_and(|status| status.success()), own: std::env::current_exe()? })
    }

    /// The file of the server.
    pub(crate) fn server(&self) -> PathBuf {
        self.own.with_file_name("identity-server")
    }

    /// Starts the server itself over a database.
    pub(crate) fn start_server(
        &self,
        folder: &Path,
        database: &str,
        secret: &str,
        more: &[(&str, &str)],
    ) -> Result<Program> {
        let address = free_address()?;
        let settings = [
            ("IDENTITY_HTTP__LISTEN", address.to_string()),
            ("IDENTITY_HTTP__BASE_URL", format!("http://localhost:{}", address.port())),
            ("IDENTITY_TELEMETRY__METRICS_LISTEN", free_address()?.to_string()),
            ("IDENTITY_DATABASE__URL", database.to_owned()),
            ("IDENTITY_SECRETS__SECRET", secret.to_owned()),
        ];
        let mut command = self.pinned(&self.server());
        command.envs(settings).envs(more.iter().copied());
        Program::start("identity-server", command, folder, address)
    }

    /// Starts the baseline over a database.
    pub(crate) fn start_baseline(&self, folder: &Path, database: &str, secret: &str) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.pinned(&self.own);
        command.args(["baseline", &address.to_string(), database, secret]);
        Program::start("axum + sqlx", command, folder, address)
    }

    /// Starts the example of a base service.
    pub(crate) fn start_base_service(&self, folder: &Path, anchor: &str, name: &str, secret: &str) -> Result<Program> {
        let address = free_address()?;
        let settings = [
            ("ANCHOR_URL", anchor.to_owned()),
            ("SERVICE_NAME", name.to_owned()),
            ("SERVICE_SECRET", secret.to_owned()),
            ("LISTEN", address.to_string()),
            ("DATABASE_URL", format!("sqlite://{}", folder.join("service.db").display())),
        ];
        let mut command = self.pinned(&self.own.with_file_name("example-base-service"));
        command.envs(settings);
        Program::start("example-base-service", command, folder, address)
    }

    /// Starts an API that knows its callers by the extractor and does nothing else.
    pub(crate) fn start_extractor(&self, folder: &Path, issuer: &str, audience: &str) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.pinned(&self.own);
        command.args(["extractor", &address.to_string(), issuer, audience]);
        Program::start("axum + RequireUser", command, folder, address)
    }

    /// Starts an API that verifies access tokens and does nothing else.
    pub(crate) fn start_bare_api(&self, folder: &Path, keys: &Path, issuer: &str, audience: &str) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.pinned(&self.own);
        command.args(["bare-api", &address.to_string()]).arg(keys).args([issuer, audience]);
        Program::start("axum + aws-lc-rs", command, folder, address)
    }

    /// Starts what signs a token and writes a row, and does nothing else.
    pub(crate) fn start_bare_issuer(&self, folder: &Path, algorithm: &str) -> Result<Program> {
        let address = free_address()?;
        let database = format!("sqlite://{}", folder.join(format!("bare-{algorithm}.db")).display());
        let mut command = self.pinned(&self.own);
        command.args(["bare-issuer", &address.to_string(), &database, algorithm]);
        Program::start("axum + aws-lc-rs + sqlx", command, folder, address)
    }

    /// Starts what answers with the text of a file, and does nothing else.
    pub(crate) fn start_bare_document(&self, folder: &Path, path: &str, file: &Path) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.pinned(&self.own);
        command.args(["bare-document", &address.to_string(), path]).arg(file);
        Program::start("axum", command, folder, address)
    }

    /// Starts node-oidc-provider for a client: its id, its secret, the format of its tokens and their algorithm.
    pub(crate) fn start_peer(&self, folder: &Path, client: [&str; 4]) -> Result<Program> {
        let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("peer");
        if !peer.join("node_modules").is_dir() {
            let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(&peer).status()?;
            if !installed.success() {
                return Err("node-oidc-provider cannot be installed".into());
            }
        }
        let address = free_address()?;
        let mut command = self.pinned(Path::new("node"));
        command.arg(peer.join("provider.mjs")).arg(address.port().to_string()).args(client);
        Program::start("node-oidc-provider", command, folder, address)
    }

    /// Runs a loop to its end.
    pub(crate) fn repeat(&self, repeated: &Loop, time: Duration) -> Result<Done> {
        let mut command = self.pinned(&self.own);
        command.args(["repeat", &time.as_millis().to_string()]).args(&repeated.0);
        let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err("a loop has failed".into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn pinned(&self, program: &Path) -> Command {
        if !self.pins {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        command.args(["-c", MEASURED]).arg(program);
        command
    }
}

/// A running program that listens, until it is dropped.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) address: SocketAddr,
    /// When it was started.
    pub(crate) begun: Instant,
    child: Child,
}

impl Program {
    fn start(name: &'static str, mut command: Command, folder: &Path, address: SocketAddr) -> Result<Self> {
        let log = folder.join(format!("log-{}", address.port()));
        let output = fs::File::create(&log)?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut program = Self { address, begun: Instant::now(), child: command.spawn()? };
        while TcpStream::connect(address).is_err() {
            if program.child.try_wait()?.is_some() || program.begun.elapsed() > PATIENCE {
                return Err(format!("{name} does not start:\n{}", fs::read_to_string(log)?).into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(program)
    }

    /// The name and port by which it is asked.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// User and system time that it has used so far.
    pub(crate) fn processor(&self) -> Result<Duration> {
        processor(&self.child.id().to_string())
    }

    /// A size in MiB that the kernel knows: `VmRSS` is what is resident, `VmHWM` the most that ever was.
    pub(crate) fn memory(&self, name: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kibibytes: f64 = line.ok_or("an unreadable /proc/PID/status")?.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time that a process has used so far.
pub(crate) fn processor(id: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name of the program may hold anything; what follows it is numbers from the third field on.
    let (_, fields) = stat.rsplit_once(')').ok_or("an unreadable /proc/PID/stat")?;
    let ticks: u32 = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<_, _>>()?;
    Ok(TICK * ticks)
}

/// Time that the core of the measured programs was not idle.
///
/// The fields of `man 5 proc_stat`: user, nice, system, idle, iowait, irq, softirq, steal.
pub(crate) fn busy() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().find(|line| line.starts_with("cpu0 ")).ok_or("an unreadable /proc/stat")?;
    let ticks: Vec<u32> = line.split_ascii_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    let idle: u32 = ticks.iter().skip(3).take(2).sum();
    Ok(TICK * (ticks.iter().sum::<u32>() - idle))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
