//! A server that dies again and again under people who write.

use std::time::{Duration, Instant};

use identity_tests::{ServerBuilder, TestDatabase};

use crate::cheap;
use crate::ledger::Load;
use crate::report::{quantile, say};

/// What is asked for, a little more than what is to be acknowledged: some of it dies with the server.
const RATE: u32 = 315;
const ACKNOWLEDGED: u32 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_a_kill() {
    // A quarter of it: the program of a test run is slow, and the machine may be busy.
    kill(cheap(), 3, Duration::from_secs(1), ACKNOWLEDGED / 4).await;
}

/// Passwords are hashed at their real cost here, one at a time, so that the rest of the machine is left to the other writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn nothing_acknowledged_is_missing_after_twenty_kills() {
    let dear = ServerBuilder::default()
        .env("IDENTITY_LIMITS__ENABLED", "false")
        .env("IDENTITY_TELEMETRY__LOG", "warn")
        .env("IDENTITY_PASSWORD__PERMITS", "1");
    // Two thirds of it: the machine may have others to serve.
    kill(dear, 20, Duration::from_secs(4), ACKNOWLEDGED * 2 / 3).await;
}

/// Kills it `times` times, and wants at least `least` acknowledged writes a second from it while it is up.
async fn kill(builder: ServerBuilder, times: usize, pause: Duration, least: u32) {
    let mut server = builder.start().await;
    let (address, site) = (server.address(), server.base_url());
    let load = Load::begin(address, &site, RATE).await;
    let mut starts = Vec::new();
    for _ in 0..times {
        tokio::time::sleep(pause).await;
        server.kill();
        let killed = Instant::now();
        server.restart().await;
        starts.push(killed.elapsed());
    }
    tokio::time::sleep(pause).await;
    let ledger = load.end().await;
    let kind = if server.database().is_postgres() { "PostgreSQL" } else { "SQLite" };
    ledger.tell(&format!("{times} kills on {kind}"));
    let up = ledger.elapsed.saturating_sub(starts.iter().sum());
    let rate = u128::try_from(ledger.promised()).unwrap_or_default() * 1000 / up.as_millis().max(1);
    say(&format!(
        "  {rate} acknowledged writes a second while it was up, {:.0} s; ready again after {:?}, at most {:?}",
        up.as_secs_f64(),
        quantile(&mut starts, 50),
        quantile(&mut starts, 100)
    ));
    assert!(rate >= u128::from(least), "this was no load");
    let owners = ledger.owners();
    ledger.verify(address, &site).await;
    each_has_its_owner(server.database(), &owners).await;
    let halves = "SELECT COUNT(*) FROM identity_users u WHERE NOT EXISTS \
                  (SELECT 1 FROM identity_accounts a WHERE a.user_id = u.id)";
    assert_eq!(server.database().number(halves).await, 0, "somebody was signed up by half");
}

/// Checks whose device sessions have become, as it stands in their rows.
async fn each_has_its_owner(database: &TestDatabase, owners: &[(String, String)]) {
    assert!(!owners.is_empty(), "no device session has become a user's");
    for some in owners.chunks(200) {
        let pairs: Vec<String> = some.iter().map(|(session, user)| format!("('{session}', '{user}')")).collect();
        let kept = format!(
            "SELECT COUNT(*) FROM identity_device_sessions WHERE (id, migrated_to_user_id) IN (VALUES {})",
            pairs.join(", ")
        );
        let some = i64::try_from(some.len()).unwrap_or_default();
        assert_eq!(database.number(&kept).await, some, "a device session is another user's");
    }
    say(&format!("  {} device sessions are of whom they were promised to", owners.len()));
}
