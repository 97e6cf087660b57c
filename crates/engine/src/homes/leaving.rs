//! The way out: what is for another home is kept if somebody relies on it, waits for what it rests on, and goes.

use std::{collections::VecDeque, sync::Arc};

use jid::{Domain, Jid};
use mailbox::{Archiving, Class, NewEntry, Owed, classify};
use stanza::{Condition, IqType, Kind, MessageType, PresenceType, Stanza, StanzaError};
use store::{Batch, EntryId, Gate, Seq, Trim};

use super::{
    link::{Link, Peer, State},
    parcel::{Kept, Parcel, StanzaParcel, ToldParcel},
};
use crate::{
    account::stored,
    effect::Effect,
    envelope::Envelope,
    losses::{Bounce, Mendings},
    module::Told,
    permission::Role,
    pipeline::Gates,
    server::Server,
};

/// How much may wait for one home: more is refused.
pub(super) const OUT_MAX: usize = 65_536;

/// How much of it may wait without holding back the sessions it comes from.
const UNHELD_MAX: usize = 1_024;

/// One thing that waits to be sent.
pub(super) enum Outgoing {
    /// The first of what the egress has not sent.
    Kept(Gates),
    Stanza(Envelope),
    Told(Box<Told>),
    Settled(u64),
    Refused(u64),
}

impl Outgoing {
    /// What an earlier life has kept, or what went out before the other home went down.
    pub(super) fn kept_before() -> Self {
        Self::Kept(Gates::OPEN)
    }

    fn gates(&self) -> Gates {
        match self {
            Self::Kept(gates) => *gates,
            Self::Stanza(envelope) => envelope.gates(),
            Self::Told(told) => told.gates,
            Self::Settled(_) | Self::Refused(_) => Gates::OPEN,
        }
    }
}

impl Link {
    /// Takes what is for the other home; gives back what can't go there, and why.
    pub(crate) fn leave(
        self: &Arc<Self>,
        server: &Arc<Server>,
        effect: Effect,
    ) -> Option<(Effect, Condition)> {
        let mut state = self.lock();
        if state.egress.is_none() {
            if state.early.len() >= OUT_MAX {
                return Some((effect, Condition::ResourceConstraint));
            }
            state.early.push_back(effect);
            return None;
        }
        let refused = state.accept(server, effect);
        self.pump(server, &mut state);
        refused
    }

    /// Sends what may be seen.
    pub(super) fn pump(self: &Arc<Self>, server: &Arc<Server>, state: &mut State) {
        while state.peer == Peer::Up && !state.is_awaiting {
            let Some(gates) = state.out.front().map(Outgoing::gates) else {
                return;
            };
            let awaited = [gates.after, gates.needs]
                .into_iter()
                .find(|seq| server.gate(*seq) == Gate::Pending);
            if let Some(seq) = awaited {
                state.is_awaiting = true;
                return self.pump_after(server, seq);
            }
            let Some(next) = state.out.pop_front() else {
                return;
            };
            let is_void = server.gate(gates.needs) == Gate::Failed;
            if let Some(parcel) = state.parcel(server, next, is_void) {
                self.port.send(&self.home, parcel.to_bytes());
            }
        }
    }

    fn pump_after(self: &Arc<Self>, server: &Arc<Server>, seq: Seq) {
        let (link, server_then) = (self.clone(), server.clone());
        let settled = server.store().settled(seq);
        server.environment().spawn(Box::pin(async move {
            // What became of it is asked again for each thing that rests on it.
            let _ = settled.await;
            let mut state = link.lock();
            state.is_awaiting = false;
            link.pump(&server_then, &mut state);
        }));
    }

    /// The other home has what stood at `position`, for good.
    pub(super) fn settled(&self, server: &Server, state: &mut State, position: u64) {
        if state.sent.binary_search(&position).is_ok() {
            state.settled.insert(position);
        }
        let mut through = None;
        while let Some(first) = state.sent.front().copied() {
            if !state.settled.remove(&first) {
                break;
            }
            through = state.sent.pop_front().map(EntryId);
        }
        let (Some(through), Some(egress)) = (through, &mut state.egress) else {
            return;
        };
        let mut batch = Batch::new();
        egress.acknowledged(through, &mut batch);
        if !batch.is_empty() {
            let seq = server.store().submit(batch);
            state.trims.push_back((through, seq));
        }
    }

    /// The other home could not store what stood at `position`: gives what its sender is told.
    pub(super) fn refused(
        &self,
        server: &Server,
        state: &mut State,
        position: u64,
    ) -> Option<Envelope> {
        let message = state.egress.as_mut()?.withdrawn(EntryId(position));
        let mut batch = Batch::new();
        batch.trim(mailbox::EGRESS, &self.owner(), Trim::One(EntryId(position)));
        server.store().submit(batch);
        // For what is behind it, it is as if it was there.
        self.settled(server, state, position);
        returned(&message?, &crate::losses::not_stored())
    }
}

