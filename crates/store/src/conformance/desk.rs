//! A small place to work at: a store over a bench, driven by hand.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use jid::{BareJid, Domain};

use super::Bench;
use crate::backend::Backend;
use crate::batch::Batch;
use crate::collection::{Collection, Log, Map, Searchable, Spoken, Version};
use crate::entry::{Entry, EntryId};
use crate::error::StoreError;
use crate::owner::Owner;
use crate::question::Question;
use crate::store::Store;

/// Plain values.
pub(super) const NOTES: Collection<Map<String, String>> = Collection::new("test.notes", Version(1));
/// Other values of the same owners.
pub(super) const COUNTS: Collection<Map<String, u64>> = Collection::new("test.counts", Version(1));
/// A log, searchable by all it holds.
pub(super) const MESSAGES: Collection<Log<u64>> = Collection::new("test.messages", Version(1))
    .searchable(Searchable {
        version: 1,
        text: all_it_holds,
    });
/// The same to somebody who does not search it.
pub(super) const SILENT: Collection<Log<u64>> = Collection::new("test.messages", Version(1));
/// Another log of the same owners.
pub(super) const EVENTS: Collection<Log<()>> = Collection::new("test.events", Version(1));

fn all_it_holds(spoken: &Spoken<'_>) -> Option<String> {
    let body = spoken.body.unwrap_or_default();
    (spoken.class != 2).then(|| format!("{} {body}", spoken.xml))
}

/// An open store and its back end.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) backend: Box<dyn Backend>,
}

impl Desk {
    pub(super) fn open(bench: &mut impl Bench) -> Result<Self, StoreError> {
        let (backend, reader) = bench.open()?;
        Ok(Self {
            store: Store::inline(reader)?,
            backend,
        })
    }

    /// Builds a batch and stores it alone.
    pub(super) fn apply(&mut self, build: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        build(&mut batch);
        self.backend.apply(&[Arc::new(batch)])
    }

    /// Asks on the spot.
    pub(super) fn ask<Q: Question>(&mut self, question: Q) -> Result<Q::Answer, StoreError> {
        let store = self.store.clone();
        self.run(store.read(question))
    }

    /// Runs a future to its end, writing whenever it waits.
    pub(super) fn run<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            assert!(
                self.store.turn(&mut *self.backend),
                "the future waits for something that never comes"
            );
        }
    }
}

/// Runs a future to its end on this thread, sleeping while it waits for others.
pub(super) fn wait_for<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// An account of example.org.
pub(super) fn account(name: &str) -> Owner {
    Owner::Account(
        BareJid::parse(&format!("{name}@example.org")).expect("test names are valid local parts"),
    )
}

/// A room, with the same address as the account of that name.
pub(super) fn room(name: &str) -> Owner {
    Owner::Room(
        BareJid::parse(&format!("{name}@example.org")).expect("test names are valid local parts"),
    )
}

/// A virtual host.
pub(super) fn host() -> Owner {
    Owner::Host(Domain::parse("example.org").expect("a valid domain"))
}

/// An entry with a text of its own.
pub(super) fn entry(id: u64) -> Entry<u64> {
    let mut entry = Entry::new(
        EntryId(id),
        1_000_000_i64.wrapping_mul(id as i64),
        id.wrapping_mul(10),
    );
    entry.xml = format!("<entry n='{id}'/>").into();
    entry
}
