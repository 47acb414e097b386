use std::sync::Arc;

use identity_tests::{TestDatabase, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn six_programs_that_start_at_once_on_an_empty_database_migrate_it_once() {
    let database = Arc::new(TestDatabase::empty().await);
    let outcomes = race(6, |_| {
        let database = Arc::clone(&database);
        async move { identity_migrations::up(&database.connect().await).await }
    })
    .await;
    for outcome in outcomes {
        outcome.unwrap();
    }
    let connection = database.connect().await;
    let status = identity_migrations::status(&connection).await.unwrap();
    assert!(!status.applied.is_empty() && status.pending.is_empty(), "{status:?}");
    let applied = i64::try_from(status.applied.len()).unwrap();
    assert_eq!(database.number("SELECT COUNT(*) FROM identity_migrations").await, applied);
    identity_migrations::up(&connection).await.unwrap();
    assert_eq!(identity_migrations::status(&connection).await.unwrap(), status);
}
