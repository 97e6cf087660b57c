//! A queue in which what comes later takes the place of what it makes pointless: of presence the latest of each sender
//! counts, and a chat state is of no use once its sender has said something.
//!
//! The later one stands where it came, not where the earlier one stood: among all that one sender sent, order is kept
//! (invariant 2). What is in the queue knows nothing of sessions; bounds are for whoever owns it.

use std::collections::{BTreeMap, VecDeque};

use jid::Jid;
use mailbox::is_fleeting;
use stanza::{Kind, PresenceType, Stanza, carbon::Carbon};

/// What is said again and again, so that only the last time counts.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Subject {
    /// Whether the sender is there, and how.
    Presence(Jid),
    /// What the sender is doing in a chat.
    ChatState(Jid),
}

impl Subject {
    /// What `stanza` speaks of; `None` when it counts by itself.
    pub(crate) fn of(stanza: &Stanza) -> Option<Self> {
        match stanza.kind() {
            Kind::Presence(PresenceType::Available | PresenceType::Unavailable) => {
                stanza.from().cloned().map(Self::Presence)
            }
            Kind::Message(_) if is_fleeting(stanza) => stanza.from().cloned().map(Self::ChatState),
            Kind::Message(_) => match Carbon::of(stanza)? {
                Carbon::Received(copied) if is_fleeting(&copied) => {
                    copied.from().cloned().map(Self::ChatState)
                }
                Carbon::Received(_) | Carbon::Sent(_) => None,
            },
            Kind::Presence(_) | Kind::Iq(_) => None,
        }
    }

    /// What `stanza` makes pointless besides what it speaks of itself: the chat state of who said something since, or
    /// went.
    pub(crate) fn ended_by(stanza: &Stanza) -> Option<Self> {
        let sender = match stanza.kind() {
            Kind::Presence(PresenceType::Unavailable) => stanza.from().cloned(),
            Kind::Message(_) => match Carbon::of(stanza) {
                Some(Carbon::Received(copied)) => copied.from().cloned(),
                Some(Carbon::Sent(_)) => None,
                None => stanza.from().cloned(),
            },
            Kind::Presence(_) | Kind::Iq(_) => None,
        };
        sender.map(Self::ChatState)
    }
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Superseding<T> {
    /// What is superseded leaves a hole until it comes to the front.
    places: VecDeque<Option<(Option<Subject>, T)>>,
    /// The number of the first place; they are numbered on for ever.
    first: u64,
    /// Where the latest of each subject stands.
    latest: BTreeMap<Subject, u64>,
    /// How many places are no holes.
    len: usize,
}

impl<T> Default for Superseding<T> {
    fn default() -> Self {
        Self {
            places: VecDeque::new(),
            first: 0,
            latest: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<T> Superseding<T> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Puts `item` behind everything else. What it supersedes comes back.
    pub(crate) fn push(&mut self, subject: Option<Subject>, item: T) -> Option<T> {
        let before = subject.as_ref().and_then(|subject| self.forget(subject));
        if let Some(subject) = &subject {
            let number = self.first + u64::try_from(self.places.len()).unwrap_or(u64::MAX);
            self.latest.insert(subject.clone(), number);
        }
        self.places.push_back(Some((subject, item)));
        self.len += 1;
        before
    }

    /// Takes out what speaks of `subject`, if anything does.
    pub(crate) fn forget(&mut self, subject: &Subject) -> Option<T> {
        let number = self.latest.remove(subject)?;
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (_, item) = self.places.get_mut(index)?.take()?;
        self.len -= 1;
        self.close_up();
        Some(item)
    }

    /// The latest that speaks of `subject`.
    pub(crate) fn latest(&self, subject: &Subject) -> Option<&T> {
        let number = self.latest.get(subject)?;
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (_, item) = self.places.get(index)?.as_ref()?;
        Some(item)
    }

    /// What speaks of `subject` counts by itself from here on.
    pub(crate) fn set_apart(&mut self, subject: &Subject) {
        if let Some(number) = self.latest.remove(subject)
            && let Some(index) = number.checked_sub(self.first)
            && let Ok(index) = usize::try_from(index)
            && let Some(Some((subject, _))) = self.places.get_mut(index)
        {
            *subject = None;
        }
    }

    /// What came first.
    pub(crate) fn pop(&mut self) -> Option<T> {
        loop {
            let place = self.places.pop_front()?;
            self.first += 1;
            if let Some((subject, item)) = place {
                if let Some(subject) = subject {
                    self.latest.remove(&subject);
                }
                self.len -= 1;
                return Some(item);
            }
        }
    }

    /// Looks at each in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten().map(|(_, item)| item)
    }

    /// Takes out what `keep` does not accept.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for place in &mut self.places {
            if let Some((subject, item)) = place
                && !keep(item)
            {
                if let Some(subject) = subject {
                    self.latest.remove(subject);
                }
                *place = None;
                self.len -= 1;
            }
        }
        self.close_up();
    }

    /// Where presence changes often, holes pile up behind something that stays: past as many as there are items, the
    /// queue is made anew without them.
    fn close_up(&mut self) {
        if self.places.len() <= 2 * self.len + HOLES_FREE {
            return;
        }
        self.places.retain(Option::is_some);
        for ((subject, _), number) in self.places.iter().flatten().zip(self.first..) {
            if let Some(subject) = subject {
                self.latest.insert(subject.clone(), number);
            }
        }
    }
}

/// So many holes don't matter.
const HOLES_FREE: usize = 64;

#[cfg(test)]
#[path = "superseding_tests.rs"]
mod tests;
