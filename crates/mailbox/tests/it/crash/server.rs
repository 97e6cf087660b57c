//! A server of a few lines: it does with mailboxes, gates and outboxes what the engine does, one effect at a time.

use jid::Domain;
use mailbox::{Cleared, Destination, Egress, Mailbox, WireId};
use store::{Batch, EntryId, Gate, Seq};

use super::Random;
use super::check::check;
use super::truth::{ACCOUNTS, Key, REMOTE, Truth};
use crate::world::{World, ready};

pub(super) struct Server {
    pub(super) world: World,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) egress: Egress,
    pub(super) truth: Truth,
    pub(super) seed: u64,
    pub(super) sessions: Vec<Session>,
    pub(super) sessions_max: usize,
    /// Who is to be told that a message is safe, in order, when its gate opens.
    pub(super) acks: Vec<(Seq, Key, Option<u64>)>,
    pub(super) recorded: Vec<(Seq, usize, EntryId, Key)>,
    pub(super) cleared: Vec<(Seq, usize, Cleared, Vec<Key>)>,
    pub(super) ordinals: [u64; ACCOUNTS.len()],
    pub(super) remote_has: Option<(EntryId, Vec<Key>)>,
}

pub(super) struct Session {
    pub(super) account: usize,
    pub(super) has_sm: bool,
    pub(super) outbox: Vec<Frame>,
    /// Sent and not acknowledged by the client.
    pub(super) unacked: Vec<(EntryId, Key)>,
    pub(super) newest: [Option<u32>; REMOTE + 1],
}

pub(super) struct Frame {
    pub(super) gate: Seq,
    pub(super) key: Key,
    pub(super) entry: Option<EntryId>,
    pub(super) id: Option<WireId>,
}

pub(super) fn elsewhere() -> Destination {
    Destination::Remote(Domain::parse("elsewhere.example").unwrap())
}

impl Server {
    pub(super) fn start(seed: u64, sessions_max: usize) -> Self {
        Self::life(World::new(), Truth::default(), seed, sessions_max)
    }

    pub(super) fn life(world: World, truth: Truth, seed: u64, sessions_max: usize) -> Self {
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

    pub(super) fn acknowledge_senders(&mut self) {
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
    /// The remote server takes, acknowledges, or loses its connection.
    pub(super) fn remote(&mut self, random: &mut Random) {
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

    pub(super) fn remote_takes(&mut self) {
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
    pub(super) fn evict(&mut self, account: usize) {
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
