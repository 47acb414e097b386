//! What has to hold for input of any kind. The fuzzer looks for input for which it does not; a test tries the corpora.
//!
//! Each rule takes bytes, panics when the rule is broken, and says whether the code under test let the input through: a corpus in
//! which nothing passes, or everything does, tests nothing.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a rule reports by panicking, which is what the fuzzer looks for"
)]

mod authorization;
mod body;
mod cookie;
mod email;
mod host;
mod jwt;
mod page;
mod password_hash;
mod query;
mod redirect;

pub use authorization::authorization;
pub use body::body;
pub use cookie::cookie;
pub use email::email;
pub use host::host;
pub use jwt::jwt;
pub use page::page;
pub use password_hash::password_hash;
pub use query::query;
pub use redirect::redirect;

/// Cuts input at its first line break.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (first, rest) = data.split_at(end.unwrap_or(data.len()));
    (first, rest.get(1..).unwrap_or_default())
}

/// Calls async code that waits for nothing but its own threads.
fn now<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
