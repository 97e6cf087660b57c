//! What a back end is: something synchronous that applies batches and answers queries. It never sees a task, a waker or
//! a clock; drivers (threads in the server, the virtual disk in tests) stand between it and the [`Store`](crate::Store).

use std::sync::{Arc, Mutex};

use crate::batch::Batch;
use crate::collection::Declared;
use crate::entry::EntryId;
use crate::error::StoreError;
use crate::limits::ID_MAX;
use crate::oneshot;
use crate::query::{Answer, Query};

/// The writing half: there is one, used by one driver.
pub trait Backend: Send {
    /// Stores all these batches in this order, in one transaction: on an error nothing of any of them is visible, now or
    /// after a crash. When it returns they are as durable as the back end is set to be, and every later
    /// [`Reader::read`] sees them.
    ///
    /// # Errors
    ///
    /// What the disk or the first impossible operation says.
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError>;
}

/// The reading half: there may be many, used side by side with the writer.
pub trait Reader: Send {
    /// Answers all queries from one snapshot, each at its place.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn read(&mut self, queries: &[Query]) -> Result<Vec<Answer>, StoreError>;
}

impl<B: Backend + ?Sized> Backend for Box<B> {
    fn apply(&mut self, batches: &[Arc<Batch>]) -> Result<(), StoreError> {
        (**self).apply(batches)
    }
}

impl<R: Reader + ?Sized> Reader for Box<R> {
    fn read(&mut self, queries: &[Query]) -> Result<Vec<Answer>, StoreError> {
        (**self).read(queries)
    }
}

/// Queries that wait for a reader, and whom to tell. Dropped unrun, the asker gets [`StoreError::Closed`].
#[derive(Debug)]
pub struct ReadJob {
    queries: Vec<Query>,
    reply: oneshot::Sender<Result<Vec<Answer>, StoreError>>,
}

impl ReadJob {
    pub(crate) fn new(
        queries: Vec<Query>,
    ) -> (Self, oneshot::Receiver<Result<Vec<Answer>, StoreError>>) {
        let (reply, receiver) = oneshot::channel();
        (Self { queries, reply }, receiver)
    }

    /// Reads and tells the asker.
    pub fn run(self, reader: &mut dyn Reader) {
        let answers = reader.read(&self.queries);
        self.reply.send(answers);
    }

    /// Tells the asker that it failed.
    pub fn fail(self, error: StoreError) {
        self.reply.send(Err(error));
    }
}

/// Where reads are run: a pool of threads in the server, the spot or a seeded delay in tests.
pub trait ReadRunner: Send + Sync {
    /// Runs the job now or later, never blocking the caller on a disk unless this is a test's runner.
    fn run(&self, job: ReadJob);
}

/// Runs every read on the spot, on the asker's thread: for tests and for tools without sessions.
#[derive(Debug)]
pub struct Inline<R>(Mutex<R>);

impl<R: Reader> Inline<R> {
    /// Reads from this reader.
    pub fn new(reader: R) -> Self {
        Self(Mutex::new(reader))
    }
}

impl<R: Reader> ReadRunner for Inline<R> {
    fn run(&self, job: ReadJob) {
        let mut reader = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        job.run(&mut *reader);
    }
}

/// Checks an id that is to be appended against the newest one its log ever had.
///
/// # Errors
///
/// [`StoreError::OutOfOrder`] when it is not above it, or does not fit a signed column.
pub fn check_append(
    log: &Declared,
    id: EntryId,
    newest: Option<EntryId>,
) -> Result<(), StoreError> {
    let newest = newest.map_or(0, |newest| newest.0);
    if id.0 <= newest || id.0 > ID_MAX {
        return Err(StoreError::OutOfOrder {
            collection: log.name,
            id: id.0,
            newest,
        });
    }
    Ok(())
}
