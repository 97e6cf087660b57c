//! What devices are still to be notified of: in memory with the account, and on disk as long as it has to wait, so that a
//! restart forgets nothing.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::{Duration, Instant},
};

use engine::{
    account::{Account, Resident},
    pipeline::Context,
    session::SessionId,
};
use jid::Jid;
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Version};

use super::{limits::NOTES_MAX, notable::Urgency, registration::Key};

/// One thing that a device is to be notified of. What users write is not printed, nor is it stored.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Note {
    /// Who sent it.
    pub(super) sender: Jid,
    /// Somebody calls.
    #[serde(default)]
    pub(super) is_call: bool,
    /// What is in it, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

impl Note {
    /// How urgent it is.
    pub(super) fn urgency(&self) -> Urgency {
        match self.is_call {
            true => Urgency::Call,
            false => Urgency::Message,
        }
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note(from {})", self.sender)
    }
}

/// What waits for one device.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Oldest first.
    pub(super) notes: VecDeque<Note>,
    /// What the device was notified of, or is not remembered any more, since its client was here.
    pub(super) others: u32,
    /// A notification is on its way.
    pub(super) is_under_way: bool,
    /// The last one failed: not before this.
    pub(super) not_before: Option<Instant>,
    /// The store may have something of it.
    pub(super) is_stored: bool,
    /// The store has it as it is.
    is_current: bool,
}

/// When a device is notified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    /// There is nothing to say, or it is being said.
    Nothing,
    /// Now.
    Now,
    /// Not before this, unless something changes.
    At(Instant),
}

impl Waiting {
    /// When the device is notified, with the user at another one `until` then. Calls ring everywhere at once.
    pub(super) fn due(&self, now: Instant, until: Option<Instant>) -> Due {
        let Some(urgency) = self.notes.iter().map(Note::urgency).max() else {
            return Due::Nothing;
        };
        if self.is_under_way {
            return Due::Nothing;
        }
        let held = until.filter(|_| urgency == Urgency::Message);
        match self.not_before.max(held) {
            Some(at) if at > now => Due::At(at),
            Some(_) | None => Due::Now,
        }
    }

    /// One more thing to say.
    pub(super) fn add(&mut self, note: Note) {
        if self.notes.len() == NOTES_MAX && self.notes.pop_front().is_some() {
            self.others = self.others.saturating_add(1);
        }
        self.notes.push_back(note);
        self.is_current = false;
    }

    /// Keeps only the notes that `keep` accepts. Whether any went.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Note) -> bool) -> bool {
        let before = self.notes.len();
        self.notes.retain(keep);
        let has_changed = self.notes.len() != before;
        self.is_current &= !has_changed;
        has_changed
    }

    /// Gives what there is to say, to be said.
    pub(super) fn take(&mut self) -> Vec<Note> {
        self.is_current = false;
        std::mem::take(&mut self.notes).into()
    }

    /// What could not be said is to be said, before what has come since.
    pub(super) fn give_back(&mut self, notes: Vec<Note>) {
        let newer = self.take();
        notes
            .into_iter()
            .chain(newer)
            .for_each(|note| self.add(note));
    }

    /// How many things there are to see.
    pub(super) fn count(&self) -> u32 {
        let notes = u32::try_from(self.notes.len()).unwrap_or(u32::MAX);
        self.others.saturating_add(notes)
    }
}

/// What waits for the devices of an account, and where its user is.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) devices: BTreeMap<Key, Waiting>,
    /// When the user did something by hand at each session.
    at_hand: Vec<(SessionId, Instant)>,
    /// Which registration a session's client made.
    owners: Vec<(SessionId, Key)>,
    /// What these sessions hold was told to their devices when they lost their connection.
    told: Vec<SessionId>,
    /// When it is looked at again.
    pub(super) look_at: Option<Instant>,
}

impl Pending {
    /// Where it is stored.
    pub(super) const STORED: Collection<Map<Key, Vec<Note>>> =
        Collection::new("push.pending", Version(1));

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.devices
            .values()
            .all(|waiting| waiting.notes.is_empty())
    }

    /// The user is at this session.
    pub(super) fn touch(&mut self, session: SessionId, now: Instant) {
        match self.at_hand.iter_mut().find(|(id, _)| *id == session) {
            Some((_, at)) => *at = now,
            None => self.at_hand.push((session, now)),
        }
    }

    /// The user is not at this session any more.
    pub(super) fn leave(&mut self, session: SessionId) {
        self.at_hand.retain(|(id, _)| *id != session);
    }

    /// Until when the user counts as being at this session.
    pub(super) fn at_hand_until(&self, session: SessionId, hold: Duration) -> Option<Instant> {
        let (_, at) = self.at_hand.iter().find(|(id, _)| *id == session)?;
        Some(*at + hold)
    }

    /// The client of this session made that registration.
    pub(super) fn own(&mut self, session: SessionId, key: &Key) {
        self.disown(session);
        self.owners.push((session, key.clone()));
    }

    /// The session is gone.
    pub(super) fn disown(&mut self, session: SessionId) {
        self.owners.retain(|(id, _)| *id != session);
        self.told.retain(|id| *id != session);
    }

    /// The device of a session is told what that holds.
    pub(super) fn set_told(&mut self, session: SessionId) {
        self.told.push(session);
    }

    /// Whether it was.
    pub(super) fn is_told(&self, session: SessionId) -> bool {
        self.told.contains(&session)
    }

    /// The registration that the client of this session made.
    pub(super) fn owned(&self, session: SessionId) -> Option<&Key> {
        let owned = self.owners.iter().find(|(id, _)| *id == session);
        owned.map(|(_, key)| key)
    }
}

