//! The way between the homes of a world: bytes, late but in order, and lost with a home that goes down.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use engine::Homes;
use jid::Domain;

use super::random::Random;

/// A home, by number.
pub(super) type HomeNumber = usize;

/// Which of `count` homes an account or service lives in: FNV-1a of its bare address.
pub(super) fn home_of(bare_jid: &str, count: usize) -> HomeNumber {
    let hash = bare_jid.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Its lowest bits say little more than those of the last letters.
    let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
    usize::try_from((hash >> 32) % count).unwrap_or(0)
}

/// A home's name.
pub(super) fn name_of(home: HomeNumber) -> Domain {
    Domain::parse(&format!("home{home}")).expect("letters and a digit are a domain")
}

/// A fault of the way between homes, for tests to find.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WayFault {
    /// None.
    #[default]
    None,
    /// Some of what is sent is lost.
    Loses,
    /// Some of what is sent overtakes what was sent before.
    Reorders,
    /// Some of what is sent arrives twice.
    Repeats,
}

impl WayFault {
    /// All faults there are.
    pub const ALL: [Self; 3] = [Self::Loses, Self::Reorders, Self::Repeats];
}

/// One in so many parcels suffers from a fault.
const FAULTY: usize = 20;

/// What comes out of the way.
pub(super) enum Carried {
    Bytes(Vec<u8>),
    /// The home it is from is gone.
    Down,
    /// The home it is from is there, in this life.
    Up(u64),
}

/// From whom to whom.
type Way = (HomeNumber, HomeNumber);

/// All ways between the homes of a world.
pub(super) struct Carrier(Mutex<State>);

struct State {
    random: Random,
    fault: WayFault,
    ways: BTreeMap<Way, Queue>,
    /// Which life each home is in.
    lives: Vec<u64>,
}

#[derive(Default)]
struct Queue {
    carried: VecDeque<Carried>,
    /// When the first of it arrives, once that is decided.
    due: Option<Instant>,
    /// Which life of the other end the sender knows of.
    known: Option<u64>,
}

/// What one turn of the carrier did.
pub(super) enum Turn {
    Nothing,
    /// It was decided when something arrives.
    Decided,
    Arrived(Way, Carried),
}

impl Carrier {
    pub(super) fn new(homes: usize, fault: WayFault, random: Random) -> Arc<Self> {
        let ways = (0..homes)
            .flat_map(|from| (0..homes).map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .map(|way| (way, Queue::default()));
        let mut state = State {
            random,
            fault,
            ways: ways.collect(),
            lives: vec![0; homes],
        };
        for queue in state.ways.values_mut() {
            queue.carried.push_back(Carried::Up(0));
        }
        Arc::new(Self(Mutex::new(state)))
    }

    /// The end of all ways at `here`, for the life that `here` is in now.
    pub(super) fn port(self: &Arc<Self>, here: HomeNumber) -> Arc<dyn Homes> {
        let life = self.lock().life(here);
        Arc::new(Port {
            here,
            life,
            carrier: self.clone(),
        })
    }

    /// `home` goes down and comes back. What was on its way there is lost; what it sent may have got out before.
    pub(super) fn begin_anew(&self, home: HomeNumber) {
        let mut state = self.lock();
        if let Some(life) = state.lives.get_mut(home) {
            *life += 1;
        }
        let got_out = state.random.one_in(2);
        let State { ways, lives, .. } = &mut *state;
        for ((from, to), queue) in ways {
            let life = lives.get(*from).copied().unwrap_or_default();
            if *to == home {
                *queue = Queue::default();
                queue.carried.push_back(Carried::Up(life));
            } else if *from == home {
                if !got_out {
                    *queue = Queue::default();
                }
                queue.known = None;
                queue.carried.extend([Carried::Down, Carried::Up(life)]);
            }
        }
    }

    /// One thing arrives, or it is decided when it does: within `delay`.
    pub(super) fn turn(&self, now: Instant, delay: Duration) -> Turn {
        let mut state = self.lock();
        let State { random, ways, .. } = &mut *state;
        let first = random.below(ways.len());
        let order: Vec<Way> = ways.keys().copied().collect();
        for (from, to) in order.iter().cycle().skip(first).take(order.len()).copied() {
            let Some(queue) = ways.get_mut(&(from, to)) else {
                continue;
            };
            match queue.due {
                _ if queue.carried.is_empty() => {}
                None => {
                    let micros = usize::try_from(delay.as_micros()).unwrap_or(usize::MAX);
                    let micros = u64::try_from(random.below(micros)).unwrap_or(0);
                    queue.due = Some(now + Duration::from_micros(micros));
                    return Turn::Decided;
                }
                Some(due) if due <= now => {
                    queue.due = None;
                    let Some(carried) = queue.carried.pop_front() else {
                        continue;
                    };
                    if let (Carried::Up(life), Some(back)) = (&carried, ways.get_mut(&(to, from))) {
                        back.known = Some(*life);
                    }
                    return Turn::Arrived((from, to), carried);
                }
                Some(_) => {}
            }
        }
        Turn::Nothing
    }

    /// When the next thing arrives, as far as that is decided.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.lock();
        state.ways.values().filter_map(|queue| queue.due).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn life(&self, home: HomeNumber) -> u64 {
        self.lives.get(home).copied().unwrap_or_default()
    }

    /// `from`, in this life of it, sends something to the life of `to` that it knows.
    fn send(&mut self, from: HomeNumber, life: u64, to: HomeNumber, bytes: Vec<u8>) {
        let is_there = Some(self.life(to));
        let is_alive = self.life(from) == life;
        let is_faulty = self.fault != WayFault::None && self.random.one_in(FAULTY);
        let Some(queue) = self.ways.get_mut(&(from, to)) else {
            return;
        };
        if !is_alive || queue.known != is_there {
            return;
        }
        match self.fault {
            WayFault::Loses if is_faulty => return,
            WayFault::Repeats if is_faulty => {
                queue.carried.push_back(Carried::Bytes(bytes.clone()))
            }
            _ => {}
        }
        queue.carried.push_back(Carried::Bytes(bytes));
        let len = queue.carried.len();
        if self.fault == WayFault::Reorders && is_faulty && len > 1 {
            queue.carried.swap(len - 1, len - 2);
        }
    }
}

/// One home's end.
struct Port {
    here: HomeNumber,
    life: u64,
    carrier: Arc<Carrier>,
}

impl Homes for Port {
    fn others(&self) -> Vec<Domain> {
        let homes = self.carrier.lock().lives.len();
        let others = (0..homes).filter(|home| *home != self.here);
        others.map(name_of).collect()
    }

    fn elsewhere(&self, bare_jid: &str) -> Option<Domain> {
        let homes = self.carrier.lock().lives.len();
        let home = home_of(bare_jid, homes);
        (home != self.here).then(|| name_of(home))
    }

    fn send(&self, home: &Domain, bytes: Vec<u8>) {
        let mut state = self.carrier.lock();
        let to = (0..state.lives.len()).find(|number| name_of(*number) == *home);
        if let Some(to) = to {
            state.send(self.here, self.life, to, bytes);
        }
    }
}
