//! What the engine asks of the world, from tokio and the operating system.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use engine::{Environment, Task};
use ring::rand::{SecureRandom, SystemRandom};
use stanza::Timestamp;
use tokio::runtime::Handle;

use crate::{clock, transport::Transport};

/// The engine's edge in the server. Tasks run on the runtime that asks for them; what comes from
/// a thread without one (the store's) goes to the workers in turn.
#[derive(Debug)]
pub struct SystemEnvironment {
    workers: OnceLock<Vec<Handle>>,
    next: AtomicUsize,
    random: SystemRandom,
}

impl SystemEnvironment {
    /// An environment without workers yet: the engine is built before them.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            workers: OnceLock::new(),
            next: AtomicUsize::new(0),
            random: SystemRandom::new(),
        })
    }

    /// Lets tasks run on the workers of `transport`. Only the first call counts.
    pub fn use_workers(&self, transport: &Transport) {
        self.workers.get_or_init(|| transport.runtimes());
    }

    fn runtime(&self) -> Option<Handle> {
        Handle::try_current().ok().or_else(|| {
            let workers = self.workers.get()?;
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            workers.get(turn.checked_rem(workers.len())?).cloned()
        })
    }
}

impl Environment for SystemEnvironment {
    fn now(&self) -> Instant {
        clock::now()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the edge: time enters here"
    )]
    fn timestamp(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.random
            .fill(bytes)
            .expect("the system gives random bytes; without them nothing is safe");
    }

    fn spawn(&self, task: Task) {
        match self.runtime() {
            Some(runtime) => drop(runtime.spawn(task)),
            None => tracing::error!("a task came from a thread before any worker ran; it is lost"),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> Task {
        Box::pin(async move { tokio::time::sleep_until(deadline.into()).await })
    }

    fn boot_id(&self) -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    }

    fn compute(&self, job: Box<dyn FnOnce() + Send>) {
        match self.runtime() {
            Some(runtime) => drop(runtime.spawn_blocking(job)),
            None => job(),
        }
    }
}
