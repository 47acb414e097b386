//! Room for a bounded number of hashes at a time, and a bounded queue before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;
use tokio::time;

use crate::code::Code;
use crate::error::{Error, Result};

/// How many may wait for each hash that is running. More would only wait in vain.
const WAITING_PER_PERMIT: usize = 64;

/// A hash takes far less, so that a turn is likely by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pool {
    running: Arc<Semaphore>,
    waiting: Semaphore,
    wait: Duration,
    finished: AtomicU64,
    /// What one hash is computed in, in argon2's blocks of 1 KiB.
    blocks: usize,
    /// Memory that nobody hashes in at this moment, at most one for each permit. An allocator keeps what each thread has given
    /// back, and there are many more threads than permits.
    idle: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Pool {
    pub(super) fn new(permits: usize, wait: Duration, blocks: usize) -> Self {
        let permits = permits.clamp(1, Semaphore::MAX_PERMITS / WAITING_PER_PERMIT);
        Self {
            running: Arc::new(Semaphore::new(permits)),
            waiting: Semaphore::new(permits * WAITING_PER_PERMIT),
            wait,
            finished: AtomicU64::new(0),
            blocks,
            idle: Arc::default(),
        }
    }

    /// Runs `work` on a thread that may block, when it is its turn, with memory to hash in.
    ///
    /// The permit travels with the work: a request that was given up leaves its hash running, and the memory taken.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.turn().await?;
        let (idle, blocks) = (Arc::clone(&self.idle), self.blocks);
        let job = task::spawn_blocking(move || {
            let _held = permit;
            let free = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = free.unwrap_or_else(|| vec![Block::default(); blocks]);
            let done = work(&mut memory);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            done
        });
        let done = job.await.map_err(Error::internal);
        self.finished.fetch_add(1, Ordering::Relaxed);
        done
    }

    /// Refuses where [`Pool::run`] would not even let wait, before anything is done for what it would refuse.
    pub(super) fn ask_for_room(&self) -> Result<()> {
        let full = self.running.available_permits() == 0 && self.waiting.available_permits() == 0;
        if full { Err(overloaded()) } else { Ok(()) }
    }

    /// How much work was done so far.
    pub(super) fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = self.waiting.try_acquire().map_err(|_| overloaded())?;
        let turn = time::timeout(self.wait, Arc::clone(&self.running).acquire_owned());
        turn.await.map_err(|_| overloaded())?.map_err(Error::internal)
    }
}

fn overloaded() -> Error {
    Error::new(Code::Overloaded).retry_after(RETRY_AFTER)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test waits for the tasks it starts")]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Occupies one permit until the sender is used or dropped.
    async fn occupy(pool: &Arc<Pool>) -> (mpsc::Sender<()>, task::JoinHandle<Result<()>>) {
        let (release, released) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let running = tokio::spawn({
            let pool = Arc::clone(pool);
            async move {
                pool.run(move |_| {
                    let _ = started.send(());
                    let _ = released.recv();
                })
                .await
            }
        });
        has_started.await.unwrap();
        (release, running)
    }

    #[tokio::test]
    async fn a_request_that_does_not_get_its_turn_in_time_is_told_when_to_come_back() {
        let pool = Arc::new(Pool::new(1, Duration::from_millis(10), 0));
        let (release, running) = occupy(&pool).await;
        let refused = pool.run(|_| ()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        assert_eq!(refused.wait(), Some(Duration::from_secs(1)));
        drop(release);
        running.await.unwrap().unwrap();
        pool.run(|_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = Arc::new(Pool::new(1, Duration::from_hours(1), 0));
        let (release, running) = occupy(&pool).await;
        let waiting: Vec<_> = (0..WAITING_PER_PERMIT)
            .map(|_| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(|_| ()).await })
            })
            .collect();
        while pool.waiting.available_permits() > 0 {
            task::yield_now().await;
        }
        assert_eq!(pool.run(|_| ()).await.unwrap_err().code(), Code::Overloaded);
        assert_eq!(pool.ask_for_room().unwrap_err().code(), Code::Overloaded);
        drop(release);
        running.await.unwrap().unwrap();
        for served in waiting {
            served.await.unwrap().unwrap();
        }
        pool.ask_for_room().unwrap();
        assert_eq!(pool.waiting.available_permits(), WAITING_PER_PERMIT);
    }

    #[tokio::test]
    async fn a_request_that_was_given_up_keeps_its_permit_until_the_hash_is_done() {
        let pool = Arc::new(Pool::new(1, Duration::ZERO, 0));
        let (release, running) = occupy(&pool).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert_eq!(pool.run(|_| ()).await.unwrap_err().code(), Code::Overloaded);
        drop(release);
        drop(pool.running.acquire().await.unwrap());
        pool.run(|_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_permit_back() {
        let pool = Pool::new(1, Duration::ZERO, 0);
        assert_eq!(pool.run(|_| panic!("on purpose")).await.unwrap_err().code(), Code::Internal);
        pool.run(|_| ()).await.unwrap();
    }
}
