//! A disk that is full under SQLite.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use identity_tests::TestDatabase;
use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use serde_json::json;
use tokio::time::sleep;

use crate::cheap;
use crate::ledger::Load;
use crate::report::say;
use crate::wire::Wire;

/// Gives the server a disk of its own at `data`, 16 MiB of memory that nobody else sees and that goes with it.
const OWN_DISK: [&str; 6] = ["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c"];
const MOUNT: &str = "mkdir data && mount -t tmpfs -o size=16m tmpfs data && exec \"$0\" \"$@\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    fill(1, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_disk_that_is_full_five_times_refuses_writes_and_nothing_else() {
    fill(5, Duration::from_secs(6)).await;
}

async fn fill(times: usize, length: Duration) {
    if TestDatabase::empty().await.is_postgres() {
        return;
    }
    let may_mount = Command::new(OWN_DISK[0]).args(["--user", "--map-root-user", "--mount", "true"]).status();
    if !may_mount.is_ok_and(|status| status.success()) {
        say("not tried: a disk of its own is not permitted here");
        return;
    }
    let command: Vec<&str> = OWN_DISK.into_iter().chain([MOUNT]).collect();
    let server = cheap().env("IDENTITY_DATABASE__URL", "sqlite://data/identity.db").through(&command).start().await;
    // The disk as the server sees it.
    let folder = server.folder().join("data").display().to_string();
    let disk = PathBuf::from(format!("/proc/{}/root{folder}", server.process_id()));
    let (address, site) = (server.address(), server.base_url());
    let mut wire = Wire::to(address, &site);
    let body = json!({ "name": "Alice", "email": "alice@example.test", "password": "correct horse" });
    let cookie = wire.post("/sign-up/email", "", &body).await.expect("an answer").session_cookie().expect("a session");
    let load = Load::begin(address, &site, 300).await;
    for _ in 0..times {
        sleep(Duration::from_secs(1)).await;
        let ballast = disk.join("ballast");
        let (full, mut reads, mut refused) = (Instant::now(), 0, 0);
        // As long as there is room in files that are there, writes go on.
        while full.elapsed() < length || (refused == 0 && full.elapsed() < Duration::from_secs(20)) {
            // What the server itself gives back is filled too.
            occupy(&ballast);
            let session = wire.get("/get-session", &cookie).await.expect("an answer");
            assert_eq!((session.status, &session.json()["user"]["email"]), (200, &json!("alice@example.test")));
            reads += 1;
            let renamed = wire.post("/update-user", &cookie, &json!({ "name": "x".repeat(250) })).await;
            let renamed = renamed.expect("an answer");
            assert!([200, 503].contains(&renamed.status), "{renamed:?}");
            if renamed.status == 503 {
                assert!(renamed.header("retry-after").is_some());
                refused += 1;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert!(refused > 0, "the disk was never full");
        fs::remove_file(&ballast).expect("the ballast is there");
        let freed = Instant::now();
        while wire.post("/update-user", &cookie, &json!({ "name": "Alicia" })).await.expect("an answer").status != 200 {
            assert!(freed.elapsed() < Duration::from_secs(5), "no recovery\n{}", server.logs());
            sleep(Duration::from_millis(20)).await;
        }
        say(&format!("full for {length:?}: {reads} reads, {refused} writes refused; well {:?} later", freed.elapsed()));
    }
    sleep(Duration::from_secs(1)).await;
    let ledger = load.end().await;
    ledger.tell("writes around a full disk");
    assert!(ledger.refused() > 0, "the disk was never full");
    ledger.verify(address, &site).await;
    assert_eq!(integrity(&disk).await, "ok");
}

/// Writes until nothing more goes in.
fn occupy(ballast: &Path) {
    let mut file = fs::File::options().create(true).append(true).open(ballast).expect("a file can be opened");
    for size in [1 << 16, 1 << 12] {
        loop {
            match file.write_all(&vec![b'x'; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// What SQLite says of a copy: it does not open a file by the way that leads into another's disk.
async fn integrity(disk: &Path) -> String {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for name in ["identity.db", "identity.db-wal"] {
        fs::copy(disk.join(name), copy.path().join(name)).expect("the file can be copied");
    }
    let file = copy.path().join("identity.db");
    let connection = Database::connect(format!("sqlite://{}", file.display())).await.expect("the file opens");
    let check = Statement::from_string(DbBackend::Sqlite, "PRAGMA integrity_check");
    let row = connection.query_one_raw(check).await.expect("the check runs").expect("a row");
    row.try_get_by_index(0).expect("text")
}
