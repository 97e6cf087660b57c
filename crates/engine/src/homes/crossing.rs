//! What a stanza of another home carries until it has taken effect.

use std::{
    fmt,
    sync::{
        Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use jid::Domain;
use store::{Batch, Collection, Map, Owner, Seq, Version};

use crate::{permission::Role, server::Server};

/// What was taken from another home and may come again: the positions in its log.
pub(super) const TAKEN: Collection<Map<u64, ()>> = Collection::new("homes.taken", Version(1));

/// A stanza's way from another home. While anything of it is under way (itself, or its answer), this is kept; when
/// the last is gone, the other home learns what became of it.
pub struct Crossing {
    pub(super) home: Domain,
    pub(super) has_acks: bool,
    pub(super) role: Role,
    /// Where the other home keeps it, if it does.
    pub(super) position: Option<u64>,
    /// The batch that what it did rests on.
    gate: AtomicU64,
    server: Weak<Server>,
}

impl Crossing {
    pub(super) fn new(
        server: Weak<Server>,
        home: Domain,
        has_acks: bool,
        role: Role,
        position: Option<u64>,
    ) -> Self {
        Self {
            home,
            has_acks,
            role,
            position,
            gate: AtomicU64::new(Seq::NONE.0),
            server,
        }
    }

    /// Whether its sender's session has acks on.
    pub(crate) fn has_acks(&self) -> bool {
        self.has_acks
    }

    /// What its sender may do on our hosts.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether the other home keeps it, and tells its sender if it can't be stored here.
    pub(crate) fn is_kept(&self) -> bool {
        self.position.is_some()
    }

    /// Notes in the batch of what it does that it was taken.
    pub(crate) fn note(&self, batch: &mut Batch) {
        if let Some(position) = self.position {
            batch.put(TAKEN, &Owner::Home(self.home.clone()), &position, &());
        }
    }

    /// What it did rests on `gate`.
    pub(crate) fn gate_at(&self, gate: Seq) {
        self.gate.fetch_max(gate.0, Ordering::AcqRel);
    }
}

impl fmt::Debug for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crossing({}, {:?})", self.home, self.position)
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        let (Some(position), Some(server)) = (self.position, self.server.upgrade()) else {
            return;
        };
        let (home, gate) = (self.home.clone(), Seq(self.gate.load(Ordering::Acquire)));
        let server_then = server.clone();
        // Under whatever lock this was dropped: later.
        server.environment().spawn(Box::pin(async move {
            server_then.took_effect(&home, position, gate).await;
        }));
    }
}
