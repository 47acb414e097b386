//! The harness of all tests: a database for each test, the identity in this process or as the built program, and people who use it.
//!
//! [`TestApp`] answers most questions: everything in one process, with a clock that the test moves. [`Server`] is the program
//! itself, for what only a process can show: signals, restarts, logs, real mail.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a harness reports by panicking, inside the test that asked"
)]

mod actor;
mod app;
mod browser;
mod certificate;
mod db;
mod letter;
mod page;
mod process;
#[cfg(doctest)]
mod prose;
mod proxy;
mod race;
mod relying_party;
mod server;
mod service;
mod site;
mod smtp;
mod told;

pub use actor::{Actor, Call, Reply};
pub use app::{SECRET, TestApp, TestAppBuilder};
pub use browser::{Browser, SetCookie};
pub use certificate::SelfSigned;
pub use db::TestDatabase;
pub use letter::{Letter, token_of};
pub use page::{Form, Page, Tag};
pub use process::{Process, free_port};
pub use proxy::Proxy;
pub use race::race;
pub use relying_party::{Ask, RelyingParty, challenge, claims, resolved};
pub use server::{Server, ServerBuilder, command, command_with};
pub use service::BaseService;
pub use site::{Site, SiteAnswer};
pub use smtp::SmtpSink;
pub use told::Told;
