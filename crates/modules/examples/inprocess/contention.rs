//! Messages between pairs of sessions on several threads: what the server's locks and shared counters cost.
//!
//! Half of the pairs have both ends on one worker, half on two. Each end answers each message with one, so that every
//! pair always has one on its way and no worker is ever without work.

use std::{
    cell::{Cell, RefCell},
    fs,
    sync::{
        Arc, Barrier, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use crate::world::{HOST, Link, World};

const PAIRS: usize = 1_000;

/// How long the workers carry messages.
const TIME: Duration = Duration::from_secs(2);

/// Lets `workers` threads carry messages and prints how it went; `false` when there are none to do it.
pub(crate) fn run(workers: usize) -> bool {
    if workers == 0 {
        return false;
    }
    let world = World::new();
    let hands = share(&world, workers);
    let start = Barrier::new(workers);
    let stop = AtomicBool::new(false);
    let done: Vec<Done> = thread::scope(|scope| {
        let threads: Vec<_> = hands
            .into_iter()
            .enumerate()
            .map(|(number, hand)| {
                let (world, start, stop) = (&world, &start, &stop);
                scope.spawn(move || hand.work(world, number, start, stop))
            })
            .collect();
        let done = threads.into_iter().map(|thread| thread.join());
        done.map(|done| done.expect("no worker panics")).collect()
    });
    let messages: u64 = done.iter().map(|done| done.messages).sum();
    let wall = done.iter().map(|done| done.wall).max().unwrap_or_default();
    let processor: u64 = done.iter().map(|done| done.processor_nanos).sum();
    println!("{messages} {} {processor}", wall.as_nanos());
    true
}

/// What one worker did.
struct Done {
    messages: u64,
    wall: Duration,
    processor_nanos: u64,
}

/// One end of a pair.
struct End {
    link: Link,
    bell: Arc<Bell>,
    /// What it says whenever it was told something.
    text: String,
}

/// What one worker has.
struct Hand {
    ends: Vec<End>,
    inbox: Arc<Inbox>,
}

/// Ends that another worker woke.
#[derive(Default)]
struct Inbox(Mutex<Vec<usize>>);

thread_local! {
    /// Which worker this thread is.
    static WORKER: Cell<Option<usize>> = const { Cell::new(None) };
    /// Ends of its own that it woke itself.
    static READY: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Signs everybody in and deals the ends out.
fn share(world: &World, workers: usize) -> Vec<Hand> {
    let mut hands: Vec<Hand> = (0..workers)
        .map(|_| Hand {
            ends: Vec::new(),
            inbox: Arc::default(),
        })
        .collect();
    for pair in 0..PAIRS {
        for (side, other) in [("a", "b"), ("b", "a")] {
            let name = format!("{side}{pair}");
            world.add_account(&name);
            let mut link = world.sign_in(&name, "home");
            // The second end of every other pair is on the next worker.
            let apart = usize::from(side == "b" && (pair / workers) % 2 == 1);
            let worker = (pair + apart) % workers;
            let Some(hand) = hands.get_mut(worker) else {
                continue;
            };
            let bell = Arc::new(Bell {
                worker,
                end: hand.ends.len(),
                rung: AtomicBool::new(false),
                inbox: hand.inbox.clone(),
            });
            link.wake_through(Waker::from(bell.clone()));
            link.turn(world.now());
            let text = format!(
                "<message to='{other}{pair}@{HOST}/home' type='chat' id='k1'><body>Neither, fair saint, if either thee dislike.</body></message>"
            );
            hand.ends.push(End { link, bell, text });
        }
    }
    hands
}

impl Hand {
    /// Carries messages until somebody says `stop`, which the first worker does.
    fn work(mut self, world: &World, number: usize, start: &Barrier, stop: &AtomicBool) -> Done {
        WORKER.set(Some(number));
        start.wait();
        let (began, processor) = (now(), processor_nanos());
        for end in self
            .ends
            .iter_mut()
            .filter(|end| end.text.contains("to='b"))
        {
            end.say(world);
        }
        let mut messages = 0;
        while !stop.load(Ordering::Relaxed) {
            if number == 0 && now() - began >= TIME {
                stop.store(true, Ordering::Relaxed);
            }
            let mut ready = READY.take();
            ready.append(&mut self.inbox.lock());
            if ready.is_empty() {
                thread::yield_now();
            }
            for end in ready {
                if let Some(end) = self.ends.get_mut(end) {
                    messages += u64::from(end.turn(world));
                }
            }
        }
        Done {
            messages,
            wall: now() - began,
            processor_nanos: processor_nanos() - processor,
        }
    }
}

impl End {
    /// Its turn, and its answer if it was told something. Whether it was.
    fn turn(&mut self, world: &World) -> bool {
        self.bell.rung.store(false, Ordering::Release);
        self.link.turn(world.now());
        let was_told = !self.link.out.is_empty();
        if was_told {
            self.link.out.clear();
            self.say(world);
        }
        was_told
    }

    fn say(&mut self, world: &World) {
        self.link.receive(&self.text, world.now());
    }
}

/// Puts an end into its worker's list, once per turn.
struct Bell {
    worker: usize,
    end: usize,
    rung: AtomicBool,
    inbox: Arc<Inbox>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.rung.swap(true, Ordering::AcqRel) {
            return;
        }
        if WORKER.get() == Some(self.worker) {
            READY.with_borrow_mut(|ready| ready.push(self.end));
        } else {
            self.inbox.lock().push(self.end);
        }
    }
}

impl Inbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long it took is what is asked"
)]
fn now() -> Instant {
    Instant::now()
}

/// How long this thread has had a processor, as Linux says; 0 elsewhere.
fn processor_nanos() -> u64 {
    fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0)
}
