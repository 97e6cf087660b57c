//! Sessions come, take what waits, write it, accept it, and go.

use mailbox::Cleared;
use store::{Batch, Gate};

use super::Random;
use super::check::check;
use super::server::{Frame, Server, Session};
use super::truth::{ACCOUNTS, Key, REMOTE};

impl Server {
    pub(super) fn flush(&mut self, random: &mut Random) {
        if !self.sessions.is_empty() {
            self.flush_session(random.below(self.sessions.len()));
        }
    }

    /// Writes the outbox up to the first frame whose gate is not open.
    pub(super) fn flush_session(&mut self, session: usize) {
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

    pub(super) fn client_acks(&mut self, random: &mut Random) {
        if !self.sessions.is_empty() {
            self.client_acks_all(random.below(self.sessions.len()));
        }
    }

    pub(super) fn client_acks_all(&mut self, session: usize) {
        let account = self.sessions[session].account;
        let taken = std::mem::take(&mut self.sessions[session].unacked);
        let mut batch = Batch::new();
        let cleared = self.mailboxes[account].accepted(taken.iter().map(|(id, _)| *id));
        self.mailboxes[account].settle(&cleared, &mut batch);
        let keys = taken
            .iter()
            .filter(|(id, _)| cleared.ids().any(|cleared| cleared == *id))
            .map(|(_, key)| *key);
        self.submit_cleared(account, cleared.clone(), keys.collect(), batch);
    }

    pub(super) fn submit_cleared(
        &mut self,
        account: usize,
        cleared: Cleared,
        keys: Vec<Key>,
        batch: Batch,
    ) {
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

    pub(super) fn begin(&mut self, random: &mut Random) {
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

    pub(super) fn begin_session(&mut self, account: usize, has_sm: bool) {
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
    pub(super) fn offer(&mut self, account: usize) {
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
            assert_eq!(mailbox.has_waiting(), !offered.is_empty());
            mailbox.offered(offered);
        }
        for (id, message, gate) in strays {
            // One that is not stored yet is answered when its batch is settled.
            if self.world.store.gate(gate) == Gate::Durable {
                let key = Key::of_body(&message.body().unwrap());
                self.truth.answering.insert(key);
                let mut batch = Batch::new();
                let cleared = self.mailboxes[account].accepted([id]);
                self.mailboxes[account].settle(&cleared, &mut batch);
                self.submit_cleared(account, cleared, vec![key], batch);
            }
        }
    }

    pub(super) fn end(&mut self, random: &mut Random) {
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
}
