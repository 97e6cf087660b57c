//! Texts that the owner has sent and recipients' mailboxes have not referred to yet. Between the sender's batch and the
//! recipient's, a text is held by the sender's entry alone: what takes that entry away waits until all of them have
//! landed.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

/// What holds the texts that were sent since somebody last waited: it ends when the last of them has landed.
#[derive(Default)]
pub(crate) struct Flight {
    wakers: Mutex<Vec<Waker>>,
}

impl Flight {
    fn wake_later(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let wakers = self.wakers.get_mut();
        for waker in wakers.unwrap_or_else(PoisonError::into_inner).drain(..) {
            waker.wake();
        }
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flight")
    }
}

/// All that is under way of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    newest: Option<Arc<Flight>>,
    /// Those that somebody waits for.
    before: Vec<Weak<Flight>>,
}

impl Flights {
    /// For a text that is about to go.
    pub(crate) fn newest(&mut self) -> Arc<Flight> {
        self.newest.get_or_insert_default().clone()
    }

    /// What is under way now. What is sent from now on is not waited for.
    pub(crate) fn landing(&mut self) -> Landing {
        self.before.retain(|flight| flight.strong_count() > 0);
        if let Some(newest) = self.newest.take() {
            self.before.push(Arc::downgrade(&newest));
        }
        Landing(self.before.clone())
    }

    /// Whether anything is under way.
    pub(crate) fn are_under_way(&self) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| Arc::strong_count(newest) > 1)
            || self.before.iter().any(|it| it.strong_count() > 0)
    }
}

/// Resolves when everything that was under way has landed: each recipient's batch was handed over, or there is none.
#[derive(Debug, Default)]
#[must_use = "a future does nothing by itself"]
pub struct Landing(Vec<Weak<Flight>>);

impl Future for Landing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(flight) = self.0.last().map(Weak::upgrade) {
            if let Some(flight) = flight {
                flight.wake_later(cx.waker());
                // If this is the last hold on it, it wakes whom it was just told of.
                return Poll::Pending;
            }
            self.0.pop();
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_sent_later_is_not_waited_for() {
        let mut flights = Flights::default();
        let (first, second) = (flights.newest(), flights.newest());
        let mut landing = flights.landing();
        let later = flights.newest();
        let woken = Arc::new(Woken::default());
        assert!(!is_over(&mut landing, &woken));
        drop(first);
        assert!(!is_over(&mut landing, &woken));
        drop(second);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(is_over(&mut landing, &woken));
        assert!(flights.are_under_way());
        drop(later);
        assert!(!flights.are_under_way());
    }

    #[test]
    fn who_waits_later_waits_for_all_before() {
        let mut flights = Flights::default();
        let first = flights.newest();
        let _one = flights.landing();
        let second = flights.newest();
        let mut other = flights.landing();
        let woken = Arc::new(Woken::default());
        drop(second);
        assert!(!is_over(&mut other, &woken));
        drop(first);
        assert!(is_over(&mut other, &woken));
        assert!(is_over(&mut Flights::default().landing(), &woken));
    }

    fn is_over(landing: &mut Landing, woken: &Arc<Woken>) -> bool {
        let waker = Waker::from(woken.clone());
        Pin::new(landing)
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    }
}
