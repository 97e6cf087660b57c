//! Which accounts are in memory, by bare JID, in shards with a lock each.
//!
//! A shard's lock is held for a look-up or an insertion only, and never while an account's is taken.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jid::BareJid;

use crate::account::AccountCell;

/// More shards than any machine has cores, so that two workers seldom meet.
const SHARDS: usize = 64;

/// Accounts without a session that stay in memory; the one that was needed longest ago goes first.
const IDLE_MAX: usize = 1_024;

type Cells = HashMap<BareJid, Arc<AccountCell>>;

/// On a cache line of its own, so that a lock taken here does not slow one taken next door.
#[derive(Default)]
#[repr(align(64))]
struct Shard(Mutex<Cells>);

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The accounts in memory.
#[derive(Default)]
pub(crate) struct Registry {
    shards: Vec<Shard>,
    idle: Mutex<VecDeque<Arc<AccountCell>>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            idle: Mutex::default(),
        }
    }

    /// The cell of the account with this bare JID, if it is in memory or on its way there.
    pub(crate) fn get(&self, jid: &str) -> Option<Arc<AccountCell>> {
        self.shard(jid).get(jid).cloned()
    }

    /// The account's cell; `true` when it was made now and has to be loaded.
    pub(crate) fn get_or_insert(&self, jid: &BareJid) -> (Arc<AccountCell>, bool) {
        let mut shard = self.shard(jid.as_str());
        if let Some(cell) = shard.get(jid) {
            return (cell.clone(), false);
        }
        let jid = jid.clone().compact();
        let cell = Arc::new(AccountCell::loading(jid.clone()));
        shard.insert(jid, cell.clone());
        (cell, true)
    }

    /// Forgets `cell`, unless another one took its place.
    pub(crate) fn remove(&self, cell: &Arc<AccountCell>) {
        let mut shard = self.shard(cell.jid().as_str());
        if shard
            .get(cell.jid())
            .is_some_and(|known| Arc::ptr_eq(known, cell))
        {
            shard.remove(cell.jid());
        }
    }

    /// How many accounts there are.
    pub(crate) fn len(&self) -> usize {
        let count = |shard: &Shard| shard.lock().len();
        self.shards.iter().map(count).sum()
    }

    /// All cells, sorted by address.
    pub(crate) fn all(&self) -> Vec<Arc<AccountCell>> {
        let mut all: Vec<_> = self
            .shards
            .iter()
            .flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>())
            .collect();
        all.sort_by(|one, other| one.jid().cmp(other.jid()));
        all
    }

    /// Notes that `cell` has no session; gives the one that may leave memory now.
    pub(crate) fn idle(&self, cell: &Arc<AccountCell>) -> Option<Arc<AccountCell>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back(cell.clone());
        (idle.len() > IDLE_MAX).then(|| idle.pop_front()).flatten()
    }

    /// Lists `cell` again: it could not leave memory now.
    pub(crate) fn keep_idle(&self, cell: &Arc<AccountCell>) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(cell.clone());
    }

    fn shard(&self, jid: &str) -> MutexGuard<'_, Cells> {
        let index = usize::try_from(spread(jid) % SHARDS as u64).unwrap_or(0);
        self.shards
            .get(index)
            .expect("there are SHARDS shards and the index is a remainder")
            .lock()
    }
}

/// FNV-1a: quick, and the same in every run, so that tests repeat exactly. Whoever picks names to meet in one shard only
/// makes its lock busier; inside a shard the map's own hasher has a key that nobody knows.
fn spread(jid: &str) -> u64 {
    jid.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
