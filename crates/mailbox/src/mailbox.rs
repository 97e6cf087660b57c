//! One account's mailbox as it is kept in memory, inside the account and under its lock.

use smallvec::SmallVec;
use stanza::{Stanza, Timestamp};
use store::{Ask, Batch, BodyId, Entries, EntryId, Gate, Owner, Page, Question, Seq, Store, Trim};

use crate::class::{Class, may_wait};
use crate::due::{Due, Item};
use crate::error::{Refused, Unreadable};
use crate::flight::{Flights, Landing};
use crate::limits::DUE_ENTRIES_MAX;
use crate::record::{Data, LOG, NewEntry, Owed, STATE, SharedBody, State, next_position};
use crate::sent::Sent;
use crate::wire_id::{WireId, WireKey};

/// An account's mailbox: its newest position, its key for wire ids, and what is due.
///
/// Every method is called under the account's lock and none waits. What changes the store goes into the batch it is
/// given; the change in memory is made at once, and taken back with [`withdrawn`](Self::withdrawn) or repeated with
/// [`settle`](Self::settle) when that batch fails.
#[derive(Debug)]
pub struct Mailbox {
    owner: Owner,
    key: WireKey,
    saved: Saved,
    newest: EntryId,
    /// The newest position whose batch was handed over, and the newest batch handed over.
    submitted: (EntryId, Seq),
    due: Due,
    /// Of what the owner has sent; who sends nothing pays for a pointer.
    outgoing: Option<Box<Outgoing>>,
    /// The newest archive entry recorded since it was loaded, and when; at position zero when there is none.
    latest: (EntryId, Timestamp),
}

/// What is known of what the owner has sent.
#[derive(Debug, Default)]
struct Outgoing {
    sent: Sent,
    flights: Flights,
}

/// Whether the key is on disk. Until that is known it goes along with every entry: an id must never be shown whose key
/// could be lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Saved {
    No,
    /// It went into the batch that is being filled.
    InHand,
    /// It was handed over with this batch.
    Under(Seq),
    Yes,
}

/// What loading asks, in one snapshot: the key, the newest position ever drawn, and what is due.
pub type LoadQuestion = (Ask<Option<State>>, Ask<Option<EntryId>>, Ask<Entries<Data>>);

/// The answer to it.
pub type LoadAnswer = <LoadQuestion as Question>::Answer;

/// What [`Mailbox::record`] drew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// The entry's position, which the frames that carry the message keep, to accept or release it.
    pub id: EntryId,
    /// The value of the `<stanza-id/>` that the delivered copies carry: of an archive entry only.
    pub wire_id: Option<WireId>,
}

/// An entry that waits for a resource.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Its position.
    pub id: EntryId,
    /// When it came: the delay stamp of its delivery.
    pub at: Timestamp,
    /// The gate of its delivery.
    pub gate: Seq,
    /// The value of its `<stanza-id/>`: of an archive entry only.
    pub wire_id: Option<WireId>,
    item: &'a Item,
}

impl Waiting<'_> {
    /// The message, without `<stanza-id/>` and delay, which the caller adds.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] when the store is damaged there; the entry is to be accepted unseen, or it blocks for ever.
    pub fn message(&self) -> Result<Stanza, Unreadable> {
        self.item.message()
    }
}

/// Entries that are settled in memory and not on disk yet: see [`Mailbox::settle`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "until it is written with `settle`, the entries come back at the next load"]
pub struct Cleared(SmallVec<[(EntryId, Class); 1]>);

impl Cleared {
    /// Adds what was settled later, or before.
    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Whether nothing was settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many entries were settled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The settled entries, in order.
    pub fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.0.iter().map(|(id, _)| *id)
    }
}

/// Loading.
impl Mailbox {
    /// What must be read to load the mailbox of `owner`; goes into the one read of the account.
    #[must_use]
    pub fn question(owner: &Owner) -> LoadQuestion {
        let due = Page {
            due: true,
            entries_max: DUE_ENTRIES_MAX,
            ..Page::default()
        };
        (
            STATE.get(owner, &()),
            LOG.newest(owner),
            LOG.page(owner, due),
        )
    }

