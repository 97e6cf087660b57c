//! A server of a few lines: it does with mailboxes, gates and outboxes what the engine does, one effect at a time.

use jid::Domain;
use mailbox::{
    Archiving, Class, Cleared, Destination, Egress, Inbound, Mailbox, NewEntry, Owed, Reliance,
    SessionId, SharedBody, WireId, classify, may_wait,
};
use stanza::{MessageType, Stanza};
use store::{Batch, EntryId, Gate, Seq, StoreError};

use super::Random;
use super::check::check;
use super::truth::{ACCOUNTS, Key, REMOTE, Truth};
use crate::world::{World, at, bare, child, message, ready};

pub(super) struct Server {
    pub(super) world: World,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) egress: Egress,
    pub(super) truth: Truth,
    pub(super) seed: u64,
    sessions: Vec<Session>,
    sessions_max: usize,
    /// Who is to be told that a message is safe, in order, when its gate opens.
    acks: Vec<(Seq, Key, Option<u64>)>,
    recorded: Vec<(Seq, usize, EntryId, Key)>,
    cleared: Vec<(Seq, usize, Cleared, Vec<Key>)>,
    ordinals: [u64; ACCOUNTS.len()],
    remote_has: Option<(EntryId, Vec<Key>)>,
}

struct Session {
    account: usize,
    has_sm: bool,
    outbox: Vec<Frame>,
    /// Sent and not acknowledged by the client.
    unacked: Vec<(EntryId, Key)>,
    newest: [Option<u32>; REMOTE + 1],
}

struct Frame {
    gate: Seq,
    key: Key,
    entry: Option<EntryId>,
    id: Option<WireId>,
}

pub(super) fn elsewhere() -> Destination {
    Destination::Remote(Domain::parse("elsewhere.example").unwrap())
}

impl Server {
    pub(super) fn start(seed: u64, sessions_max: usize) -> Self {
        Self::life(World::new(), Truth::default(), seed, sessions_max)
    }

    fn life(world: World, truth: Truth, seed: u64, sessions_max: usize) -> Self {
        let egress = Egress::load(
            elsewhere(),
            ready(world.store.read(Egress::question(&elsewhere()))).unwrap(),
        );
        Self {
            mailboxes: ACCOUNTS
                .iter()
                .map(|account| world.mailbox(account))
                .collect(),
            ordinals: truth.handled,
            egress,
            world,
            truth,
            seed,
            sessions: Vec::new(),
            sessions_max,
            acks: Vec::new(),
            recorded: Vec::new(),
            cleared: Vec::new(),
            remote_has: None,
        }
    }

    /// kill -9, and the next life over what is on the disk.
    pub(super) fn crash(mut self) -> Self {
        self.note_settled();
        self.truth.accepting.clear();
        self.truth.answering.clear();
        let next = World::over(self.world.disk.image());
        let next = Self::life(next, self.truth, self.seed, self.sessions_max);
        check(&next);
        next
    }

    pub(super) fn step(&mut self, random: &mut Random) {
        match random.below(12) {
            0..=3 => self.send(random),
            4 | 5 => self.write(random),
            6 => self.acknowledge_senders(),
            7 | 8 => self.flush(random),
            9 => self.client_acks(random),
            10 if random.one_in(2) => self.begin(random),
            10 => self.end(random),
            _ => self.remote(random),
        }
        self.evict(random.below(ACCOUNTS.len()));
        check(self);
    }

    /// Everybody comes online without faults; then nothing may wait and everything promised was shown or bounced.
    pub(super) fn come_to_rest(mut self) {
        self.sessions_max = usize::MAX;
        for account in 0..ACCOUNTS.len() {
            self.begin_session(account, false);
        }
        for _ in 0..4 {
            self.write_all();
            (0..ACCOUNTS.len()).for_each(|account| self.offer(account));
            (0..self.sessions.len()).for_each(|session| self.flush_session(session));
            (0..self.sessions.len()).for_each(|session| self.client_acks_all(session));
            self.acknowledge_senders();
            check(&self);
        }
        assert!(
            self.mailboxes
                .iter()
                .all(|mailbox| mailbox.waiting().count() == 0),
            "seed {}",
            self.seed
        );
        for (key, fate) in &self.truth.fates {
            let done = fate.shown > 0 || fate.bounced || key.to == REMOTE;
            assert!(
                done || !fate.acknowledged,
                "seed {}: {key:?} {fate:?}",
                self.seed
            );
        }
    }

