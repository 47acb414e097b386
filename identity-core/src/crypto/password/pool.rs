//! Room for a bounded number of hashes at a time, and a bounded queue before it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use argon2::Block;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
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
    threads: Threads,
}

impl Pool {
    pub(super) fn new(permits: usize, wait: Duration, blocks: usize) -> Self {
        let permits = permits.clamp(1, Semaphore::MAX_PERMITS / WAITING_PER_PERMIT);
        Self {
            running: Arc::new(Semaphore::new(permits)),
            waiting: Semaphore::new(permits * WAITING_PER_PERMIT),
            wait,
            finished: AtomicU64::new(0),
            threads: Threads::new(permits, blocks),
        }
    }

    /// Runs `work` on a thread of its own kind, when it is its turn, with memory to hash in.
    ///
    /// The permit travels with the work: a request that was given up leaves its hash running, and the memory taken.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut [Block]) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self.turn().await?;
        let (answer, answered) = oneshot::channel();
        self.threads.post(Box::new(move |memory| {
            let _held = permit;
            // Nobody may be waiting any more.
            let _ = answer.send(work(memory));
        }))?;
        let done = answered.await.map_err(Error::internal);
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

type Job = Box<dyn FnOnce(&mut [Block]) + Send>;

/// The threads that hash, one for each permit, started when they are first needed. Each keeps the memory it hashes in: an allocator
/// would keep it for every thread that ever did. They give way to whatever answers requests, so that somebody who is signed in does
/// not wait for somebody who signs in.
struct Threads {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    most: usize,
    started: Mutex<usize>,
    /// What one hash is computed in, in argon2's blocks of 1 KiB.
    blocks: usize,
}

impl Threads {
    fn new(most: usize, blocks: usize) -> Self {
        let (jobs, queue) = mpsc::channel();
        Self { jobs, queue: Arc::new(Mutex::new(queue)), most, started: Mutex::new(0), blocks }
    }

    /// Hands a job to the next thread that is free. There are never more jobs than threads: each holds a permit.
    fn post(&self, job: Job) -> Result<()> {
        let mut started = lock(&self.started);
        if *started < self.most {
            let (queue, blocks) = (Arc::clone(&self.queue), self.blocks);
            let named = thread::Builder::new().name("identity-hash".to_owned());
            named.spawn(move || work_off(&queue, blocks)).map_err(Error::internal)?;
            *started += 1;
        }
        drop(started);
        self.jobs.send(job).map_err(|_| Error::internal("no thread is left to hash on"))
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("most", &self.most).finish_non_exhaustive()
    }
}

/// Works until the pool is gone.
fn work_off(queue: &Mutex<Receiver<Job>>, blocks: usize) {
    give_way();
    let mut memory = vec![Block::default(); blocks];
    loop {
        let next = lock(queue).recv();
        let Ok(job) = next else { return };
        // Whoever waits for a job that panics finds its answer gone; the panic itself is in the log.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
    }
}

/// How much further back in the line for a processor a thread that hashes stands: halfway (`man 2 nice`).
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lets other threads go first. Where the system has no such wish for a single thread, or does not grant it, hashing goes on as it is.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn overloaded() -> Error {
    Error::new(Code::Overloaded).retry_after(RETRY_AFTER)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test waits for the tasks it starts")]
mod tests {
    use std::sync::mpsc;

    use tokio::task;

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

    #[tokio::test]
    async fn a_hash_that_panics_fails_alone() {
        let pool = Pool::new(1, Duration::from_secs(1), 0);
        let failed = pool.run(|_| -> () { panic!("on purpose") }).await.unwrap_err();
        assert_eq!(failed.code(), Code::Internal);
        assert_eq!(pool.run(|_| 1).await.unwrap(), 1);
    }
}