    /// The mailbox as it was read: everything due waits, in nobody's hands. `fresh` becomes the key if there is none
    /// yet; it is stored with the first entry.
    #[must_use]
    pub fn load(owner: Owner, answer: LoadAnswer, fresh: WireKey) -> Self {
        let (state, newest, entries) = answer;
        let mut due = Due::default();
        for found in entries.found {
            due.insert(found.entry.id, Item::read_back(found));
        }
        Self {
            owner,
            key: state.as_ref().map_or(fresh, |state| state.key),
            saved: if state.is_some() {
                Saved::Yes
            } else {
                Saved::No
            },
            newest: newest.unwrap_or_default(),
            submitted: (newest.unwrap_or_default(), Seq::NONE),
            due,
            outgoing: None,
            latest: (EntryId(0), Timestamp::from_micros(0)),
        }
    }

    /// The mailbox of an account that has stored nothing and never will: an anonymous one, whose entries must have
    /// [`Class::None`], that is, are not recorded.
    #[must_use]
    pub fn empty(owner: Owner, fresh: WireKey) -> Self {
        Self::load(
            owner,
            (
                None,
                None,
                Entries {
                    found: Vec::new(),
                    more: false,
                },
            ),
            fresh,
        )
    }
}

/// Recording.
impl Mailbox {
    /// Appends a message, at the next position. The batch must be handed over before the lock is released, so that
    /// positions become visible in order.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the entry would be due and as much is due as may be; the sender gets an error ([XEP-0160 §2],
    /// step 3), and nothing has changed. What nobody is owed is never refused for that.
    ///
    /// [XEP-0160 §2]: https://xmpp.org/extensions/xep-0160.html#flow
    pub fn record(&mut self, new: &NewEntry<'_>, batch: &mut Batch) -> Result<Recorded, Refused> {
        let for_nobody = new.class == Class::Delivery && new.owed == Owed::Nobody;
        if new.class == Class::None || for_nobody {
            return Err(Refused::NotKept);
        }
        if new.owed != Owed::Nobody {
            self.due.room_for(new.message.bytes_len())?;
        }
        let id = next_position(&mut self.newest)?;
        if self.saved != Saved::Yes {
            batch.put(STATE, &self.owner, &(), &State { key: self.key });
        }
        if self.saved == Saved::No {
            self.saved = Saved::InHand;
        }
        if new.class == Class::Archive {
            self.latest = (id, new.at);
        }
        let session_only = new.owed != Owed::Nobody && !may_wait(new.message);
        batch.append(LOG, &self.owner, new.stored(id, session_only));
        let offers = match new.owed {
            Owed::Nobody => {
                if let Some(message_id) = new.message.id()
                    && new.is_sent()
                {
                    let outgoing = self.outgoing.get_or_insert_default();
                    outgoing.sent.note(new.peer.as_str(), message_id);
                }
                return Ok(self.recorded(id, new.class));
            }
            Owed::Sessions(sessions) => sessions,
            Owed::Later => 0,
        };
        self.due.insert(id, Item::live(new, session_only, offers));
        Ok(self.recorded(id, new.class))
    }

    /// Stores what the owner sends as a body to which recipients' mailboxes refer: see [`SharedBody::store`]. What takes
    /// entries of the owner away waits for its [`landing`](Self::landing).
    pub fn send_body(&mut self, id: BodyId, base: Stanza, batch: &mut Batch) -> SharedBody {
        let outgoing = self.outgoing.get_or_insert_default();
        SharedBody::store(id, base, batch).aboard(outgoing.flights.newest())
    }

    /// Waits until everything that the owner has sent until now is where it was sent to, or nowhere: the batches that
    /// refer to its bodies are handed over.
    pub fn landing(&mut self) -> Landing {
        let outgoing = self.outgoing.as_mut();
        outgoing.map_or_else(Landing::default, |it| it.flights.landing())
    }

    /// Whether anything that the owner sent is on its way. Until it is there this memory must not go.
    #[must_use]
    pub fn has_bodies_under_way(&self) -> bool {
        let outgoing = self.outgoing.as_ref();
        outgoing.is_some_and(|it| it.flights.are_under_way())
    }

    /// Notes under which number the batch was handed over that this mailbox last wrote to: what was recorded with it
    /// may be shown to anybody only when that gate is open.
    pub fn submitted(&mut self, seq: Seq, store: &Store) {
        self.saved = match self.saved {
            Saved::InHand => Saved::Under(seq),
            Saved::Under(first) => match store.gate(first) {
                Gate::Pending => Saved::Under(first),
                Gate::Durable => Saved::Yes,
                Gate::Failed => Saved::No,
            },
            known => known,
        };
        for item in self.due.behind(self.submitted.0) {
            item.gate = seq;
        }
        // A batch that turned out empty has no number of its own.
        self.submitted = (self.newest, self.submitted.1.max(seq));
    }

