//! A worker's deadlines: one ordered queue and one tokio timer for all its connections.
//!
//! A connection arms its slot with its next deadline. A deadline that moves later costs nothing:
//! the slot fires at the earlier time, the connection sees that nothing is due and arms again.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::clock;

thread_local! {
    static QUEUE: RefCell<Queue> = RefCell::new(Queue::default());
}

#[derive(Default)]
struct Queue {
    entries: BTreeMap<(Instant, u64), Waker>,
    next_id: u64,
    /// The task of [`run`], and until when it sleeps.
    sleeper: Option<Waker>,
    asleep_until: Option<Instant>,
}

/// One connection's place in the queue of its worker.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    armed: Option<(Instant, u64)>,
}

impl Slot {
    /// Wakes the task of `cx` at `deadline` at the latest; it may be woken earlier.
    pub(crate) fn arm(&mut self, deadline: Instant, now: Instant, cx: &Context<'_>) {
        if let Some(key) = self.armed {
            if key.0 > now && key.0 <= deadline {
                return;
            }
            self.disarm();
        }
        QUEUE.with_borrow_mut(|queue| {
            let key = (deadline, queue.next_id);
            queue.next_id = queue.next_id.wrapping_add(1);
            queue.entries.insert(key, cx.waker().clone());
            self.armed = Some(key);
            if queue.asleep_until.is_none_or(|until| deadline < until) {
                queue.asleep_until = Some(deadline);
                if let Some(sleeper) = &queue.sleeper {
                    sleeper.wake_by_ref();
                }
            }
        });
    }

    /// Forgets the deadline.
    pub(crate) fn disarm(&mut self) {
        if let Some(key) = self.armed.take() {
            // The queue is gone when the thread is being torn down.
            let _ = QUEUE.try_with(|queue| queue.borrow_mut().entries.remove(&key));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// The worker's timer task: sleeps until the earliest deadline and wakes what is due.
pub(crate) async fn run() {
    let mut sleep = pin!(tokio::time::sleep(Duration::ZERO));
    poll_fn(move |cx| -> Poll<()> {
        loop {
            let next = wake_due(clock::now(), cx);
            let Some(next) = next else {
                return Poll::Pending;
            };
            sleep.as_mut().reset(next.into());
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}

/// Wakes everything due and returns the next deadline.
fn wake_due(now: Instant, cx: &Context<'_>) -> Option<Instant> {
    QUEUE.with_borrow_mut(|queue| {
        while let Some(entry) = queue.entries.first_entry() {
            if entry.key().0 > now {
                break;
            }
            entry.remove().wake();
        }
        if queue
            .sleeper
            .as_ref()
            .is_none_or(|sleeper| !sleeper.will_wake(cx.waker()))
        {
            queue.sleeper = Some(cx.waker().clone());
        }
        queue.asleep_until = queue.entries.first_key_value().map(|(key, _)| key.0);
        queue.asleep_until
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Polls until `fired` or `limit`; each slot wakes the block-on task.
    fn fires_after(deadlines_ms: &[u64]) -> Duration {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::spawn(run());
            let start = clock::now();
            let mut slots: Vec<Slot> = deadlines_ms.iter().map(|_| Slot::default()).collect();
            let last = start + Duration::from_millis(*deadlines_ms.last().unwrap());
            poll_fn(|cx| {
                let now = clock::now();
                if now >= last {
                    return Poll::Ready(());
                }
                for (slot, ms) in slots.iter_mut().zip(deadlines_ms) {
                    let deadline = start + Duration::from_millis(*ms);
                    if deadline > now {
                        slot.arm(deadline, now, cx);
                    }
                }
                Poll::Pending
            })
            .await;
            clock::now() - start
        })
    }

    #[test]
    fn a_slot_fires_at_its_deadline_and_not_before() {
        let took = fires_after(&[30]);
        assert!(
            took >= Duration::from_millis(30) && took < Duration::from_secs(5),
            "{took:?}"
        );
    }

    #[test]
    fn an_earlier_deadline_armed_later_is_seen() {
        let took = fires_after(&[5_000, 1_000, 20]);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }

    #[test]
    fn a_dropped_slot_leaves_nothing_behind() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(poll_fn(|cx| {
            let now = clock::now();
            let mut slot = Slot::default();
            slot.arm(now + Duration::from_secs(9), now, cx);
            slot.arm(now + Duration::from_secs(3), now, cx);
            drop(slot);
            Poll::Ready(())
        }));
        assert_eq!(QUEUE.with_borrow(|queue| queue.entries.len()), 0);
    }
}
