//! Where an account lives in memory: its lock, and what waits while it is being loaded.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use jid::BareJid;

use super::Account;
use crate::effect::Effect;

/// How much may wait for one account to be loaded; more stanzas are answered `resource-constraint`.
pub(crate) const INBOX_MAX: usize = 4_096;

/// One account's place in the registry.
pub struct AccountCell {
    jid: BareJid,
    state: Mutex<CellState>,
}

/// What the lock guards.
pub(crate) enum CellState {
    /// The store is being asked. What comes waits in order.
    Loading {
        /// What came meanwhile.
        inbox: VecDeque<Effect>,
        /// Who else waits.
        wakers: Vec<Waker>,
    },
    /// It is here.
    Ready(Box<Account>),
    /// It left memory, or there is no such account; the registry knows better.
    Gone {
        /// Whether the store was asked and has no such account.
        missing: bool,
    },
}

impl AccountCell {
    pub(crate) fn loading(jid: BareJid) -> Self {
        Self {
            jid,
            state: Mutex::new(CellState::Loading {
                inbox: VecDeque::new(),
                wakers: Vec::new(),
            }),
        }
    }

    /// The account's address.
    #[must_use]
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// Takes the account's lock. Only the pipeline and the registry do.
    pub(crate) fn lock(&self) -> MutexGuard<'_, CellState> {
        // A panic inside a run is caught there and ends in `Gone`, so a poisoned lock holds nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for AccountCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountCell({})", self.jid)
    }
}
