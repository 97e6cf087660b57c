//! Commands that wait for their form, [XEP-0050 §3.3]: what the specification calls sessions.
//!
//! Each belongs to the address that began it, lives for a limited time, and there are limited many: per address and in
//! all. An id is a word of this table and a number, so that it is known of each whether it was ever given, and
//! nothing has to be kept of those that are over.
//!
//! [XEP-0050 §3.3]: https://xmpp.org/extensions/xep-0050.html#impl-session

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use jid::Jid;

use super::protocol::Fault;

/// Commands that may wait in all. Past it, the oldest is forgotten.
const OPEN_MAX: usize = 10_000;

/// The commands that wait.
#[derive(Debug)]
pub(super) struct Dialogues {
    /// Tells the ids of this table from those of earlier ones.
    word: u64,
    next: u64,
    /// By number, and so by age.
    open: BTreeMap<u64, Dialogue>,
    /// The numbers of each asker's, by age.
    of: BTreeMap<Jid, VecDeque<u64>>,
}

#[derive(Debug)]
struct Dialogue {
    asker: Jid,
    node: String,
    until: Instant,
}

impl Dialogues {
    /// Nobody waits. `word` is random.
    pub(super) fn new(word: u64) -> Self {
        Self {
            word,
            next: 0,
            open: BTreeMap::new(),
            of: BTreeMap::new(),
        }
    }

    /// An id that is never given again.
    pub(super) fn new_id(&mut self) -> String {
        let number = self.next;
        self.next += 1;
        format!("{:016x}-{number}", self.word)
    }

    /// `asker` began the command at `node`. Past `most` of the same asker, the oldest of them is forgotten.
    pub(super) fn begin(
        &mut self,
        asker: &Jid,
        node: &str,
        now: Instant,
        lifetime: Duration,
        most: usize,
    ) -> String {
        self.forget_expired(now);
        let number = self.next;
        let dialogue = Dialogue {
            asker: asker.clone(),
            node: node.to_owned(),
            until: now + lifetime,
        };
        self.open.insert(number, dialogue);
        let own = self.of.entry(asker.clone()).or_default();
        own.push_back(number);
        let too_many = own.len() > most.max(1);
        let oldest_own = own.front().copied().filter(|_| too_many);
        let oldest = oldest_own.or_else(|| {
            let is_full = self.open.len() > OPEN_MAX;
            self.open.keys().next().copied().filter(|_| is_full)
        });
        if let Some(oldest) = oldest {
            self.remove(oldest);
        }
        self.new_id()
    }

    /// Which of `asker`'s commands `id` names.
    ///
    /// # Errors
    ///
    /// [`Fault::BadSessionId`] when it names none that `asker` began at `node`, [`Fault::SessionExpired`] when it
    /// is over.
    pub(super) fn find(
        &mut self,
        id: &str,
        asker: &Jid,
        node: &str,
        now: Instant,
    ) -> Result<Waiting, Fault> {
        self.forget_expired(now);
        let (word, number) = read(id).ok_or(Fault::BadSessionId)?;
        if word != self.word {
            // Given before the server started, or read its configuration anew.
            return Err(Fault::SessionExpired);
        }
        if number >= self.next {
            return Err(Fault::BadSessionId);
        }
        match self.open.get(&number) {
            None => Err(Fault::SessionExpired),
            Some(open) if open.asker != *asker || open.node != node => Err(Fault::BadSessionId),
            Some(_) => Ok(Waiting(number)),
        }
    }

    /// It waits no more.
    pub(super) fn end(&mut self, waiting: Waiting) {
        self.remove(waiting.0);
    }