impl Resident for Pending {
    type Key = Key;
    type Value = Vec<Note>;
    const COLLECTION: Collection<Map<Key, Vec<Note>>> = Self::STORED;

    fn load(entries: Vec<(Key, Vec<Note>)>) -> Self {
        let devices = entries.into_iter().map(|(key, notes)| {
            let waiting = Waiting {
                notes: notes.into(),
                is_stored: true,
                is_current: true,
                ..Waiting::default()
            };
            (key, waiting)
        });
        Self {
            devices: devices.collect(),
            ..Self::default()
        }
    }
}

/// Stores what waits for a device, or that nothing does any more. Nothing waits for the disk.
pub(super) fn keep(account: &mut Account, cx: &Context<'_>, key: &Key) {
    let owner = account.owner().clone();
    let Some(waiting) = account.resident_mut::<Pending>().devices.get_mut(key) else {
        return;
    };
    if waiting.notes.is_empty() {
        if std::mem::take(&mut waiting.is_stored) {
            cx.aside().delete(Pending::STORED, &owner, key);
        }
        return;
    }
    if std::mem::replace(&mut waiting.is_current, true) {
        return;
    }
    let without_text = |note: &Note| Note {
        body: None,
        ..note.clone()
    };
    let notes: Vec<Note> = waiting.notes.iter().map(without_text).collect();
    waiting.is_stored = true;
    cx.aside().put(Pending::STORED, &owner, key, &notes);
}

/// Forgets everything about a device: its client is here, or its registration is gone.
pub(super) fn forget(account: &mut Account, cx: &Context<'_>, key: &Key) {
    let owner = account.owner().clone();
    let gone = account.resident_mut::<Pending>().devices.remove(key);
    if gone.is_some_and(|waiting| waiting.is_stored) {
        cx.aside().delete(Pending::STORED, &owner, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_notified_when_nothing_speaks_against_it() {
        check("", 0, 0, false, Due::Nothing);
        check("m", 0, 0, false, Due::Now);
        check("m", 0, 0, true, Due::Nothing);
    }

    #[test]
    fn a_message_waits_while_the_user_is_elsewhere_and_a_call_does_not() {
        let now = testing_now();
        check("m", 120, 0, false, Due::At(now + Duration::from_secs(120)));
        check("c", 120, 0, false, Due::Now);
        check("mcm", 120, 0, false, Due::Now);
    }

    #[test]
    fn both_wait_after_a_failure() {
        let now = testing_now();
        check("c", 120, 30, false, Due::At(now + Duration::from_secs(30)));
        check("m", 120, 30, false, Due::At(now + Duration::from_secs(120)));
        check("m", 10, 30, false, Due::At(now + Duration::from_secs(30)));
    }

    #[test]
    fn what_is_forgotten_counts() {
        let mut waiting = Waiting::default();
        for _ in 0..NOTES_MAX + 3 {
            waiting.add(note(false));
        }
        assert_eq!(waiting.notes.len(), NOTES_MAX);
        assert_eq!(waiting.count(), u32::try_from(NOTES_MAX + 3).unwrap());
    }

    #[track_caller]
    fn check(notes: &str, elsewhere: u64, paused: u64, is_under_way: bool, expected: Due) {
        let now = testing_now();
        let at = |seconds| (seconds > 0).then(|| now + Duration::from_secs(seconds));
        let waiting = Waiting {
            notes: notes.chars().map(|kind| note(kind == 'c')).collect(),
            is_under_way,
            not_before: at(paused),
            ..Waiting::default()
        };
        assert_eq!(waiting.due(now, at(elsewhere)), expected);
    }

    fn note(is_call: bool) -> Note {
        Note {
            sender: Jid::parse("romeo@example/orchard").unwrap(),
            is_call,
            body: None,
        }
    }

    /// The same for the whole run.
    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of virtual time"
    )]
    fn testing_now() -> Instant {
        static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *ORIGIN.get_or_init(Instant::now)
    }
}