    fn send(&mut self, random: &mut Random) {
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
    fn record_sent(
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

    fn arrive(
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

    fn leave(
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

    /// The disk takes what waits, or fails; then what failed is taken back and answered, or written again.
    fn write(&mut self, random: &mut Random) {
        if random.one_in(3) {
            self.world
                .disk
                .fail_after(random.below(4), StoreError::Full);
        }
        self.world.store.turn(&mut self.world.disk.clone());
        self.note_settled();
        check(self);
        self.after_write();
    }

    fn write_all(&mut self) {
        self.world.write();
        self.after_write();
        self.world.write();
        self.note_settled();
    }

    fn after_write(&mut self) {
        let gate = |seq: Seq| self.world.store.gate(seq);
        let (pending, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.recorded)
            .into_iter()
            .partition(|(seq, ..)| gate(*seq) == Gate::Pending);
        let failed: Vec<_> = settled
            .into_iter()
            .filter(|(seq, ..)| gate(*seq) == Gate::Failed)
            .collect();
        self.recorded = pending;
        let (repeated, cleared): (Vec<_>, Vec<_>) = std::mem::take(&mut self.cleared)
            .into_iter()
            .partition(|(seq, ..)| gate(*seq) == Gate::Failed);
        self.cleared = cleared;
        for (_, place, id, key) in failed {
            let taken = match place {
                REMOTE => self.egress.withdrawn(id),
                account => self.mailboxes[account].withdrawn(id),
            };
            assert_eq!(
                taken.unwrap().body().unwrap(),
                key.body(),
                "seed {}",
                self.seed
            );
            self.truth.fate(key).bounced = true;
        }
        check(self);
        for (_, account, cleared, keys) in repeated {
            let mut batch = Batch::new();
            self.mailboxes[account].repeat(&cleared, &mut batch);
            self.submit_cleared(account, cleared, keys, batch);
        }
    }

    /// Moves what the disk has accepted for good to the truth.
    fn note_settled(&mut self) {
        let store = &self.world.store;
        let (durable, rest): (Vec<_>, Vec<_>) = self
            .truth
            .accepting
            .drain(..)
            .partition(|(seq, _)| store.gate(*seq) == Gate::Durable);
        self.truth.accepting = rest;
        for (_, key) in durable {
            self.truth.settled.insert(key);
            if self.truth.answering.remove(&key) {
                self.truth.fate(key).bounced = true;
            }
        }
    }

    fn acknowledge_senders(&mut self) {
        while let Some((seq, key, ordinal)) = self.acks.first().cloned() {
            match self.world.store.gate(seq) {
                Gate::Pending => return,
                Gate::Durable => self.truth.fate(key).acknowledged = true,
                Gate::Failed => {
                    assert!(self.truth.fate(key).bounced, "seed {}: {key:?}", self.seed)
                }
            }
            if let (Gate::Durable, Some(ordinal)) = (self.world.store.gate(seq), ordinal) {
                self.truth.handled[key.from] = ordinal;
            }
            self.acks.remove(0);
            check(self);
        }
    }

    fn flush(&mut self, random: &mut Random) {
        if !self.sessions.is_empty() {
            self.flush_session(random.below(self.sessions.len()));
        }
    }

    /// Writes the outbox up to the first frame whose gate is not open.
    fn flush_session(&mut self, session: usize) {
        let mut taken = Vec::new();
        loop {
            let session = &mut self.sessions[session];
            let gate = session
                .outbox
                .first()
                .map(|frame| self.world.store.gate(frame.gate));
            let frame = match gate {
                None | Some(Gate::Pending) => break,
                Some(Gate::Failed) => {
                    session.outbox.remove(0);
                    continue;
                }
                Some(Gate::Durable) => session.outbox.remove(0),
            };
            let fate = self.truth.fate(frame.key);
            assert!(
                !fate.bounced || frame.entry.is_none(),
                "seed {}: {:?} bounced and shown",
                self.seed,
                frame.key
            );
            fate.shown += 1;
            self.truth.saw_id(session.account, frame.id, frame.key);
            let newest = session.newest[frame.key.from].replace(frame.key.number);
            let in_order = newest.is_none_or(|newest| newest < frame.key.number);
            assert!(
                in_order || self.sessions_max > 1,
                "seed {}: {:?} out of order",
                self.seed,
                frame.key
            );
            if let Some(entry) = frame.entry {
                taken.push((entry, frame.key));
            }
        }
        self.sessions[session].unacked.extend(taken);
        check(self);
        if !self.sessions[session].has_sm {
            self.client_acks_all(session);
        }
    }

    fn client_acks(&mut self, random: &mut Random) {
        if !self.sessions.is_empty() {
            self.client_acks_all(random.below(self.sessions.len()));
        }
    }

    fn client_acks_all(&mut self, session: usize) {
        let account = self.sessions[session].account;
        let taken = std::mem::take(&mut self.sessions[session].unacked);
        let mut batch = Batch::new();
        let cleared = self.mailboxes[account].accepted(taken.iter().map(|(id, _)| *id), &mut batch);
        let keys = taken
            .iter()
            .filter(|(id, _)| cleared.ids().any(|cleared| cleared == *id))
            .map(|(_, key)| *key);
        self.submit_cleared(account, cleared.clone(), keys.collect(), batch);
    }

    fn submit_cleared(&mut self, account: usize, cleared: Cleared, keys: Vec<Key>, batch: Batch) {
        if cleared.is_empty() {
            return;
        }
        let seq = self.world.store.submit(batch);
        self.mailboxes[account].submitted(seq, &self.world.store);
        self.truth
            .accepting
            .extend(keys.iter().map(|key| (seq, *key)));
        self.cleared.push((seq, account, cleared, keys));
        check(self);
    }

    fn begin(&mut self, random: &mut Random) {
        let account = random.below(ACCOUNTS.len());
        if self
            .sessions
            .iter()
            .filter(|session| session.account == account)
            .count()
            < self.sessions_max
        {
            self.begin_session(account, !random.one_in(3));
        }
    }

    fn begin_session(&mut self, account: usize, has_sm: bool) {
        let newest = [None; REMOTE + 1];
        self.sessions.push(Session {
            account,
            has_sm,
            outbox: Vec::new(),
            unacked: Vec::new(),
            newest,
        });
        self.offer(account);
    }

    /// Gives what waits to the newest session of an account, and answers what may not wait.
    fn offer(&mut self, account: usize) {
        let mailbox = &mut self.mailboxes[account];
        let strays: Vec<_> = mailbox
            .strays()
            .map(|stray| (stray.id, stray.message().unwrap(), stray.gate))
            .collect();
        let session = self
            .sessions
            .iter_mut()
            .rfind(|session| session.account == account);
        if let Some(session) = session {
            for waiting in mailbox.waiting() {
                let key = Key::of_body(&waiting.message().unwrap().body().unwrap());
                let (gate, entry, id) = (waiting.gate, Some(waiting.id), waiting.wire_id);
                assert!(
                    !self.truth.settled.contains(&key),
                    "seed {}: {key:?} comes twice",
                    self.seed
                );
                session.outbox.push(Frame {
                    gate,
                    key,
                    entry,
                    id,
                });
            }
            let offered: Vec<_> = mailbox.waiting().map(|waiting| waiting.id).collect();
            mailbox.offered(offered);
        }
        for (id, message, gate) in strays {
            // One that is not stored yet is answered when its batch is settled.
            if self.world.store.gate(gate) == Gate::Durable {
                let key = Key::of_body(&message.body().unwrap());
                self.truth.answering.insert(key);
                let mut batch = Batch::new();
                let cleared = self.mailboxes[account].accepted([id], &mut batch);
                self.submit_cleared(account, cleared, vec![key], batch);
            }
        }
    }

    fn end(&mut self, random: &mut Random) {
        if self.sessions.is_empty() {
            return;
        }
        let session = self.sessions.remove(random.below(self.sessions.len()));
        let held = session.outbox.iter().filter_map(|frame| frame.entry);
        let held = held.chain(session.unacked.iter().map(|(id, _)| *id));
        self.mailboxes[session.account].released(held);
        check(self);
        self.offer(session.account);
    }

    /// The remote server takes, acknowledges, or loses its connection.
    fn remote(&mut self, random: &mut Random) {
        match random.below(4) {
            0 => {
                self.egress.lost();
                self.remote_has = None;
            }
            1 => {
                if let Some((through, keys)) = self.remote_has.take() {
                    let mut batch = Batch::new();
                    self.egress.acknowledged(through, &mut batch);
                    let seq = self.world.store.submit(batch);
                    self.truth
                        .accepting
                        .extend(keys.iter().map(|key| (seq, *key)));
                }
            }
            _ => self.remote_takes(),
        }
    }

    fn remote_takes(&mut self) {
        let open = |gate| self.world.store.gate(gate) == Gate::Durable;
        let ready: Vec<_> = self
            .egress
            .unsent()
            .take_while(|unsent| open(unsent.gate))
            .map(|unsent| {
                (
                    unsent.id,
                    Key::of_body(&unsent.message.as_ref().unwrap().body().unwrap()),
                )
            })
            .collect();
        for (id, key) in ready {
            self.egress.sent(id);
            self.truth.fate(key).shown += 1;
            let (through, keys) = self.remote_has.get_or_insert_with(Default::default);
            *through = id;
            keys.push(key);
        }
    }

    /// Drops a mailbox from memory and reads it again, when nobody has anything in hand.
    fn evict(&mut self, account: usize) {
        let mailbox = &mut self.mailboxes[account];
        if mailbox.is_at_rest() && self.world.store.gate(mailbox.last_batch()) == Gate::Durable {
            let waited: Vec<_> = mailbox
                .waiting()
                .map(|waiting| (waiting.id, waiting.wire_id))
                .collect();
            *mailbox = self.world.mailbox(ACCOUNTS[account]);
            let waiting: Vec<_> = mailbox
                .waiting()
                .map(|waiting| (waiting.id, waiting.wire_id))
                .collect();
            let forgotten = self
                .cleared
                .iter()
                .any(|(seq, of, ..)| *of == account && self.world.store.gate(*seq) == Gate::Failed);
            assert!(
                waiting == waited || forgotten,
                "seed {}: {waited:?} {waiting:?}",
                self.seed
            );
        }
    }
}