impl State {
    /// Keeps what somebody relies on, and puts everything into its place; gives back what can't go.
    pub(super) fn accept(
        &mut self,
        server: &Server,
        effect: Effect,
    ) -> Option<(Effect, Condition)> {
        if self.out.len() >= OUT_MAX {
            return Some((effect, Condition::ResourceConstraint));
        }
        match effect {
            Effect::Stanza(envelope) if is_relied_on(&envelope) => self.keep(server, envelope),
            // Without its sessions, which end with it, nothing else is worth keeping for it.
            effect if self.peer == Peer::Down => Some((effect, Condition::RecipientUnavailable)),
            Effect::Stanza(mut envelope) => {
                if envelope.stanza().kind().is_request() && !self.requests.note(&envelope) {
                    let envelope = Effect::Stanza(envelope);
                    return Some((envelope, Condition::ResourceConstraint));
                }
                if self.out.len() < UNHELD_MAX {
                    envelope.let_session_go();
                }
                self.out.push_back(Outgoing::Stanza(envelope));
                None
            }
            Effect::Told(told) => {
                self.out.push_back(Outgoing::Told(told));
                None
            }
        }
    }

    /// Into the log of what is for the other home: its sender may be told that it is safe once it is there.
    fn keep(&mut self, server: &Server, envelope: Envelope) -> Option<(Effect, Condition)> {
        let egress = self.egress.as_mut()?;
        let message = envelope.stanza().as_ref().clone();
        let message = message.with_to(Some(envelope.to().clone()));
        let peer = envelope.to().bare();
        let new = NewEntry {
            message: &message,
            class: Class::Delivery,
            at: server.environment().timestamp(),
            peer: &peer,
            owed: Owed::Later,
            body: None,
            inbound: None,
        };
        let mut batch = Batch::new();
        if let Err(refused) = egress.append(&new, &mut batch) {
            tracing::debug!(to = %peer, %refused, "a message was not kept for another home");
            return Some((Effect::Stanza(envelope), Condition::ResourceConstraint));
        }
        if let Some(session) = envelope.session()
            && envelope.is_whole()
            && matches!(envelope.stanza().kind(), Kind::Message(_))
        {
            stored::count_along(session, &mut batch);
        }
        let seq = server.store().submit(batch);
        egress.submitted(seq);
        let bounces = [Bounce {
            stanza: Arc::new(message),
            unless_failed: envelope.gates().needs,
        }];
        let losses = server.losses();
        losses.watch(seq, &peer, bounces.into(), Mendings::new());
        if let Some(held) = envelope.hold() {
            held.gate_at(seq);
        }
        let gates = envelope.gates().and(Gates::on(seq));
        self.out.push_back(Outgoing::Kept(gates));
        None
    }

    /// What is sent of `next`, if it still is: void is what rests on a batch that failed.
    fn parcel(&mut self, server: &Arc<Server>, next: Outgoing, is_void: bool) -> Option<Parcel> {
        match next {
            Outgoing::Kept(_) if is_void => {
                // Whoever made the batch that failed has told the sender.
                let egress = self.egress.as_mut()?;
                let id = egress.unsent().next()?.id;
                egress.withdrawn(id);
                let mut batch = Batch::new();
                let owner = egress.destination().owner();
                batch.trim(mailbox::EGRESS, &owner, Trim::One(id));
                server.store().submit(batch);
                None
            }
            Outgoing::Kept(_) => self.kept_parcel(server),
            Outgoing::Stanza(envelope) => {
                let stanza = match (is_void, envelope.stanza().kind()) {
                    (false, _) | (true, Kind::Iq(IqType::Error)) => envelope.stanza().clone(),
                    (true, Kind::Iq(IqType::Result)) => {
                        Arc::new(envelope.stanza().result_as_failure())
                    }
                    (true, Kind::Iq(_)) => {
                        self.give_back(server, &envelope);
                        return None;
                    }
                    (true, Kind::Message(_) | Kind::Presence(_)) => return None,
                };
                Some(Parcel::Stanza(StanzaParcel {
                    to: envelope.to().clone(),
                    xml: text_of(&stanza),
                    has_acks: envelope.sender_has_acks(),
                    role: envelope.role(),
                    kept: None,
                }))
            }
            Outgoing::Told(told) if is_void => {
                server.drop_told(&told, "what it rests on was not stored");
                None
            }
            Outgoing::Told(told) => Some(Parcel::Told(ToldParcel {
                from: told.from,
                to: told.to,
                name: told.name.into_owned(),
                value: told.value,
            })),
            Outgoing::Settled(position) => Some(Parcel::Settled { position }),
            Outgoing::Refused(position) => Some(Parcel::Refused { position }),
        }
    }

