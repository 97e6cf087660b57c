//! The way in: what came from another home takes the way of what is sent here, once.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use jid::Domain;
use stanza::{IqType, Kind, Stanza};
use store::{Batch, Seq};

use super::{
    crossing::{Crossing, TAKEN},
    leaving::{OUT_MAX, Outgoing},
    link::{Link, Peer, State},
    parcel::{Kept, Parcel, StanzaParcel, ToldParcel},
};
use crate::{envelope::Envelope, module::Told, pipeline::Gates, server::Server};

/// What is done with a parcel when the link's lock is free.
enum Taken {
    Nothing,
    Route(Envelope),
    Tell(Box<Told>),
}

impl Server {
    /// Bytes came from another home. Called for one after another, in the order in which it sent them.
    pub fn home_sent(self: &Arc<Self>, home: &Domain, bytes: &[u8]) {
        let Some(link) = self.link(home) else {
            return;
        };
        let Some(parcel) = Parcel::read(bytes) else {
            tracing::error!(%home, "another home sent what can't be read; it is dropped");
            return;
        };
        let is_taker = {
            let mut state = link.lock();
            // Only while the log is read, and what the other home keeps is bounded by itself.
            if state.came.last_beyond(OUT_MAX).is_some() && !parcel.is_kept() {
                tracing::error!(%home, "too much came from another home before it could be taken; the rest is dropped");
                return;
            }
            state.came.push(parcel);
            state.egress.is_some() && state.came.claim()
        };
        if is_taker {
            self.take_parcels(link);
        }
    }

    /// Takes what came, one thing after another, as the only one who does.
    pub(super) fn take_parcels(self: &Arc<Self>, link: &Arc<Link>) {
        loop {
            let taken = {
                let mut state = link.lock();
                let Some(parcel) = state.came.next(VecDeque::pop_front) else {
                    return;
                };
                self.take_parcel(link, &mut state, parcel)
            };
            match taken {
                Taken::Nothing => {}
                Taken::Route(envelope) => self.route(envelope),
                Taken::Tell(told) => self.route_told(told),
            }
        }
    }

    fn take_parcel(self: &Arc<Self>, link: &Arc<Link>, state: &mut State, parcel: Parcel) -> Taken {
        let taken = match parcel {
            Parcel::Settled { position } => {
                link.settled(self, state, position);
                None
            }
            Parcel::Refused { position } => link.refused(self, state, position).map(Taken::Route),
            Parcel::Told(told) => self.read_told(link, told).map(Taken::Tell),
            Parcel::Stanza(parcel) => self.read_stanza(link, state, parcel).map(Taken::Route),
        };
        link.pump(self, state);
        taken.unwrap_or(Taken::Nothing)
    }

    fn read_told(&self, link: &Link, told: ToldParcel) -> Option<Box<Told>> {
        let lives_there = self.lives_at(link, told.from.as_str());
        lives_there.then(|| {
            Box::new(Told {
                from: told.from,
                to: told.to,
                name: Cow::Owned(told.name),
                value: told.value,
                gates: Gates::OPEN,
                held: None,
            })
        })
    }

    fn read_stanza(
        self: &Arc<Self>,
        link: &Arc<Link>,
        state: &mut State,
        parcel: StanzaParcel,
    ) -> Option<Envelope> {
        if let Some(kept) = parcel.kept {
            self.forget_taken(link, state, kept);
            match state.taken.get(&kept.position) {
                None => {}
                // It came again because our word was lost.
                Some(true) => {
                    state.out.push_back(Outgoing::Settled(kept.position));
                    return None;
                }
                // The other home hears of it when that is known.
                Some(false) => return None,
            }
            state.taken.insert(kept.position, false);
        }
        let position = parcel.kept.map(|kept| kept.position);
        // Made first: whatever becomes of the stanza, the other home hears of it.
        let crossing = Crossing::new(
            Arc::downgrade(self),
            link.home.clone(),
            parcel.has_acks,
            parcel.role,
            position,
        );
        let stanza = Stanza::from_stored(parcel.xml.as_bytes());
        let Some((stanza, from)) = stanza
            .ok()
            .and_then(|stanza| stanza.from().cloned().map(|from| (stanza, from)))
        else {
            tracing::error!(home = %link.home, "another home sent what is no stanza; it is dropped");
            return None;
        };
        if !self.lives_at(link, from.bare_str()) {
            return None;
        }
        if let Kind::Iq(IqType::Result | IqType::Error) = stanza.kind() {
            state.requests.answered(&from, &parcel.to, &stanza);
        }
        Some(Envelope::from_home(crossing, from, parcel.to, stanza))
    }

    /// Whether `from` may speak from the other home: it lives there, or is a host of ours, which lives everywhere.
    fn lives_at(&self, link: &Link, from: &str) -> bool {
        let home = link.port.elsewhere(from);
        let lives_there = home.as_ref() == Some(&link.home) || self.serves(from);
        if !lives_there {
            tracing::error!(home = %link.home, from, "another home speaks for an address that is not its own; that is dropped");
        }
        lives_there
    }

    /// What does not come again need not be known.
    fn forget_taken(&self, link: &Link, state: &mut State, kept: Kept) {
        let later = state.taken.split_off(&kept.from);
        let gone = std::mem::replace(&mut state.taken, later);
        let mut batch = Batch::new();
        for position in gone.keys() {
            batch.delete(TAKEN, &link.owner(), position);
        }
        if !batch.is_empty() {
            self.store().submit(batch);
        }
    }

    /// A stanza that another home keeps took effect, resting on `gate`: the other home hears of it when that is
    /// settled, behind what it caused to go there.
    pub(super) async fn took_effect(self: Arc<Self>, home: &Domain, position: u64, gate: Seq) {
        let stored = self.store().settled(gate).await;
        let Some(link) = self.link(home) else {
            return;
        };
        let mut state = link.lock();
        let word = match stored {
            Ok(()) => {
                state.taken.insert(position, true);
                Outgoing::Settled(position)
            }
            Err(_) => {
                // As if it had never come.
                state.taken.remove(&position);
                Outgoing::Refused(position)
            }
        };
        if state.peer == Peer::Up {
            state.out.push_back(word);
            link.pump(&self, &mut state);
        }
    }
}
