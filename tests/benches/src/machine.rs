//! Programs on cores of their own, and what the kernel knows about them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
    server: PathBuf,
}

impl Machine {
    /// Builds the server, and moves this process to the core of the load.
    pub(crate) fn prepare() -> Result<Self> {
        let built =
            Command::new(env!("CARGO")).args(["build", "--release", "--package", "identity-server"]).status()?;
        if !built.success() {
            return Err("the server does not build".into());
        }
        let server = std::env::current_exe()?.with_file_name("identity-server");
        let own = std::process::id().to_string();
        let moved = Command::new("taskset").args(["-acp", LOAD, &own]).stdout(Stdio::null()).status();
        Ok(Self { pins: moved.is_ok_and(|status| status.success()), server })
    }

    /// Starts the server itself over a database.
    pub(crate) fn start_server(&self, folder: &Path, database: &str, secret: &str) -> Result<Program> {
        let address = free_address()?;
        let settings = [
            ("IDENTITY_HTTP__LISTEN", address.to_string()),
            ("IDENTITY_HTTP__BASE_URL", format!("http://localhost:{}", address.port())),
            ("IDENTITY_TELEMETRY__METRICS_LISTEN", free_address()?.to_string()),
            ("IDENTITY_DATABASE__URL", database.to_owned()),
            ("IDENTITY_SECRETS__SECRET", secret.to_owned()),
        ];
        let mut command = self.pinned(&self.server);
        command.envs(settings);
        Program::start("identity-server", command, folder, address)
    }

    /// Starts the baseline over a database.
    pub(crate) fn start_baseline(&self, folder: &Path, database: &str, secret: &str) -> Result<Program> {
        let address = free_address()?;
        let mut command = self.pinned(&std::env::current_exe()?);
        command.args(["baseline", &address.to_string(), database, secret]);
        Program::start("axum + sqlx", command, folder, address)
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
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Program {
    fn start(name: &'static str, mut command: Command, folder: &Path, address: SocketAddr) -> Result<Self> {
        let log = folder.join(format!("log-{}", address.port()));
        let output = fs::File::create(&log)?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut program = Self { name, address, child: command.spawn()? };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if program.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(format!("{name} does not start:\n{}", fs::read_to_string(log)?).into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(program)
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        // The name of the program may hold anything; what follows it is numbers from the third field on.
        let (_, fields) = stat.rsplit_once(')').ok_or("an unreadable /proc/PID/stat")?;
        let ticks: u32 =
            fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<_, _>>()?;
        Ok(Usage { processor: TICK * ticks, memory: mebibytes(&status, "VmRSS:")?, busy: busy()? })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program has used so far, and how busy its core was with anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) processor: Duration,
    /// Resident set in MiB.
    pub(crate) memory: f64,
    /// Time that the core of the measured programs was not idle.
    pub(crate) busy: Duration,
}

fn mebibytes(status: &str, name: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("an unreadable /proc/PID/status")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

/// The fields of `man 5 proc_stat`: user, nice, system, idle, iowait, irq, softirq, steal.
fn busy() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().find(|line| line.starts_with("cpu0 ")).ok_or("an unreadable /proc/stat")?;
    let ticks: Vec<u32> = line.split_ascii_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
    let idle: u32 = ticks.iter().skip(3).take(2).sum();
    Ok(TICK * (ticks.iter().sum::<u32>() - idle))
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
