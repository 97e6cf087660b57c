//! A connection that waits for what other threads do: for its outbox by the session's slot, for its worker by the
//! worker's inbox.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use loom::{
    future::block_on,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{inbox::Inbox, model, waker::WakerSlot};

/// A session as far as waking goes: the outbox says whether it was empty, and only then the connection is woken.
#[derive(Default)]
struct Session {
    outbox: Mutex<VecDeque<u32>>,
    slot: WakerSlot,
}

impl Session {
    fn push(&self, frame: u32) {
        let first = {
            let mut outbox = self.outbox.lock().expect("no panic under it");
            outbox.push_back(frame);
            outbox.len() == 1
        };
        if first {
            self.slot.wake();
        }
    }

    /// Takes frames as a connection does, until it has so many.
    fn take(&self, count: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        block_on(poll_fn(|cx: &mut Context<'_>| {
            self.slot.watch(cx.waker());
            taken.extend(self.outbox.lock().expect("no panic under it").drain(..));
            match taken.len() == count {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
        taken
    }
}

#[test]
fn what_is_queued_is_seen() {
    model(|| {
        let session = Arc::new(Session::default());
        let senders = [1, 2].map(|frame| {
            let session = session.clone();
            thread::spawn(move || session.push(frame))
        });
        let mut taken = session.take(2);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        for sender in senders {
            sender.join().expect("a sender ends");
        }
    });
}

#[test]
fn one_sender_s_frames_stay_in_order() {
    model(|| {
        let session = Arc::new(Session::default());
        let sender = thread::spawn({
            let session = session.clone();
            move || (1..=3).for_each(|frame| session.push(frame))
        });
        assert_eq!(session.take(3), [1, 2, 3]);
        sender.join().expect("the sender ends");
    });
}

/// A task that counts how often it is woken.
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[test]
fn a_worker_misses_no_wake_up() {
    model(|| {
        let inbox = Inbox::new(0);
        let connection = Arc::new(Count(AtomicUsize::new(0)));
        let others = [1, 2].map(|_| {
            let inbox = inbox.clone();
            let waker = Waker::from(connection.clone());
            thread::spawn(move || inbox.deliver(&mut vec![waker]))
        });
        let mut taken = Vec::new();
        block_on(poll_fn(|cx: &mut Context<'_>| {
            inbox.poll(&mut taken, cx.waker());
            match connection.0.load(Ordering::Acquire) {
                2 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        for other in others {
            other.join().expect("the other ends");
        }
        assert_eq!(inbox.worker, 0);
    });
}
