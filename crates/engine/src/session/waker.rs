//! Whom to wake when something changes for a connection. Who waits first says so and then looks; who changes something
//! does so first and then wakes.

use std::{sync::PoisonError, task::Waker};

use crate::sync::Mutex;

/// The waker of a session's connection.
#[derive(Debug, Default)]
pub(crate) struct WakerSlot(Mutex<Option<Waker>>);

impl WakerSlot {
    /// From now on `waker` is woken.
    pub(crate) fn watch(&self, waker: &Waker) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *slot {
            Some(known) => known.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Wakes who watches. It stays watched: there may be more to come before it looks.
    pub(crate) fn wake(&self) {
        let waker = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
