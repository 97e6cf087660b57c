//! Running CPU-heavy work off the workers, and awaiting its result.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
};

use crate::{faults::Caught, server::Server};

/// Where the result goes, and who waits for it.
struct Slot<T> {
    result: Option<T>,
    finished: bool,
    waker: Option<Waker>,
}

impl Server {
    /// Runs `future` to its end whether or not anybody waits for it. `None` when it panicked, or the
    /// server stops.
    pub(crate) async fn detached<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (finish, result) = slot();
        self.environment().spawn(Box::pin(async move {
            finish.put(Caught::new(future).await.ok());
        }));
        result.await
    }

    /// Runs `job` where it holds up no worker. `None` when the environment dropped it (the server
    /// stops) or it panicked.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (finish, result) = slot();
        self.environment()
            .compute(Box::new(move || finish.put(Some(job()))));
        result.await
    }
}

/// A place for one result: the end that puts it, and the future of it.
pub(crate) fn slot<T: Send + 'static>() -> (Finish<T>, impl Future<Output = Option<T>> + Send) {
    let slot = Arc::new(Mutex::new(Slot {
        result: None,
        finished: false,
        waker: None,
    }));
    let finish = Finish(slot.clone());
    let result = poll_fn(move |cx| {
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.finished {
            return Poll::Ready(slot.result.take());
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    });
    (finish, result)
}

/// Tells the waiting side however the job ends.
pub(crate) struct Finish<T>(Arc<Mutex<Slot<T>>>);

impl<T> Finish<T> {
    pub(crate) fn put(self, result: Option<T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).result = result;
    }
}

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
