//! The front that the rest of the server holds: hands batches over, tells their gates, asks the readers. It runs on any
//! executor or none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, MutexGuard, PoisonError, RwLock};
use std::task::Waker;

use serde::de::DeserializeOwned;

use crate::backend::{Backend, Inline, ReadJob, ReadRunner, Reader};
use crate::batch::Batch;
use crate::collection::{Collection, Declared, Map};
use crate::entry::BodyId;
use crate::error::StoreError;
use crate::gate::{Gate, Seq};
use crate::key::Key;
use crate::lock::FairLocks;
use crate::owner::Owner;
use crate::query::{Answer, Offers, Query};
use crate::question::Question;
use crate::queue::{Applied, Group, Queue};
use crate::settled::{Observer, Settled, Settlement};
use crate::watermark::Watermark;

/// The store. Clones are handles on the same one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Watermark<Queue>,
    /// Tells a driver's thread that something waits, or that the store closed.
    waiting: Condvar,
    newest_body: AtomicU64,
    offers: Offers,
    /// What was on disk at the start.
    collections: BTreeMap<String, u16>,
    locks: Arc<FairLocks>,
    runner: Arc<dyn ReadRunner>,
    observer: RwLock<Option<Arc<dyn Observer>>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.queue();
        f.debug_struct("Store")
            .field("submitted", &queue.submitted)
            .field("settled", &queue.fates.settled)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// What the front asks before it starts.
    const START: [Query; 3] = [Query::NewestBody, Query::Collections, Query::Offers];

    /// A store over what is on disk. `reader` is asked on the spot for what the front must know; `runner` runs all later
    /// reads. Somebody must drive the writing half: [`thread::spawn_writer`](crate::thread::spawn_writer), or
    /// [`turn`](Self::turn) in tests.
    ///
    /// # Errors
    ///
    /// What the reader says.
    pub fn start(reader: &mut dyn Reader, runner: Arc<dyn ReadRunner>) -> Result<Self, StoreError> {
        Ok(Self::new(reader.read(&Self::START)?, runner))
    }

    /// A store whose reads are answered on the spot, on the asker's thread: for tests and for tools.
    ///
    /// # Errors
    ///
    /// What the reader says.
    pub fn inline<R: Reader + 'static>(mut reader: R) -> Result<Self, StoreError> {
        let known = reader.read(&Self::START)?;
        Ok(Self::new(known, Arc::new(Inline::new(reader))))
    }

    /// Checks that this server reads everything it knows of what is on disk. To be asked once, before serving.
    ///
    /// # Errors
    ///
    /// [`StoreError::NewerCollection`] for the first collection that a newer server wrote.
    pub fn check(&self, declared: &[Declared]) -> Result<(), StoreError> {
        for collection in declared {
            let known = collection.version.0;
            match self.inner.collections.get(collection.name) {
                Some(found) if *found > known => {
                    let collection = collection.name.to_owned();
                    return Err(StoreError::NewerCollection {
                        collection,
                        found: *found,
                        known,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Hands a batch over and returns its place in the order. Never waits: it may be called under an account's lock.
    ///
    /// An empty batch is nothing to wait for and gets [`Seq::NONE`]. A batch that cannot be taken (too much waits, the
    /// store is closed) still gets a number, and fails.
    pub fn submit(&self, batch: Batch) -> Seq {
        if batch.is_empty() {
            return Seq::NONE;
        }
        let mut queue = self.queue();
        let seq = queue.push(batch);
        let driver_gone = queue.closed && queue.pending.len() == 1;
        if let Some(group) = driver_gone.then(|| queue.take()).flatten() {
            // Nobody may be left to settle it. The observer is not told, because the caller may hold locks it takes.
            drop(queue);
            let applied = group.fail(StoreError::Closed);
            let _nobody = self.note(&applied, &settlements(&applied));
            return seq;
        }
        let sleeps = std::mem::take(&mut queue.sleeps);
        drop(queue);
        if sleeps {
            self.inner.waiting.notify_one();
        }
        seq
    }

    /// The number of the newest batch so far; everything handed over until now is settled when it is.
    pub fn submitted(&self) -> Seq {
        Seq(self.queue().submitted)
    }

    /// How many batches wait or are being written.
    pub fn waiting(&self) -> usize {
        self.queue().pending.len()
    }

    /// What became of a batch. Cheap: one atomic load while nothing has failed.
    pub fn gate(&self, seq: Seq) -> Gate {
        self.inner.queue.gate(seq)
    }

    /// Waits until a batch is durable; `Err` when it failed.
    pub fn settled(&self, seq: Seq) -> Settled {
        Settled::new(self.clone(), seq)
    }

    /// Who hears of settled batches. There is one; a later one takes its place.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        *self
            .inner
            .observer
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// An id that no body has: for [`Batch::put_body`].
    pub fn new_body_id(&self) -> BodyId {
        BodyId(self.inner.newest_body.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What the back end can do that not every one can.
    pub fn offers(&self) -> Offers {
        self.inner.offers
    }

    /// Answers one question, or several from one snapshot. The read begins when the future is first polled, and sees
    /// everything that was durable then.
    ///
    /// # Errors
    ///
    /// What the disk says, or that a value does not read as its collection declares.
    pub async fn read<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        let mut queries = Vec::new();
        question.queries(&mut queries);
        let mut answers = self.read_all(queries).await?.into_iter();
        question.answer(&mut answers)
    }

    /// One value.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn get<K: Key, V: DeserializeOwned>(
        &self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
        key: &K,
    ) -> Result<Option<V>, StoreError> {
        self.read(map.get(owner, key)).await
    }

    /// All values of an owner whose key starts with `prefix` in text form, in key order.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn range<K: Key, V: DeserializeOwned>(
        &self,
        map: Collection<Map<K, V>>,
        owner: &Owner,
        prefix: &str,
    ) -> Result<Vec<(K, V)>, StoreError> {
        self.read(map.range(owner, prefix)).await
    }

    /// Answers queries of any kind from one snapshot, each at its place: for an owner's resident data, whose questions
    /// come from many features ([`Ask::query`](crate::Ask::query), [`Ask::decode`](crate::Ask::decode)).
    ///
    /// # Errors
    ///
    /// What the disk says; [`StoreError::Closed`] when the readers are gone.
    pub async fn read_all(&self, queries: Vec<Query>) -> Result<Vec<Answer>, StoreError> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let (job, reply) = ReadJob::new(queries);
        self.inner.runner.run(job);
        reply.await.unwrap_or(Err(StoreError::Closed))
    }

    /// For a driver: all batches that wait, unless there are none or a group is still out.
    pub fn take_pending(&self) -> Option<Group> {
        self.queue().take()
    }

    /// For a driver with a thread of its own: blocks until something waits; `None` once the store is closed and
    /// everything is settled.
    pub fn wait_pending(&self) -> Option<Group> {
        let mut queue = self.queue();
        loop {
            if let Some(group) = queue.take() {
                return Some(group);
            }
            if queue.closed {
                return None;
            }
            queue.sleeps = true;
            queue = self
                .inner
                .waiting
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// For a driver: gives a group back with its fate. Gates change first, then the observer hears, then waiters wake.
    pub fn settle(&self, applied: Applied) {
        let settlements = settlements(&applied);
        let woken = self.note(&applied, &settlements);
        let observer = self
            .inner
            .observer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(observer) = observer {
            for settlement in &settlements {
                observer.settled(settlement);
            }
        }
        for waker in woken {
            waker.wake();
        }
    }

    /// For a driver on the spot: writes all that waits, and says whether there was anything.
    pub fn turn(&self, backend: &mut dyn Backend) -> bool {
        self.turn_oldest(usize::MAX, backend)
    }

    /// The same, but writes the oldest batches only, at most so many: a test may stop between any two that waited
    /// together.
    pub fn turn_oldest(&self, most: usize, backend: &mut dyn Backend) -> bool {
        let group = self.queue().take_oldest(most);
        match group {
            Some(group) => {
                self.settle(group.apply(backend));
                true
            }
            None => false,
        }
    }

    /// Takes no more batches; what waits is still written. Then [`wait_pending`](Self::wait_pending) ends.
    pub fn close(&self) {
        self.queue().closed = true;
        self.inner.waiting.notify_all();
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.inner.queue.lock()
    }

    pub(crate) fn locks(&self) -> &Arc<FairLocks> {
        &self.inner.locks
    }

    /// The gate of `seq`; while it is pending, `waker` is kept under `ticket`.
    pub(crate) fn wait(&self, seq: Seq, ticket: &mut Option<u64>, waker: &Waker) -> Gate {
        self.inner.queue.wait(seq, ticket, waker)
    }

    pub(crate) fn forget_waiter(&self, seq: Seq, ticket: u64) {
        self.inner.queue.forget_waiter(seq, ticket);
    }

    fn new(known: Vec<Answer>, runner: Arc<dyn ReadRunner>) -> Self {
        let mut newest_body = 0;
        let mut collections = BTreeMap::new();
        let mut offers = Offers::default();
        for answer in known {
            match answer {
                Answer::Newest(id) => newest_body = id.unwrap_or(0),
                Answer::Collections(list) => collections = list.into_iter().collect(),
                Answer::Offers(known) => offers = known,
                _ => {}
            }
        }
        let inner = Inner {
            queue: Watermark::default(),
            waiting: Condvar::new(),
            newest_body: AtomicU64::new(newest_body),
            offers,
            collections,
            locks: Arc::default(),
            runner,
            observer: RwLock::new(None),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Records a group's fate; returns who waits for it.
    fn note(&self, applied: &Applied, settlements: &[Settlement]) -> Vec<Waker> {
        let mut queue = self.queue();
        for _ in &applied.outcomes {
            if let Some(batch) = queue.pending.pop_front() {
                queue.pending_bytes = queue.pending_bytes.saturating_sub(batch.size_bytes());
            }
        }
        queue.taken = false;
        let last = Seq(queue.fates.settled + applied.outcomes.len() as u64);
        let failed = settlements
            .iter()
            .filter(|settlement| settlement.outcome.is_err())
            .map(|settlement| (settlement.first, settlement.last));
        self.inner.queue.settle(&mut queue, last, failed)
    }
}

/// Neighbours with the same fate become one.
fn settlements(applied: &Applied) -> Vec<Settlement> {
    let mut runs: Vec<Settlement> = Vec::new();
    for (seq, outcome) in (applied.first.0..).map(Seq).zip(&applied.outcomes) {
        match runs.last_mut() {
            Some(run) if run.outcome == *outcome => run.last = seq,
            _ => runs.push(Settlement {
                first: seq,
                last: seq,
                outcome: outcome.clone(),
            }),
        }
    }
    runs
}