    /// Takes back an entry whose batch failed: it is nowhere any more, and its sender must get an error. Returns the
    /// message if it was still due; frames that carry it will not be sent, because their gate failed.
    pub fn withdrawn(&mut self, id: EntryId) -> Option<Stanza> {
        self.due.remove(id)?.message().ok()
    }

    fn recorded(&self, id: EntryId, class: Class) -> Recorded {
        Recorded {
            id,
            wire_id: self.wire_id(id, class),
        }
    }
}

/// Delivering.
impl Mailbox {
    /// What waits for a resource, in order: entries that no session has in hand. Entries that were meant for one
    /// session only are among the [`strays`](Self::strays) instead.
    ///
    /// While a session is being given what waits, new messages for it are recorded as [`Owed::Later`] and so come
    /// behind; otherwise they would overtake.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting<'_>> {
        self.in_no_hands(false)
    }

    /// Whether anything [waits](Self::waiting).
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.due.waiting() > 0
    }

    /// What was kept for one session only ([`may_wait`](crate::may_wait)) and lost it: to be given to that session if
    /// it resumes, or answered with an error or dropped as the delivery rules say, and then accepted.
    pub fn strays(&self) -> impl Iterator<Item = Waiting<'_>> {
        self.in_no_hands(true)
    }

    /// One entry that is due, in whosever hands: `None` once it was accepted or withdrawn.
    #[must_use]
    pub fn due(&self, id: EntryId) -> Option<Waiting<'_>> {
        let item = self.due.get(id)?;
        Some(self.shown(id, item))
    }

    /// Notes that a session has these entries in its outbox: they no longer wait.
    pub fn offered(&mut self, ids: impl IntoIterator<Item = EntryId>) {
        for id in ids {
            self.due.offer(id, true);
        }
    }

    /// Notes that a session that had these entries in its outbox ended without accepting them. What no other session
    /// has waits again, in its old place.
    pub fn released(&mut self, ids: impl IntoIterator<Item = EntryId>) {
        for id in ids {
            self.due.offer(id, false);
        }
    }

    /// Settles entries that a session accepted: written to its socket, or acknowledged when it has stream management.
    /// What was kept for delivery only is to be removed, what the archive keeps is no longer due. Entries that another
    /// session accepted before are passed over.
    pub fn accepted(&mut self, ids: impl IntoIterator<Item = EntryId>) -> Cleared {
        let settled = ids
            .into_iter()
            .filter_map(|id| self.due.remove(id).map(|item| (id, item.class)));
        Cleared(settled.collect())
    }

    /// Settles the archive entries up to a position that nobody has in hand: a client has read them from the archive.
    /// What a session has in hand it accepts itself; its client may be another one, which is away.
    pub fn synced(&mut self, through: EntryId) -> Cleared {
        let read = self
            .due
            .ids(|id, item| id <= through && item.is_free() && item.class == Class::Archive);
        self.accepted(read)
    }

    /// Settles these entries as far as nobody has them in hand: a client has read them from the archive, as
    /// [`synced`](Self::synced).
    pub fn read(&mut self, ids: impl IntoIterator<Item = EntryId>) -> Cleared {
        let due = &self.due;
        let free = ids
            .into_iter()
            .filter(|id| due.get(*id).is_some_and(Item::is_free));
        let free: Vec<EntryId> = free.collect();
        self.accepted(free)
    }

    /// Settles the oldest archive entries that wait, until no more than this is due or none is left: the archive has them,
    /// and there they are read.
    pub fn give_way(&mut self, entries_max: usize, bytes_max: usize) -> Cleared {
        let gives_way =
            |item: &Item| item.is_free() && !item.session_only && item.class == Class::Archive;
        let mut settled = Cleared::default();
        while self.due.len() > entries_max || self.due.bytes() > bytes_max {
            let oldest = self.due.iter().find(|(_, item)| gives_way(item));
            let Some((oldest, _)) = oldest else {
                break;
            };
            settled.extend(self.accepted([oldest]));
        }
        settled
    }

    /// Settles what waits since before `older_than`: kept for delivery only it is gone, otherwise the archive has it.
    /// Nobody is told, as with everything an offline store forgets.
    pub fn expire(&mut self, older_than: Timestamp) -> Cleared {
        let old = self
            .due
            .ids(|_, item| item.is_free() && item.at < older_than);
        self.accepted(old)
    }

    /// Writes what was settled, neighbours together. It may be written again, when the batch failed.
    pub fn settle(&self, cleared: &Cleared, batch: &mut Batch) {
        let mut ids = cleared.0.clone();
        ids.sort_unstable_by_key(|(id, _)| *id);
        let of = |is_delivery: bool| {
            let is_it =
                move |(_, class): &&(EntryId, Class)| (*class == Class::Delivery) == is_delivery;
            ids.iter().filter(is_it).map(|(id, _)| *id)
        };
        // Behind a removed entry there may be one that stays.
        let adjoins = |last: EntryId, next: EntryId| next.0 == last.0 + 1;
        for (first, last) in runs(of(true), adjoins) {
            match first == last {
                true => batch.trim(LOG, &self.owner, Trim::One(first)),
                false => batch.trim(LOG, &self.owner, Trim::Range(first, last)),
            }
        }
        let adjoins = |last, next| !self.due.has_between(last, next);
        for (first, last) in runs(of(false), adjoins) {
            batch.done(LOG, &self.owner, first..=last);
        }
    }

    fn in_no_hands(&self, session_only: bool) -> impl Iterator<Item = Waiting<'_>> {
        let wanted = move |item: &Item| item.is_free() && item.session_only == session_only;
        self.due
            .iter()
            .filter(move |(_, item)| wanted(item))
            .map(|(id, item)| self.shown(id, item))
    }

    fn shown<'a>(&self, id: EntryId, item: &'a Item) -> Waiting<'a> {
        Waiting {
            id,
            at: item.at,
            gate: item.gate,
            wire_id: self.wire_id(id, item.class),
            item,
        }
    }
}

