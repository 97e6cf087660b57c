//! Fair asynchronous locks of (owner, collection), one queue of tickets each; the front ticket holds the lock.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::owner::Owner;

type Name = (Owner, &'static str);

/// All locks that anybody holds or waits for.
#[derive(Debug, Default)]
pub(crate) struct FairLocks(Mutex<Tickets>);

#[derive(Debug, Default)]
struct Tickets {
    newest: u64,
    queues: BTreeMap<Name, VecDeque<(u64, Option<Waker>)>>,
}

impl FairLocks {
    /// Takes a place in the queue; the lock is held once [`Ticket::turn`] resolves and until the ticket is dropped.
    pub(crate) fn ticket(self: &Arc<Self>, owner: &Owner, collection: &'static str) -> Ticket {
        let name = (owner.clone(), collection);
        let mut tickets = self.tickets();
        tickets.newest += 1;
        let number = tickets.newest;
        tickets
            .queues
            .entry(name.clone())
            .or_default()
            .push_back((number, None));
        drop(tickets);
        Ticket {
            locks: Arc::clone(self),
            name,
            number,
        }
    }

    fn tickets(&self) -> std::sync::MutexGuard<'_, Tickets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a lock's queue.
#[derive(Debug)]
pub(crate) struct Ticket {
    locks: Arc<FairLocks>,
    name: Name,
    number: u64,
}

impl Ticket {
    /// Resolves when all earlier tickets are gone.
    pub(crate) fn turn(&mut self) -> Turn<'_> {
        Turn(self)
    }
}

/// See [`Ticket::turn`].
pub(crate) struct Turn<'a>(&'a mut Ticket);

impl Future for Turn<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut tickets = self.0.locks.tickets();
        let Some(queue) = tickets.queues.get_mut(&self.0.name) else {
            return Poll::Ready(());
        };
        if queue
            .front()
            .is_some_and(|(front, _)| *front == self.0.number)
        {
            return Poll::Ready(());
        }
        if let Some((_, waker)) = queue
            .iter_mut()
            .find(|(number, _)| *number == self.0.number)
        {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let next = {
            let mut tickets = self.locks.tickets();
            let Some(queue) = tickets.queues.get_mut(&self.name) else {
                return;
            };
            queue.retain(|(number, _)| *number != self.number);
            let next = queue.front_mut().and_then(|(_, waker)| waker.take());
            if queue.is_empty() {
                tickets.queues.remove(&self.name);
            }
            next
        };
        if let Some(waker) = next {
            waker.wake();
        }
    }
}
