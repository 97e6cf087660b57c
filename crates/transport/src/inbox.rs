//! Wake-ups for one worker, from all other threads: those of one delivery cost it one wake.

use std::{
    mem,
    sync::{Arc, PoisonError},
    task::Waker,
};

use crate::sync::Mutex;

/// Wake-ups for one worker, from all others.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) worker: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    wakers: Vec<Waker>,
    /// The worker's task that [polls](Inbox::poll).
    task: Option<Waker>,
}

impl Inbox {
    /// The inbox of worker number `worker`.
    pub(crate) fn new(worker: usize) -> Arc<Self> {
        Arc::new(Self {
            worker,
            state: Mutex::new(State::default()),
        })
    }

    /// Moves `wakers` in, leaving it empty, and wakes the worker if it does not know yet.
    pub(crate) fn deliver(&self, wakers: &mut Vec<Waker>) {
        if wakers.is_empty() {
            return;
        }
        let task = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let first = state.wakers.is_empty();
            state.wakers.append(wakers);
            if first { state.task.clone() } else { None }
        };
        if let Some(task) = task {
            task.wake();
        }
    }

    /// For the worker's `task`: wakes what others asked to. What comes later wakes `task`. `taken` is empty before and
    /// after.
    pub(crate) fn poll(&self, taken: &mut Vec<Waker>, task: &Waker) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state
                .task
                .as_ref()
                .is_none_or(|known| !known.will_wake(task))
            {
                state.task = Some(task.clone());
            }
            mem::swap(&mut state.wakers, taken);
        }
        taken.drain(..).for_each(Waker::wake);
    }
}
