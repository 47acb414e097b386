//! Loops that do one operation over and over, and nothing else: what is left of a request when no server is around it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use clap::Subcommand;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use identity_core::config::PasswordOptions;
use tokio::task::JoinSet;

use crate::Result;
use crate::machine::{self, Done};

/// What is repeated.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Operation {
    /// Argon2id with the parameters of the server, on one thread, in memory that is kept.
    Hash,
    /// Asking the anchor for the session of a cookie, as a base service does, over so many connections.
    Ask { url: String, connections: usize, service: String, cookies: Vec<String> },
}

/// Repeats `operation` for `time` and writes what was done to the standard output.
pub(crate) fn run(operation: Operation, time: Duration) -> Result<()> {
    let begun = Instant::now();
    let operations = match operation {
        Operation::Hash => hash(begun + time)?,
        Operation::Ask { url, connections, service, cookies } => {
            let asking = ask(url, connections, service, cookies, begun + time);
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(asking)?
        }
    };
    let done = Done { operations, elapsed: begun.elapsed(), processor: machine::processor("self")? };
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(&done)?)?)
}

fn hash(until: Instant) -> Result<usize> {
    let options = PasswordOptions::default();
    let params = Params::new(options.argon2_memory, options.argon2_iterations, options.argon2_parallelism, Some(32))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (mut salt, mut operations) = ([0_u8; 16], 0);
    while Instant::now() < until {
        let mut hash = [0_u8; 32];
        argon2.hash_password_into_with_memory(b"correct horse battery staple", &salt, &mut hash, &mut memory)?;
        // No two are the same work.
        salt.copy_from_slice(hash.split_at(16).0);
        operations += 1;
    }
    Ok(operations)
}

#[expect(clippy::disallowed_methods, reason = "it asks the service that the benchmark has started")]
async fn ask(url: String, connections: usize, service: String, cookies: Vec<String>, until: Instant) -> Result<usize> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let (cookies, operations) = (Arc::<[String]>::from(cookies), Arc::new(AtomicUsize::new(0)));
    let mut asking = JoinSet::new();
    for number in 0..connections {
        let (client, url, service) = (client.clone(), url.clone(), service.clone());
        let (cookies, operations) = (Arc::clone(&cookies), Arc::clone(&operations));
        asking.spawn(async move {
            for cookie in cookies.iter().cycle().skip(number) {
                if Instant::now() >= until {
                    break;
                }
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
                headers.insert(HeaderName::from_static("x-service-authorization"), HeaderValue::from_str(&service)?);
                headers.insert(header::COOKIE, HeaderValue::from_str(cookie)?);
                let body = client.get(&url).headers(headers).send().await?.error_for_status()?.bytes().await?;
                if !body.starts_with(b"{") {
                    return Err("the anchor names no session".into());
                }
                operations.fetch_add(1, Ordering::Relaxed);
            }
            Result::<()>::Ok(())
        });
    }
    while let Some(ended) = asking.join_next().await {
        ended??;
    }
    Ok(operations.load(Ordering::Relaxed))
}
