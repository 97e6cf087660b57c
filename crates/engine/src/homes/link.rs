//! The way to one other home: what waits to go there, what is kept for it, and what came from it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jid::Domain;
use mailbox::{Destination, Egress};
use store::{EntryId, Gate, Owner, Seq, StoreError};

use super::{Homes, crossing::TAKEN, leaving::Outgoing, parcel::Parcel, requests::Requests};
use crate::{account::DrainQueue, effect::Effect, server::Server};

/// What could not be read at the start is asked for again after this.
const RETRY: Duration = Duration::from_secs(1);

/// The way to one other home.
pub(crate) struct Link {
    pub(super) home: Domain,
    pub(super) port: Arc<dyn Homes>,
    state: Mutex<State>,
}

/// What is known of the other home.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Peer {
    /// Nothing yet: what is for it waits.
    #[default]
    Unknown,
    Up,
    Down,
}

/// What its lock guards. Nothing but the store's queue and the port is touched under it.
#[derive(Default)]
pub(super) struct State {
    pub(super) peer: Peer,
    /// What is kept until the other home has it; absent until it was read from the store.
    pub(super) egress: Option<Egress>,
    /// What came to be sent before that.
    pub(super) early: VecDeque<Effect>,
    /// What waits to be sent, in order. For what is kept, a mark stands here: the egress has it.
    pub(super) out: VecDeque<Outgoing>,
    /// A task waits for the batch that the first of them rests on.
    pub(super) is_awaiting: bool,
    /// Positions of what is kept and was sent, in order.
    pub(super) sent: VecDeque<u64>,
    /// Those behind the first of them that are settled already.
    pub(super) settled: BTreeSet<u64>,
    /// Up to where the log was trimmed, by batches that may not be durable yet.
    pub(super) trims: VecDeque<(EntryId, Seq)>,
    /// Everything below is trimmed for good.
    pub(super) kept_from: u64,
    pub(super) requests: Requests,
    /// What came from the other home.
    pub(super) came: DrainQueue<Parcel>,
    /// Positions that were taken and may come again; `true` once what they did is durable.
    pub(super) taken: BTreeMap<u64, bool>,
}

impl Link {
    pub(super) fn new(home: Domain, port: Arc<dyn Homes>) -> Self {
        Self {
            home,
            port,
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Each change under the lock is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom this home's log for the other belongs to.
    pub(super) fn owner(&self) -> Owner {
        Owner::Home(self.home.clone())
    }

    /// Reads what an earlier life has kept for the other home, and taken from it.
    pub(super) async fn load(self: Arc<Self>, server: &Arc<Server>) {
        let (egress, taken) = loop {
            match self.read(server).await {
                Ok(read) => break read,
                Err(error) => {
                    tracing::error!(home = %self.home, %error, "what was kept for another home can't be read; it is tried again");
                    let environment = server.environment();
                    environment.sleep_until(environment.now() + RETRY).await;
                }
            }
        };
        let (refused, is_taker) = {
            let mut state = self.lock();
            state.out = std::iter::repeat_with(Outgoing::kept_before)
                .take(egress.len())
                .collect();
            state.egress = Some(egress);
            state.taken = taken.into_iter().map(|position| (position, true)).collect();
            let early = std::mem::take(&mut state.early);
            let refused: Vec<_> = early
                .into_iter()
                .filter_map(|effect| state.accept(server, effect))
                .collect();
            self.pump(server, &mut state);
            (refused, state.came.claim())
        };
        for (effect, condition) in refused {
            server.turned_away_elsewhere(effect, condition);
        }
        if is_taker {
            server.take_parcels(&self);
        }
    }

    async fn read(&self, server: &Server) -> Result<(Egress, Vec<u64>), StoreError> {
        let destination = Destination::Home(self.home.clone());
        let question = (Egress::question(&destination), TAKEN.all(&self.owner()));
        let (kept, taken) = server.store().read(question).await?;
        let taken = taken.into_iter().map(|(position, ())| position).collect();
        Ok((Egress::load(destination, kept), taken))
    }
}

impl State {
    /// The lowest position that may be sent again, should this home begin another life now.
    pub(super) fn lowest_kept(&mut self, server: &Server) -> u64 {
        while let Some((through, seq)) = self.trims.front().copied() {
            match server.gate(seq) {
                Gate::Pending => break,
                Gate::Durable => self.kept_from = self.kept_from.max(through.0.saturating_add(1)),
                // The next trim covers it.
                Gate::Failed => {}
            }
            self.trims.pop_front();
        }
        self.kept_from
    }
}
