//! What the engine asks of the world: clocks, randomness, a place to run tasks.
//!
//! The engine has no socket, thread, clock or generator of its own. `transport` implements this
//! trait on tokio and the operating system, `testkit` on a seeded executor with virtual time.

use std::{future::Future, pin::Pin, sync::Arc, task::Poll, time::Instant};

use stanza::Timestamp;

use crate::homes::Homes;

/// A task that runs to its end wherever the environment puts it.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// The edge of the engine: everything that would make a run differ from the next.
pub trait Environment: Send + Sync + 'static {
    /// The monotonic clock, for deadlines.
    fn now(&self) -> Instant;

    /// The wall clock in microseconds UTC, for what users see.
    fn timestamp(&self) -> Timestamp;

    /// Fills `bytes` from the generator used for tokens, nonces and ids nobody may guess.
    fn fill_random(&self, bytes: &mut [u8]);

    /// Runs `task` to its end; it is polled on some worker and never dropped before it ends,
    /// except when the process stops.
    fn spawn(&self, task: Task);

    /// Completes at `deadline`.
    fn sleep_until(&self, deadline: Instant) -> Task;

    /// Names the boot of the machine: another one means that what was not forced to disk before may be lost. `None`
    /// where that is not known.
    fn boot_id(&self) -> Option<String> {
        None
    }

    /// Where accounts live that do not live here; `None` when all do.
    fn homes(&self) -> Option<Arc<dyn Homes>> {
        None
    }

    /// Runs CPU-heavy `job` (a password's PBKDF2) where it holds up no worker.
    fn compute(&self, job: Box<dyn FnOnce() + Send>);
}

/// `N` random bytes.
pub(crate) fn random_bytes<const N: usize>(environment: &dyn Environment) -> [u8; N] {
    let mut bytes = [0; N];
    environment.fill_random(&mut bytes);
    bytes
}

/// A random identifier of 128 bits in lower-case base 32, 26 characters: for stream ids, resources
/// and IQ ids that others must not guess.
pub(crate) fn random_id(environment: &dyn Environment) -> String {
    readable_id(random_bytes(environment))
}

/// 128 bits as such an identifier.
pub(crate) fn readable_id(bytes: [u8; 16]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut value = u128::from_le_bytes(bytes);
    let mut text = String::with_capacity(26);
    for _ in 0..26 {
        let index = usize::try_from(value & 31).unwrap_or(0);
        text.push(ALPHABET.get(index).copied().map_or('a', char::from));
        value >>= 5;
    }
    text
}

/// Gives the worker to whoever waits for it, once.
pub(crate) async fn let_others_work() {
    let mut has_yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
