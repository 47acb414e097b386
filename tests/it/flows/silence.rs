//! A database whose connections fall silent, as a network does that forgets them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity_core::Identity;
use identity_core::request::RequestInfo;
use identity_core::secret::Secret;
use identity_core::store::{Store, StoreOptions};
use identity_core::token::Token;
use identity_tests::{Proxy, SECRET, TestDatabase, race};

/// More at once than there may be connections.
const MANY: usize = 20;

/// Reads and writes, and answers whether both are possible.
async fn works(identity: &Identity) -> bool {
    let (nobody, info) = (Token::presented("a token of nobody"), RequestInfo::default());
    identity.users().has_superadmin().await.is_ok() && identity.sessions().sign_out(&nobody, &info).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_fall_silent_do_not_keep_their_place() {
    let database = TestDatabase::migrated().await;
    if !database.is_postgres() {
        return;
    }
    let proxy = Proxy::to(database.url()).await;
    let store = Store::connect(&proxy.url(database.url())).await.unwrap();
    let identity = Arc::new(Identity::builder(store, Secret::new(SECRET.to_owned())).build().unwrap());
    let all_work = async || {
        let outcomes = race(MANY, |_| {
            let identity = Arc::clone(&identity);
            async move { works(&identity).await }
        });
        outcomes.await.into_iter().all(|works| works)
    };
    assert!(all_work().await);
    proxy.silence();
    let silent = Instant::now();
    assert!(!all_work().await, "nothing was silenced");
    // New ones get through as soon as the old ones have given up their places.
    while !all_work().await {
        assert!(silent.elapsed() < Duration::from_secs(20), "silent connections keep their places");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_begins_when_its_caller_has_gone_ends_at_once() {
    let database = TestDatabase::migrated().await;
    if !database.is_postgres() {
        return;
    }
    let proxy = Proxy::to(database.url()).await;
    let options = StoreOptions { max_connections: 2, ..StoreOptions::new(proxy.url(database.url())) };
    let store = Store::connect_with(options).await.unwrap();
    let identity = Identity::builder(store, Secret::new(SECRET.to_owned())).build().unwrap();
    assert!(works(&identity).await);
    let (nobody, info) = (Token::presented("a token of nobody"), RequestInfo::default());
    // The statement that begins it is on its way when the caller goes away.
    proxy.hold();
    let sessions = identity.sessions();
    let signing_out = sessions.sign_out(&nobody, &info);
    assert!(tokio::time::timeout(Duration::from_millis(100), signing_out).await.is_err());
    proxy.release();
    // On the same connection, once it is free again. Reading ends no transaction.
    assert!(identity.users().has_superadmin().await.is_ok());
    let idle = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND application_name = 'identity' AND state LIKE 'idle in%'";
    assert_eq!(database.number(idle).await, 0, "a transaction that nobody ends");
    assert!(works(&identity).await);
}
