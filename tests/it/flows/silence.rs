//! A database whose connections fall silent, as a network does that forgets them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity_core::Identity;
use identity_core::request::RequestInfo;
use identity_core::secret::Secret;
use identity_core::store::Store;
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
