//! Many at once.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Starts `count` tasks at the same moment and answers what each of them came to, in their order. `step` is called with the
/// number of the task, from zero. Test it on a runtime of several threads.
pub async fn race<T, F>(count: usize, mut step: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let (start, step) = (Arc::clone(&start), step(number));
        tasks.spawn(async move {
            start.wait().await;
            (number, step.await)
        });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
