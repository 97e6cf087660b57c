//! The server's drivers: one thread that writes, a few that read. The only place of this crate that starts threads.

use std::collections::VecDeque;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::backend::{Backend, ReadJob, ReadRunner, Reader};
use crate::error::StoreError;
use crate::limits::READS_WAITING_MAX;
use crate::store::Store;

/// Starts the thread that writes: it takes all that waits, applies it in one transaction, settles it, and begins again;
/// there is no timer. It ends when the store is closed and everything is settled. Joining gives the back end back, so
/// that it is closed before anything else is. A panic in it is the process's end: `lost` is called then.
///
/// # Errors
///
/// What the operating system says when it has no thread for us.
pub fn spawn_writer<B: Backend + 'static>(
    store: Store,
    mut backend: B,
    lost: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<B>> {
    thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || {
            let watch = Lost(Some(lost));
            while let Some(group) = store.wait_pending() {
                store.settle(group.apply(&mut backend));
            }
            drop(watch);
            backend
        })
}

/// Tells when a thread unwinds.
struct Lost<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Lost<F> {
    fn drop(&mut self) {
        if let (true, Some(lost)) = (thread::panicking(), self.0.take()) {
            lost();
        }
    }
}

/// Threads that read, one per reader.
#[derive(Debug)]
pub struct ReaderThreads {
    jobs: Arc<Jobs>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Jobs {
    waiting: Mutex<(VecDeque<ReadJob>, bool)>,
    changed: Condvar,
}

impl ReaderThreads {
    /// Starts one thread per reader.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no thread for us.
    pub fn spawn<R: Reader + 'static>(readers: Vec<R>) -> io::Result<Self> {
        let mut this = Self {
            jobs: Arc::default(),
            threads: Vec::new(),
        };
        for mut reader in readers {
            let jobs = Arc::clone(&this.jobs);
            let run = move || {
                while let Some(job) = jobs.next() {
                    // A panic costs its asker the answer, nobody else a reader.
                    let _panic = panic::catch_unwind(AssertUnwindSafe(|| job.run(&mut reader)));
                }
            };
            this.threads.push(
                thread::Builder::new()
                    .name("store-reader".to_owned())
                    .spawn(run)?,
            );
        }
        Ok(this)
    }
}

impl ReadRunner for ReaderThreads {
    fn run(&self, job: ReadJob) {
        let mut waiting = self
            .jobs
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.0.len() >= READS_WAITING_MAX {
            drop(waiting);
            job.fail(StoreError::Overload);
            return;
        }
        waiting.0.push_back(job);
        drop(waiting);
        self.jobs.changed.notify_one();
    }
}

/// Lets every thread finish what it reads; what waits is answered with [`StoreError::Closed`].
impl Drop for ReaderThreads {
    fn drop(&mut self) {
        let unread = {
            let mut waiting = self
                .jobs
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            waiting.1 = true;
            std::mem::take(&mut waiting.0)
        };
        self.jobs.changed.notify_all();
        drop(unread);
        let here = thread::current().id();
        for thread in self
            .threads
            .drain(..)
            .filter(|thread| thread.thread().id() != here)
        {
            let _ended = thread.join();
        }
    }
}

impl Jobs {
    /// The next job; `None` when the threads are to end.
    fn next(&self) -> Option<ReadJob> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if waiting.1 {
                return None;
            }
            if let Some(job) = waiting.0.pop_front() {
                return Some(job);
            }
            waiting = self
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
