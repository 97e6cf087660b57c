//! What has to be made good when a batch fails: messages are bounced before anybody saw them, and
//! changes of resident data are undone.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use jid::BareJid;
use mailbox::Cleared;
use smallvec::SmallVec;
use stanza::{Condition, Stanza, StanzaError};
use store::{EntryId, Gate, Observer, Seq, Settlement};

use crate::{account::Account, pipeline::Undo, server::Server};

/// A stanza that is answered with an error when a batch fails; but not if another one failed as well, with which that
/// was done.
pub(crate) struct Bounce {
    pub(crate) stanza: Arc<Stanza>,
    pub(crate) unless_failed: Seq,
}

/// What mends the account when a batch fails. What nearly every message needs is named, so that noting it takes no
/// memory of its own.
pub(crate) enum Mending {
    /// The entry is nowhere any more.
    Withdraw(EntryId),
    /// These have to be settled again.
    Unsettle(Cleared),
    /// Anything else.
    Undo(Undo),
}

impl Mending {
    pub(crate) fn mend(self, account: &mut Account) {
        match self {
            Self::Withdraw(entry) => account.withdraw(entry),
            Self::Unsettle(cleared) => account.unsettled.extend(cleared),
            Self::Undo(undo) => undo(account),
        }
    }
}

/// The stanzas that are answered when a run's batch fails.
pub(crate) type Bounces = SmallVec<[Bounce; 1]>;

/// What mends its account then.
pub(crate) type Mendings = SmallVec<[Mending; 2]>;

/// While nothing is pending, room for so many is kept.
const PENDING_KEPT: usize = 64;

/// What runs want done if their batch fails.
#[derive(Default)]
pub(crate) struct Losses {
    /// In the order of the batches.
    pending: Mutex<VecDeque<(Seq, Loss)>>,
    server: std::sync::OnceLock<Weak<Server>>,
}

struct Loss {
    account: BareJid,
    bounces: Bounces,
    mendings: Mendings,
}

impl Losses {
    pub(crate) fn belongs_to(&self, server: &Arc<Server>) {
        // Set once, right after the server was made.
        let _ = self.server.set(Arc::downgrade(server));
    }

    /// Remembers what to do if batch `seq` fails.
    pub(crate) fn watch(&self, seq: Seq, account: &BareJid, bounces: Bounces, mendings: Mendings) {
        let loss = Loss {
            account: account.clone(),
            bounces,
            mendings,
        };
        {
            // Hardly ever was another thread faster.
            let mut pending = self.lock();
            let behind = pending.iter().rev().take_while(|(other, _)| *other > seq);
            let place = pending.len() - behind.count();
            pending.insert(place, (seq, loss));
        }
        // The batch may have settled before this was noted.
        if let Some(server) = self.server.get().and_then(Weak::upgrade) {
            match server.store().gate(seq) {
                Gate::Pending => {}
                Gate::Durable => self.forget(seq, seq),
                Gate::Failed => self.make_good(&server, seq, seq),
            }
        }
    }

    fn forget(&self, first: Seq, last: Seq) {
        let mut pending = self.lock();
        let which = places(&pending, first, last);
        pending.drain(which);
        if pending.is_empty() && pending.capacity() > PENDING_KEPT {
            *pending = VecDeque::new();
        }
    }

    fn make_good(&self, server: &Arc<Server>, first: Seq, last: Seq) {
        let losses: Vec<(Seq, Loss)> = {
            let mut pending = self.lock();
            let which = places(&pending, first, last);
            pending.drain(which).collect()
        };
        let server_then = server.clone();
        // Not on the writer's thread, and under no lock.
        server.environment().spawn(Box::pin(async move {
            for (_, loss) in losses {
                let told = |bounce: &Bounce| server_then.gate(bounce.unless_failed) == Gate::Failed;
                let bounces = loss.bounces.into_iter().filter(|bounce| !told(bounce));
                let bounces = bounces.map(|bounce| bounce.stanza).collect();
                server_then.make_good(&loss.account, bounces, loss.mendings);
            }
        }));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Seq, Loss)>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Losses {
    fn settled(&self, settlement: &Settlement) {
        let (first, last) = (settlement.first, settlement.last);
        let Err(error) = &settlement.outcome else {
            return self.forget(first, last);
        };
        let Some(server) = self.server.get().and_then(Weak::upgrade) else {
            return;
        };
        tracing::error!(%error, first = first.0, last = last.0, "the store refused a batch; what it held is answered with an error");
        self.make_good(&server, first, last);
    }
}

/// Where what is noted of these batches stands.
fn places(pending: &VecDeque<(Seq, Loss)>, first: Seq, last: Seq) -> Range<usize> {
    let from = pending.partition_point(|(seq, _)| *seq < first);
    from..pending.partition_point(|(seq, _)| *seq <= last)
}

/// The error a sender gets whose message could not be stored.
pub(crate) fn not_stored() -> StanzaError {
    StanzaError::new(Condition::InternalServerError).with_type(stanza::ErrorType::Wait)
}
