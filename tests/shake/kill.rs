//! A server that dies again and again under people who write.

use std::time::{Duration, Instant};

use crate::cheap;
use crate::ledger::Load;
use crate::report::{quantile, say};

const RATE: u32 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_missing_after_a_kill() {
    kill(3, Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn nothing_acknowledged_is_missing_after_twenty_kills() {
    kill(20, Duration::from_secs(3)).await;
}

async fn kill(times: usize, pause: Duration) {
    let mut server = cheap().start().await;
    let load = Load::begin(server.address(), &server.base_url(), RATE);
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
    say(&format!("  ready again after {:?}, at most {:?}", quantile(&mut starts, 50), quantile(&mut starts, 100)));
    assert!(ledger.promised() > 50 * times, "this was no load");
    ledger.verify().await;
    let halves = "SELECT COUNT(*) FROM identity_users u WHERE NOT EXISTS \
                  (SELECT 1 FROM identity_accounts a WHERE a.user_id = u.id)";
    assert_eq!(server.database().number(halves).await, 0, "somebody was signed up by half");
}
