//! Waking a connection from anywhere, cheaply.
//!
//! A tokio task that another thread wakes costs that thread a system call. A presence to a
//! hundred contacts on another worker must not cost a hundred. So a worker (and any thread inside
//! [`collect`]) gathers its wake-ups for other workers, and hands each worker its share at once:
//! one lock and at most one system call.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    sync::Arc,
    task::{Poll, Wake, Waker},
};

use crate::{inbox::Inbox, limits::TURNS_PER_WAKE};

thread_local! {
    /// The worker this thread is, if any.
    static WORKER: Cell<Option<usize>> = const { Cell::new(None) };
    static COLLECTED: RefCell<Collected> = const { RefCell::new(Collected::new()) };
}

struct Collected {
    /// How many [`collect`] scopes this thread is in; a worker is in one for life.
    depth: u32,
    turns: u32,
    pending: Vec<(Arc<Inbox>, Vec<Waker>)>,
}

impl Collected {
    const fn new() -> Self {
        Self {
            depth: 0,
            turns: 0,
            pending: Vec::new(),
        }
    }

    fn push(&mut self, inbox: &Arc<Inbox>, waker: Waker) {
        match self
            .pending
            .iter_mut()
            .find(|(known, _)| Arc::ptr_eq(known, inbox))
        {
            Some((_, wakers)) => wakers.push(waker),
            None => self.pending.push((Arc::clone(inbox), vec![waker])),
        }
    }

    fn deliver(&mut self) {
        self.turns = 0;
        for (inbox, wakers) in &mut self.pending {
            inbox.deliver(wakers);
        }
    }
}

/// The worker's task that wakes what others asked it to.
pub(crate) async fn run(inbox: Arc<Inbox>) {
    let mut taken = Vec::new();
    poll_fn(move |cx| -> Poll<()> {
        inbox.poll(&mut taken, cx.waker());
        Poll::Pending
    })
    .await;
}

/// The waker a connection gives to the engine.
#[derive(Debug)]
pub(crate) struct ConnectionWaker {
    inbox: Arc<Inbox>,
    /// The tokio task that drives the connection.
    task: Waker,
}

impl ConnectionWaker {
    /// A waker for `task`, which runs on the worker of `inbox`.
    pub(crate) fn new(inbox: Arc<Inbox>, task: Waker) -> Arc<Self> {
        Arc::new(Self { inbox, task })
    }
}

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if WORKER.get() == Some(self.inbox.worker) {
            self.task.wake_by_ref();
            return;
        }
        let collected = COLLECTED.try_with(|collected| {
            let mut collected = collected.borrow_mut();
            let collecting = collected.depth > 0;
            if collecting {
                collected.push(&self.inbox, self.task.clone());
            }
            collecting
        });
        if collected != Ok(true) {
            self.inbox.deliver(&mut vec![self.task.clone()]);
        }
    }
}

/// Runs `work` and sends the wake-ups it caused afterwards, one per worker. For threads that
/// wake many sessions at once: the store's writer after a commit.
pub fn collect<R>(work: impl FnOnce() -> R) -> R {
    struct Scope;
    impl Drop for Scope {
        fn drop(&mut self) {
            COLLECTED.with_borrow_mut(|collected| {
                collected.depth -= 1;
                if collected.depth == 0 {
                    collected.deliver();
                }
            });
        }
    }
    COLLECTED.with_borrow_mut(|collected| collected.depth += 1);
    let _scope = Scope;
    work()
}

/// Makes this thread worker number `worker`: it collects from now on and must call
/// [`turn_ended`] and [`deliver`].
pub(crate) fn become_worker(worker: usize) {
    WORKER.set(Some(worker));
    COLLECTED.with_borrow_mut(|collected| collected.depth += 1);
}

/// A connection's turn ended: now and then what was collected goes out even on a busy worker.
pub(crate) fn turn_ended() {
    COLLECTED.with_borrow_mut(|collected| {
        collected.turns += 1;
        if collected.turns >= TURNS_PER_WAKE {
            collected.deliver();
        }
    });
}

/// The worker goes idle: what was collected goes out.
pub(crate) fn deliver() {
    COLLECTED.with_borrow_mut(Collected::deliver);
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn inbox_with_task() -> (Arc<Inbox>, Arc<Count>) {
        let inbox = Inbox::new(7);
        let task = Arc::new(Count::default());
        inbox.poll(&mut Vec::new(), &Arc::clone(&task).into());
        (inbox, task)
    }

    #[test]
    fn many_wakes_in_a_scope_cost_one() {
        let (inbox, task) = inbox_with_task();
        let connection = Arc::new(Count::default());
        let waker = ConnectionWaker::new(Arc::clone(&inbox), Arc::clone(&connection).into());
        collect(|| {
            for _ in 0..100 {
                waker.wake_by_ref();
            }
            assert_eq!(
                task.0.load(Ordering::Relaxed),
                0,
                "nothing goes out before the scope ends"
            );
        });
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        inbox.poll(&mut Vec::new(), &Arc::clone(&task).into());
        assert_eq!(connection.0.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_wake_outside_any_scope_goes_out_at_once() {
        let (inbox, task) = inbox_with_task();
        let waker = ConnectionWaker::new(inbox, Arc::new(Count::default()).into());
        waker.wake_by_ref();
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_own_worker_is_woken_directly() {
        std::thread::spawn(|| {
            become_worker(7);
            let (inbox, task) = inbox_with_task();
            let connection = Arc::new(Count::default());
            ConnectionWaker::new(inbox, Arc::clone(&connection).into()).wake_by_ref();
            assert_eq!(connection.0.load(Ordering::Relaxed), 1);
            assert_eq!(task.0.load(Ordering::Relaxed), 0);
        })
        .join()
        .unwrap();
    }
}
