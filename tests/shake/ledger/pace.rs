//! How fast all writers together are.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far a turn may lie in the past: what was missed while the server was away is not made up for.
const LATE: Duration = Duration::from_millis(50);

/// Gives out turns at a steady rate, to whoever asks first.
#[derive(Debug)]
pub(super) struct Pace {
    step: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// A pace of `rate` turns a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { step: Duration::from_secs(1) / rate, next: Mutex::new(Instant::now()) }
    }

    /// Waits for the next turn that nobody has.
    pub(super) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().expect("nobody panics with it");
            let turn = Instant::now().checked_sub(LATE).map_or(*next, |earliest| next.max(earliest));
            *next = turn + self.step;
            turn
        };
        sleep_until(turn).await;
    }
}
