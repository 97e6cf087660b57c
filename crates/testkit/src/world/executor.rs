//! Tasks, timers and the clocks of a world: one thread, virtual time, order by seed.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

use engine::{Environment, Homes, Task};
use stanza::Timestamp;

use super::random::Random;

/// The moment every world begins at: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000_000;

/// What the engine sees of a world.
pub(super) struct VirtualWorld {
    state: Mutex<State>,
    /// Set by wakers, which may be called under the other lock's shadow.
    woken: Arc<Mutex<Vec<usize>>>,
}

struct State {
    random: Random,
    secrets: Random,
    origin: Instant,
    elapsed: Duration,
    new_tasks: Vec<Task>,
    jobs: Vec<Box<dyn FnOnce() + Send>>,
    tasks: BTreeMap<usize, Task>,
    next_task: usize,
    timers: BTreeMap<(Instant, u64), Waker>,
    next_timer: u64,
}

impl VirtualWorld {
    /// A world of its own for `seed`.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    pub(super) fn new(seed: u64) -> Arc<Self> {
        Self::since(seed, Instant::now())
    }

    /// Another one that begins at the same moment; both clocks have to be moved.
    #[must_use]
    pub(super) fn beside(&self, seed: u64) -> Arc<Self> {
        Self::since(seed, self.state().origin)
    }

    fn since(seed: u64, origin: Instant) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                random: Random::new(seed),
                secrets: Random::new(seed.rotate_left(17)),
                origin,
                elapsed: Duration::ZERO,
                new_tasks: Vec::new(),
                jobs: Vec::new(),
                tasks: BTreeMap::new(),
                next_task: 0,
                timers: BTreeMap::new(),
                next_timer: 0,
            }),
            woken: Arc::default(),
        })
    }

    /// How long the world has lasted.
    #[must_use]
    pub(super) fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    /// Runs one task, job or freshly spawned task, chosen by the seed. Whether there was one.
    pub(super) fn step(&self) -> bool {
        self.adopt();
        if let Some(job) = self.pick_job() {
            job();
            return true;
        }
        let Some((id, mut task)) = self.pick_task() else {
            return false;
        };
        let waker = Waker::from(Arc::new(TaskWaker {
            id,
            woken: self.woken.clone(),
        }));
        let done = task
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready();
        if !done {
            self.state().tasks.insert(id, task);
        }
        true
    }

    /// When the next timer rings.
    #[must_use]
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.state().timers.keys().next().map(|(when, _)| *when)
    }

    /// Moves the clock to `when`, never back, and rings what is due.
    pub(super) fn advance_to(&self, when: Instant) {
        let mut due = Vec::new();
        {
            let mut state = self.state();
            let now = state.origin + state.elapsed;
            if when > now {
                state.elapsed += when - now;
            }
            let now = state.origin + state.elapsed;
            while let Some(entry) = state.timers.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                due.push(entry.remove());
            }
        }
        for waker in due {
            waker.wake();
        }
    }

    /// Everything that runs or waits is gone, as after a kill.
    pub(super) fn forget_tasks(&self) {
        // What is dropped may spawn, as it would in a process that lives on.
        loop {
            let dropped = {
                let mut state = self.state();
                state.timers.clear();
                (
                    std::mem::take(&mut state.tasks),
                    std::mem::take(&mut state.new_tasks),
                    std::mem::take(&mut state.jobs),
                )
            };
            if dropped.0.is_empty() && dropped.1.is_empty() && dropped.2.is_empty() {
                break;
            }
            drop(dropped);
        }
        self.woken().clear();
    }

    fn adopt(&self) {
        let mut state = self.state();
        for task in std::mem::take(&mut state.new_tasks) {
            let id = state.next_task;
            state.next_task += 1;
            state.tasks.insert(id, task);
            self.woken().push(id);
        }
    }

    fn pick_job(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let mut state = self.state();
        if state.jobs.is_empty() {
            return None;
        }
        let count = state.jobs.len();
        let index = state.random.below(count);
        Some(state.jobs.swap_remove(index))
    }

    fn pick_task(&self) -> Option<(usize, Task)> {
        let mut state = self.state();
        loop {
            let id = {
                let mut woken = self.woken();
                if woken.is_empty() {
                    return None;
                }
                let index = state.random.below(woken.len());
                woken.swap_remove(index)
            };
            if let Some(task) = state.tasks.remove(&id) {
                return Some((id, task));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn woken(&self) -> MutexGuard<'_, Vec<usize>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TaskWaker {
    id: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.woken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.id);
    }
}

/// The world as an engine gets it: a handle, because the world also belongs to the test.
pub(super) struct Handle {
    world: Arc<VirtualWorld>,
    homes: Option<Arc<dyn Homes>>,
    /// How often the machine was started.
    boot: u32,
}

impl Handle {
    pub(super) fn new(world: Arc<VirtualWorld>, homes: Option<Arc<dyn Homes>>, boot: u32) -> Self {
        Self { world, homes, boot }
    }
}

impl Environment for Handle {
    fn now(&self) -> Instant {
        let state = self.world.state();
        state.origin + state.elapsed
    }

    fn timestamp(&self) -> Timestamp {
        let micros = i64::try_from(self.world.state().elapsed.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(BEGINNING.saturating_add(micros))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.world.state().secrets.fill(bytes);
    }

    fn spawn(&self, task: Task) {
        self.world.state().new_tasks.push(task);
    }

    fn sleep_until(&self, deadline: Instant) -> Task {
        Box::pin(Sleep {
            world: self.world.clone(),
            deadline,
            key: None,
        })
    }

    fn boot_id(&self) -> Option<String> {
        Some(format!("boot {}", self.boot))
    }

    fn homes(&self) -> Option<Arc<dyn Homes>> {
        self.homes.clone()
    }

    fn compute(&self, job: Box<dyn FnOnce() + Send>) {
        self.world.state().jobs.push(job);
    }
}

struct Sleep {
    world: Arc<VirtualWorld>,
    deadline: Instant,
    key: Option<(Instant, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let world = self.world.clone();
        let mut state = world.state();
        if let Some(key) = self.key.take() {
            state.timers.remove(&key);
        }
        if state.origin + state.elapsed >= self.deadline {
            return Poll::Ready(());
        }
        let key = (self.deadline, state.next_timer);
        state.next_timer += 1;
        state.timers.insert(key, cx.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.world.state().timers.remove(&key);
            drop(waker);
        }
    }
}
