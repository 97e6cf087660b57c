//! Running CPU-heavy work off the workers, and awaiting its result.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

use crate::server::Server;

/// Where the result goes, and who waits for it.
struct Slot<T> {
    result: Option<T>,
    finished: bool,
    waker: Option<Waker>,
}

impl Server {
    /// Runs `job` where it holds up no worker. `None` when the environment dropped it (the server
    /// stops) or it panicked.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let slot = Arc::new(Mutex::new(Slot {
            result: None,
            finished: false,
            waker: None,
        }));
        let finish = Finish(slot.clone());
        self.environment().compute(Box::new(move || {
            let result = job();
            finish
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .result = Some(result);
            drop(finish);
        }));
        poll_fn(|cx| {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.finished {
                return Poll::Ready(slot.result.take());
            }
            slot.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Tells the waiting side however the job ends.
struct Finish<T>(Arc<Mutex<Slot<T>>>);

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slot.finished = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
