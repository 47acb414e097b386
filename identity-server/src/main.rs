//! The trust anchor: one command, SQLite, ready.

mod config;

fn main() {
    let loaded = config::load(&config::Sources::of_process(None));
    drop(loaded);
}
