//! What has to be made good when a batch fails: messages are bounced before anybody saw them, and
//! changes of resident data are undone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use jid::BareJid;
use stanza::{Condition, Stanza, StanzaError};
use store::{Gate, Observer, Seq, Settlement};

use crate::{pipeline::Undo, server::Server};

/// A stanza that is answered with an error when a batch fails; but not if another one failed as well, with which that
/// was done.
pub(crate) struct Bounce {
    pub(crate) stanza: Arc<Stanza>,
    pub(crate) unless_failed: Seq,
}

/// What runs want done if their batch fails.
#[derive(Default)]
pub(crate) struct Losses {
    by_seq: Mutex<BTreeMap<Seq, Vec<Loss>>>,
    server: std::sync::OnceLock<Weak<Server>>,
}

struct Loss {
    account: BareJid,
    bounces: Vec<Bounce>,
    undo: Vec<Undo>,
}

impl Losses {
    pub(crate) fn belongs_to(&self, server: &Arc<Server>) {
        // Set once, right after the server was made.
        let _ = self.server.set(Arc::downgrade(server));
    }

    /// Remembers what to do if batch `seq` fails.
    pub(crate) fn watch(&self, seq: Seq, account: &BareJid, bounces: Vec<Bounce>, undo: Vec<Undo>) {
        let loss = Loss {
            account: account.clone(),
            bounces,
            undo,
        };
        self.lock().entry(seq).or_default().push(loss);
        // The batch may have settled before this was noted.
        if let Some(server) = self.server.get().and_then(Weak::upgrade) {
            match server.store().gate(seq) {
                Gate::Pending => {}
                Gate::Durable => self.forget(seq),
                Gate::Failed => self.make_good(&server, seq),
            }
        }
    }

    fn forget(&self, seq: Seq) {
        self.lock().remove(&seq);
    }

    fn make_good(&self, server: &Arc<Server>, seq: Seq) {
        let Some(losses) = self.lock().remove(&seq) else {
            return;
        };
        let server_then = server.clone();
        // Not on the writer's thread, and under no lock.
        server.environment().spawn(Box::pin(async move {
            for loss in losses {
                let told = |bounce: &Bounce| server_then.gate(bounce.unless_failed) == Gate::Failed;
                let bounces = loss.bounces.into_iter().filter(|bounce| !told(bounce));
                let bounces = bounces.map(|bounce| bounce.stanza).collect();
                server_then.make_good(&loss.account, bounces, loss.undo);
            }
        }));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Seq, Vec<Loss>>> {
        self.by_seq.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Losses {
    fn settled(&self, settlement: &Settlement) {
        if settlement.outcome.is_ok() {
            let mut by_seq = self.lock();
            let settled: Vec<Seq> = by_seq
                .range(settlement.first..=settlement.last)
                .map(|(seq, _)| *seq)
                .collect();
            for seq in settled {
                by_seq.remove(&seq);
            }
            return;
        }
        let Some(server) = self.server.get().and_then(Weak::upgrade) else {
            return;
        };
        let lost: Vec<Seq> = self
            .lock()
            .range(settlement.first..=settlement.last)
            .map(|(seq, _)| *seq)
            .collect();
        if let Err(error) = &settlement.outcome {
            tracing::error!(%error, first = settlement.first.0, last = settlement.last.0, "the store refused a batch; what it held is answered with an error");
        }
        for seq in lost {
            self.make_good(&server, seq);
        }
    }
}

/// The error a sender gets whose message could not be stored.
pub(crate) fn not_stored() -> StanzaError {
    StanzaError::new(Condition::InternalServerError).with_type(stanza::ErrorType::Wait)
}
