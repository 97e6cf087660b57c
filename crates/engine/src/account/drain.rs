//! What an account sends, in order: a queue that one drainer at a time empties, under the account's lock.

use std::collections::VecDeque;

/// The queue, and whether somebody drains it.
#[derive(Debug)]
pub(crate) struct DrainQueue<T> {
    waiting: VecDeque<T>,
    draining: bool,
}

impl<T> Default for DrainQueue<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            draining: false,
        }
    }
}

impl<T> DrainQueue<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.waiting.push_back(item);
    }

    /// What waits.
    pub(crate) fn waiting(&mut self) -> &mut VecDeque<T> {
        &mut self.waiting
    }

    /// Makes the caller the drainer, if there is something to drain and nobody does. It then calls
    /// [`next`](Self::next) until that gives nothing.
    pub(crate) fn claim(&mut self) -> bool {
        let claimed = !self.draining && !self.waiting.is_empty();
        self.draining |= claimed;
        claimed
    }

    /// For the drainer: what is next, as `pop` takes it. With `None` it is the drainer no more.
    pub(crate) fn next(&mut self, pop: fn(&mut VecDeque<T>) -> Option<T>) -> Option<T> {
        let next = pop(&mut self.waiting);
        self.draining = next.is_some();
        next
    }

    /// What came last, if more than `len` wait.
    pub(crate) fn last_beyond(&mut self, len: usize) -> Option<&mut T> {
        match self.waiting.len() > len {
            true => self.waiting.back_mut(),
            false => None,
        }
    }

    /// Whether nothing waits and nothing is on its way.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.is_empty() && !self.draining
    }

    /// Gives up what waits.
    pub(crate) fn take(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.waiting)
    }
}
