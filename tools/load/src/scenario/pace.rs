//! When a pair may write: as soon as its window has room, or when it is due, however slow the server is.
//!
//! What is due is told by a thread of its own, to which the tool's timers, that count milliseconds, are too coarse.
//! A message's time counts from when it was due, not from when it could be written, so that a server that makes the
//! tool wait does not look better for it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::spawn_local};

use crate::clock;

/// When a pair may write.
#[derive(Clone, Debug)]
pub(super) enum Pace {
    /// So many messages may be in flight.
    Window(u64),
    /// These messages are due.
    Due(Rc<Due>),
}

/// Messages of one pair that are due and have not been written.
#[derive(Debug, Default)]
pub(super) struct Due {
    times: RefCell<VecDeque<Instant>>,
    waker: RefCell<Option<Waker>>,
}

impl Due {
    /// The time of the next message that is due.
    pub(super) fn take(&self) -> Option<Instant> {
        self.times.borrow_mut().pop_front()
    }

    /// Whoever polls is woken when something is due.
    pub(super) fn register(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
    }

    /// Wakes the pair, to see what is due or that all is over.
    pub(super) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Tells pairs in turn that a message is due, `rate` times a second, until this is dropped.
pub(super) struct Schedule {
    pairs: Vec<Rc<Due>>,
    is_over: Rc<Cell<bool>>,
}

impl Schedule {
    pub(super) fn start(pairs: Vec<Rc<Due>>, rate: f64) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        thread::spawn(move || tell(rate, &sender));
        let is_over = Rc::new(Cell::new(false));
        let (all, over) = (pairs.clone(), Rc::clone(&is_over));
        spawn_local(async move {
            let mut turn = all.iter().cycle();
            while let (Some(due), Some(pair)) = (receiver.recv().await, turn.next()) {
                if over.get() {
                    break;
                }
                pair.times.borrow_mut().push_back(due);
                pair.wake();
            }
        });
        Self { pairs, is_over }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.is_over.set(true);
        for pair in &self.pairs {
            pair.times.borrow_mut().clear();
            pair.wake();
        }
    }
}

/// Sends each time when it has come, until nobody listens.
#[expect(clippy::disallowed_methods, reason = "this thread is a clock")]
fn tell(rate: f64, listener: &mpsc::UnboundedSender<Instant>) {
    let start = clock::now();
    for number in 0_u64.. {
        let due = start + Duration::from_secs_f64(number as f64 / rate);
        let early = due.saturating_duration_since(clock::now());
        if !early.is_zero() {
            thread::sleep(early);
        }
        if listener.send(due).is_err() {
            return;
        }
    }
}