    /// The first thing that is kept and was not sent.
    fn kept_parcel(&mut self, server: &Server) -> Option<Parcel> {
        let from = self.lowest_kept(server);
        let egress = self.egress.as_mut()?;
        let first = egress.unsent().next()?;
        let id = first.id;
        let parcel = match first.message {
            Ok(message) => message.to().cloned().map(|to| {
                Parcel::Stanza(StanzaParcel {
                    to,
                    xml: text_of(message),
                    has_acks: true,
                    role: Role::default(),
                    kept: Some(Kept {
                        position: id.0,
                        from,
                    }),
                })
            }),
            Err(error) => {
                tracing::error!(%error, "a message kept for another home is damaged and was skipped");
                None
            }
        };
        egress.sent(id);
        self.sent.push_back(id.0);
        if parcel.is_none() {
            self.settled.insert(id.0);
        }
        parcel
    }

    /// A request whose sender's batch failed is answered.
    fn give_back(&mut self, server: &Arc<Server>, envelope: &Envelope) {
        self.requests
            .answered(envelope.to(), envelope.from(), envelope.stanza());
        let reply = envelope.stanza().reply_error(&crate::losses::not_stored());
        let answer = reply.map(|reply| envelope.answer(reply));
        server.route_soon(answer.into_iter().collect());
    }
}

impl Server {
    /// Another home is there, and what is sent to it arrives.
    pub fn home_is_up(self: &Arc<Self>, home: &Domain) {
        if let Some(link) = self.link(home) {
            let mut state = link.lock();
            state.peer = Peer::Up;
            link.pump(self, &mut state);
        }
    }

    /// Another home is gone, and with it what was on its way there and back. What is kept for it is sent again once
    /// it is there; who waits for an answer gets an error.
    pub fn home_is_down(self: &Arc<Self>, home: &Domain) {
        let Some(link) = self.link(home) else {
            return;
        };
        let error = StanzaError::new(Condition::RecipientUnavailable);
        let mut state = link.lock();
        state.peer = Peer::Down;
        let mut returned = state.requests.give_up(&error);
        let waiting = std::mem::take(&mut state.out);
        let mut unsent = VecDeque::new();
        for one in waiting {
            match one {
                Outgoing::Kept(_) => unsent.push_back(one),
                Outgoing::Stanza(envelope) => {
                    if let Kind::Message(_) = envelope.stanza().kind() {
                        let reply = envelope.stanza().reply_error(&error);
                        returned.extend(reply.map(|reply| envelope.answer(reply)));
                    }
                }
                Outgoing::Told(told) => self.drop_told(&told, "its home is down"),
                Outgoing::Settled(_) | Outgoing::Refused(_) => {}
            }
        }
        state.sent.clear();
        state.settled.clear();
        if let Some(egress) = &mut state.egress {
            egress.lost();
            let sent = egress.len().saturating_sub(unsent.len());
            state.out = std::iter::repeat_with(Outgoing::kept_before)
                .take(sent)
                .chain(unsent)
                .collect();
        }
        drop(state);
        for envelope in returned {
            self.route(envelope);
        }
    }

    /// Routes what came back, when nobody holds a lock any more.
    fn route_soon(self: &Arc<Self>, envelopes: Vec<Envelope>) {
        if !envelopes.is_empty() {
            let server = self.clone();
            self.environment().spawn(Box::pin(async move {
                for envelope in envelopes {
                    server.route(envelope);
                }
            }));
        }
    }
}

/// Whether it would be missed, should the other home be gone: a message whose sender was promised that it is safe, or
/// what two accounts are to each other.
fn is_relied_on(envelope: &Envelope) -> bool {
    let stanza = envelope.stanza();
    match stanza.kind() {
        Kind::Message(MessageType::Error) => false,
        Kind::Message(_) => {
            envelope.sender_has_acks() && classify(stanza, Archiving::Off) != Class::None
        }
        Kind::Presence(
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed,
        ) => true,
        Kind::Presence(_) | Kind::Iq(_) => false,
    }
}

/// A message comes back to its sender.
fn returned(message: &Stanza, error: &StanzaError) -> Option<Envelope> {
    let (from, to): (Jid, Jid) = (message.to()?.clone(), message.from()?.clone());
    let Kind::Message(_) = message.kind() else {
        return None;
    };
    let reply = message.reply_error(error)?;
    Some(Envelope::from_elsewhere(from, to, reply))
}

fn text_of(stanza: &Stanza) -> String {
    String::from_utf8(stanza.to_stored()).expect("a stanza is made of texts")
}
