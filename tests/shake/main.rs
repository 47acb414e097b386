//! The program under load while what it stands on is taken away: killed, cut off from its database, out of disk space, restarted.
//!
//! Each test has a short form, seconds long, and a long one that `./test --full` runs. What they measured goes to the standard
//! output, which `--no-capture` shows.
#![cfg(test)]

mod cluster;
mod disk;
mod kill;
mod ledger;
mod nodes;
mod outage;
mod refresh;
mod report;
mod rotation;
mod start;
mod storm;
mod wire;

/// What a server is started with so that the load is writes, not hashing, and nobody is asked to slow down.
const CHEAP: [(&str, &str); 4] = [
    ("IDENTITY_LIMITS__ENABLED", "false"),
    ("IDENTITY_PASSWORD__ARGON2_MEMORY", "8"),
    ("IDENTITY_PASSWORD__ARGON2_ITERATIONS", "1"),
    ("IDENTITY_TELEMETRY__LOG", "warn"),
];

/// A server with [`CHEAP`] settings.
fn cheap() -> identity_tests::ServerBuilder {
    CHEAP.iter().fold(identity_tests::Server::builder(), |builder, (name, value)| builder.env(name, *value))
}