    fn forget_expired(&mut self, now: Instant) {
        while let Some((number, oldest)) = self.open.first_key_value()
            && oldest.until <= now
        {
            let number = *number;
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(dialogue) = self.open.remove(&number) else {
            return;
        };
        if let Some(own) = self.of.get_mut(&dialogue.asker) {
            own.retain(|one| *one != number);
            if own.is_empty() {
                self.of.remove(&dialogue.asker);
            }
        }
    }
}

/// One command that waits for its form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Waiting(u64);

fn read(id: &str) -> Option<(u64, u64)> {
    let (word, number) = id.split_once('-')?;
    let is_ours = word.len() == 16 && number.bytes().all(|byte| byte.is_ascii_digit());
    let word = u64::from_str_radix(word, 16).ok()?;
    is_ours.then_some(())?;
    Some((word, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIME: Duration = Duration::from_secs(600);

    #[test]
    fn a_command_belongs_to_who_began_it_where_it_was_begun() {
        let (mut dialogues, now) = (Dialogues::new(7), now());
        let id = dialogues.begin(&asker(1), "add", now, LIFETIME, 10);
        assert!(dialogues.find(&id, &asker(1), "add", now).is_ok());
        for (other, node) in [(asker(2), "add"), (asker(1), "delete")] {
            let found = dialogues.find(&id, &other, node, now);
            assert_eq!(found, Err(Fault::BadSessionId), "{other} {node}");
        }
    }

    #[test]
    fn what_is_over_is_told_from_what_never_was() {
        let (mut dialogues, now) = (Dialogues::new(7), now());
        let id = dialogues.begin(&asker(1), "add", now, LIFETIME, 10);
        let waiting = dialogues.find(&id, &asker(1), "add", now).unwrap();
        dialogues.end(waiting);
        let mut check = |id: &str, fault| {
            let found = dialogues.find(id, &asker(1), "add", now);
            assert_eq!(found, Err(fault), "{id}");
        };
        check(&id, Fault::SessionExpired);
        check("0000000000000008-0", Fault::SessionExpired);
        check("0000000000000007-1", Fault::BadSessionId);
        for nonsense in ["", "x", "7-0", "0000000000000007-+0", "0000000000000007-"] {
            check(nonsense, Fault::BadSessionId);
        }
    }

    #[test]
    fn a_command_waits_for_its_time_and_no_longer() {
        let (mut dialogues, now) = (Dialogues::new(7), now());
        let id = dialogues.begin(&asker(1), "add", now, LIFETIME, 10);
        let just_before = now + LIFETIME - Duration::from_millis(1);
        assert!(dialogues.find(&id, &asker(1), "add", just_before).is_ok());
        let found = dialogues.find(&id, &asker(1), "add", now + LIFETIME);
        assert_eq!(found, Err(Fault::SessionExpired));
        assert!(dialogues.open.is_empty() && dialogues.of.is_empty());
    }

    #[test]
    fn the_oldest_gives_way() {
        let (mut dialogues, now) = (Dialogues::new(7), now());
        let first = dialogues.begin(&asker(1), "add", now, LIFETIME, 2);
        let of_another = dialogues.begin(&asker(2), "add", now, LIFETIME, 2);
        let second = dialogues.begin(&asker(1), "add", now, LIFETIME, 2);
        assert!(dialogues.find(&first, &asker(1), "add", now).is_ok());
        dialogues.begin(&asker(1), "add", now, LIFETIME, 2);
        let found = dialogues.find(&first, &asker(1), "add", now);
        assert_eq!(found, Err(Fault::SessionExpired));
        assert!(dialogues.find(&second, &asker(1), "add", now).is_ok());
        for number in 0..OPEN_MAX {
            dialogues.begin(&asker(number + 10), "add", now, LIFETIME, 2);
        }
        assert_eq!(dialogues.open.len(), OPEN_MAX);
        let found = dialogues.find(&of_another, &asker(2), "add", now);
        assert_eq!(found, Err(Fault::SessionExpired));
    }

    fn asker(number: usize) -> Jid {
        Jid::parse(&format!("romeo@example/{number}")).unwrap()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "any instant serves as the origin of a test's time"
    )]
    fn now() -> Instant {
        Instant::now()
    }
}
