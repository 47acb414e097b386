//! Several processes that start at once.

use std::sync::Arc;
use std::time::Instant;

use identity_tests::TestDatabase;
use tokio::task::JoinSet;

use crate::cheap;
use crate::report::say;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_processes_that_migrate_one_empty_database_all_become_ready() {
    migrate_at_once(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn six_processes_migrate_one_empty_database_ten_times() {
    migrate_at_once(10).await;
}

async fn migrate_at_once(rounds: usize) {
    for _ in 0..rounds {
        let database = Arc::new(TestDatabase::empty().await);
        let begun = Instant::now();
        let mut starting = JoinSet::new();
        for _ in 0..6 {
            starting.spawn(cheap().over(&database).start());
        }
        let servers = starting.join_all().await;
        say(&format!("six processes are ready after {:?}", begun.elapsed()));
        for server in &servers {
            assert!(!server.logs().contains("ERROR"), "{}", server.logs());
        }
        let alice = servers[0].actor("alice");
        let _ = alice.signs_up().await.expect(200);
        let twice =
            "SELECT COUNT(*) FROM (SELECT version FROM identity_migrations GROUP BY version HAVING COUNT(*) > 1) AS t";
        assert_eq!(database.number(twice).await, 0);
    }
}
