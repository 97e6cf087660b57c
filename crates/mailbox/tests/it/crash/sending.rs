//! A message comes in: classified, recorded where somebody relies on it, handed over, and put into outboxes.

use mailbox::{
    Archiving, Class, Inbound, NewEntry, Owed, Reliance, SessionId, SharedBody, classify, may_wait,
};
use stanza::{MessageType, Stanza};
use store::Batch;

use super::Random;
use super::check::check;
use super::server::{Frame, Server};
use super::truth::{ACCOUNTS, Key, REMOTE};
use crate::world::{at, bare, child, message};

impl Server {
    pub(super) fn send(&mut self, random: &mut Random) {
        let (from, to) = (random.below(ACCOUNTS.len()), random.below(REMOTE + 1));
        let key = Key {
            from,
            to,
            number: self.truth.next_number(from, to),
        };
        let sender_has_sm = !random.one_in(3);
        let archiving = if random.one_in(2) {
            Archiving::On
        } else {
            Archiving::Off
        };
        let kind = if random.one_in(6) {
            MessageType::Headline
        } else {
            MessageType::Chat
        };
        let address = ACCOUNTS
            .get(to)
            .copied()
            .unwrap_or("friend@elsewhere.example");
        let mut sent = message(kind, &format!("{}/x", ACCOUNTS[from]), address, &key.body());
        if random.one_in(8) {
            sent.push_child(child("<no-store xmlns='urn:xmpp:hints'/>"));
        }
        let class = classify(&sent, archiving);
        self.truth.fate(key).class = Some(class);
        let mut batch = Batch::new();
        let ordinal = self.record_sent(&sent, key, class, sender_has_sm, &mut batch);
        check(self);
        if to == REMOTE {
            self.leave(&sent, key, class, sender_has_sm, batch, ordinal);
        } else {
            self.arrive(&sent, key, class, sender_has_sm, batch, ordinal);
        }
    }

    /// The sender's own copy, when the archive keeps it.
    pub(super) fn record_sent(
        &mut self,
        sent: &Stanza,
        key: Key,
        class: Class,
        has_sm: bool,
        batch: &mut Batch,
    ) -> Option<(SharedBody, u64)> {
        if class != Class::Archive || key.from == key.to {
            return None;
        }
        let body = SharedBody::store(self.world.store.new_body_id(), sent.clone(), batch);
        let ordinal = &mut self.ordinals[key.from];
        *ordinal += 1;
        let inbound = has_sm.then_some(Inbound {
            session: SessionId(key.from as u128),
            ordinal: *ordinal,
        });
        let peer = bare(sent.to().unwrap().bare_str());
        let new = NewEntry {
            message: sent,
            class,
            at: at(0),
            peer: &peer,
            owed: Owed::Nobody,
            body: Some(&body),
            inbound,
        };
        let handled = *ordinal;
        self.mailboxes[key.from].record(&new, batch).unwrap();
        Some((body, handled))
    }

    pub(super) fn arrive(
        &mut self,
        sent: &Stanza,
        key: Key,
        class: Class,
        sender_has_sm: bool,
        mut batch: Batch,
        kept: Option<(SharedBody, u64)>,
    ) {
        let takers: Vec<usize> = (0..self.sessions.len())
            .filter(|session| self.sessions[*session].account == key.to)
            .collect();
        let reliance = Reliance {
            sender_acknowledged: sender_has_sm,
            recipient_acknowledges: takers.iter().any(|taker| self.sessions[*taker].has_sm),
            nobody_takes_it: takers.is_empty(),
        };
        let owed = if takers.is_empty() {
            Owed::Later
        } else {
            Owed::Sessions(takers.len() as u16)
        };
        let mut recorded = None;
        if reliance.must_log(class, may_wait(sent)) {
            let peer = bare(ACCOUNTS[key.from]);
            let body = kept.as_ref().map(|(body, _)| body);
            let new = NewEntry {
                message: sent,
                class,
                at: at(0),
                peer: &peer,
                owed,
                body,
                inbound: None,
            };
            recorded = Some(self.mailboxes[key.to].record(&new, &mut batch).unwrap());
        } else if takers.is_empty() {
            self.truth.fate(key).bounced = true;
        }
        check(self);
        let seq = self.world.store.submit(batch);
        self.mailboxes[key.from].submitted(seq, &self.world.store);
        self.mailboxes[key.to].submitted(seq, &self.world.store);
        if let Some(recorded) = recorded {
            self.recorded.push((seq, key.to, recorded.id, key));
        }
        check(self);
        for taker in takers {
            let (entry, id) = (
                recorded.map(|recorded| recorded.id),
                recorded.and_then(|recorded| recorded.wire_id),
            );
            self.sessions[taker].outbox.push(Frame {
                gate: seq,
                key,
                entry,
                id,
            });
        }
        if sender_has_sm && class != Class::None {
            self.acks.push((seq, key, kept.map(|(_, ordinal)| ordinal)));
        }
    }

    pub(super) fn leave(
        &mut self,
        sent: &Stanza,
        key: Key,
        class: Class,
        sender_has_sm: bool,
        mut batch: Batch,
        kept: Option<(SharedBody, u64)>,
    ) {
        let mut appended = None;
        if sender_has_sm && class != Class::None {
            let peer = bare("friend@elsewhere.example");
            let body = kept.as_ref().map(|(body, _)| body);
            let new = NewEntry {
                message: sent,
                class,
                at: at(0),
                peer: &peer,
                owed: Owed::Later,
                body,
                inbound: None,
            };
            appended = Some(self.egress.append(&new, &mut batch).unwrap());
        }
        let seq = self.world.store.submit(batch);
        self.mailboxes[key.from].submitted(seq, &self.world.store);
        self.egress.submitted(seq);
        if let Some(id) = appended {
            self.recorded.push((seq, REMOTE, id, key));
            self.acks.push((seq, key, kept.map(|(_, ordinal)| ordinal)));
        }
    }
}