/// Asking.
impl Mailbox {
    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The newest position drawn: what is recorded from now on comes behind it. Zero when none was.
    #[must_use]
    pub fn newest(&self) -> EntryId {
        self.newest
    }

    /// Whether the archive has lately kept a message with this id that the owner sent to `peer`, a bare JID. Of what was
    /// sent before the mailbox was loaded [`was_sent`](crate::was_sent) knows.
    #[must_use]
    pub fn has_sent(&self, peer: &str, message_id: &str) -> bool {
        let outgoing = self.outgoing.as_ref();
        outgoing.is_some_and(|it| it.sent.has(peer, message_id))
    }

    /// The newest archive entry recorded since the mailbox was loaded, and when. It is there once
    /// [`last_batch`](Self::last_batch) is durable.
    #[must_use]
    pub fn latest(&self) -> Option<(EntryId, Timestamp)> {
        (self.latest.0 > EntryId(0)).then_some(self.latest)
    }

    /// What makes ids of positions, for a page of archive entries.
    #[must_use]
    pub fn wire_key(&self) -> WireKey {
        self.key
    }

    /// How many entries are due, waiting or in hand.
    #[must_use]
    pub fn due_len(&self) -> usize {
        self.due.len()
    }

    /// How much memory the due entries take, for the cache that the account is in.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.due.bytes()
    }

    /// Whether this memory may go, to be read again later: nobody has an entry in hand. The last batch handed over
    /// ([`last_batch`](Self::last_batch)) must be settled too.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.due.in_hand() == 0
    }

    /// The newest batch that this mailbox wrote to, as far as it was told.
    #[must_use]
    pub fn last_batch(&self) -> Seq {
        self.submitted.1
    }

    /// The position that a client's id stands for, if it was ever drawn.
    #[must_use]
    pub fn position(&self, id: WireId) -> Option<EntryId> {
        let position = self.key.open(id);
        (EntryId(1)..=self.newest)
            .contains(&position)
            .then_some(position)
    }

    /// What clients see of an entry: only the archive's entries have an id.
    #[must_use]
    pub fn wire_id(&self, id: EntryId, class: Class) -> Option<WireId> {
        (class == Class::Archive).then(|| self.key.seal(id))
    }
}

/// Ids in order in runs, each with its first and its last, as `adjoins` says of two neighbours.
fn runs(
    ids: impl Iterator<Item = EntryId>,
    adjoins: impl Fn(EntryId, EntryId) -> bool,
) -> SmallVec<[(EntryId, EntryId); 1]> {
    let mut runs: SmallVec<[(EntryId, EntryId); 1]> = SmallVec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if adjoins(*last, id) => *last = id,
            _ => runs.push((id, id)),
        }
    }
    runs
}
