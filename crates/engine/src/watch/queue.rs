//! What somebody who looks has not taken yet: bounded, and honest about what did not fit.

use std::{collections::VecDeque, task::Waker};

use super::Seen;

/// What may wait for one watcher, in bytes of stanzas: some seconds of a busy session.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// The same in stanzas, which may be short.
const WAITING_MAX: usize = 4_096;

/// What a watcher is told.
#[derive(Clone, Debug)]
pub enum Look {
    /// A stanza.
    Stanza(Box<Seen>),
    /// Here so many stanzas are missing, because the watcher was too slow.
    Missed(u64),
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Seen>,
    bytes: usize,
    /// What came after the last one that waits and did not fit.
    missed: u64,
    waker: Option<Waker>,
}

impl Queue {
    /// Adds a stanza, or counts it as missed; gives whom to wake.
    ///
    /// What has been missed is told before anything newer is kept, so that the gap is where it was.
    pub(super) fn push(&mut self, seen: Seen) -> Option<Waker> {
        let bytes = seen.stanza.bytes_len();
        let is_full = self.waiting.len() >= WAITING_MAX || self.bytes + bytes > WAITING_BYTES_MAX;
        if self.missed > 0 || (is_full && !self.waiting.is_empty()) {
            self.missed += 1;
            return self.waker.take();
        }
        self.bytes += bytes;
        self.waiting.push_back(seen);
        self.waker.take()
    }

    /// Takes what is next; when there is nothing, `waker` is woken once there is.
    pub(super) fn next(&mut self, waker: &Waker) -> Option<Look> {
        if let Some(seen) = self.waiting.pop_front() {
            self.bytes = self.bytes.saturating_sub(seen.stanza.bytes_len());
            return Some(Look::Stanza(Box::new(seen)));
        }
        if self.missed > 0 {
            return Some(Look::Missed(std::mem::take(&mut self.missed)));
        }
        self.waker = Some(waker.clone());
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jid::FullJid;
    use stanza::{MessageType, Stanza, Timestamp};

    use super::{super::Way, *};

    fn seen(id: usize) -> Seen {
        Seen {
            at: Timestamp::from_micros(0),
            way: Way::Sent,
            session: FullJid::parse("romeo@example/orchard").expect("an address"),
            stanza: Arc::new(Stanza::message(MessageType::Chat).with_id(&id.to_string())),
            to: None,
        }
    }

    /// The ids of what comes, and `-N` for N that are missing.
    fn taken(queue: &mut Queue) -> Vec<i64> {
        let next = || queue.next(Waker::noop());
        std::iter::from_fn(next)
            .map(|look| match look {
                Look::Stanza(seen) => seen.stanza.id().and_then(|id| id.parse().ok()).unwrap(),
                Look::Missed(count) => -i64::try_from(count).unwrap(),
            })
            .collect()
    }

    #[test]
    fn who_is_slow_is_told_how_much_is_missing_and_where() {
        let mut queue = Queue::default();
        for id in 0..WAITING_MAX + 3 {
            queue.push(seen(id));
        }
        let kept = queue.waiting.len();
        assert!(kept <= WAITING_MAX && queue.bytes <= WAITING_BYTES_MAX);
        // One place is free now, but what was missed comes first.
        assert!(matches!(queue.next(Waker::noop()), Some(Look::Stanza(_))));
        queue.push(seen(7));
        let mut came = taken(&mut queue);
        let missed = i64::try_from(WAITING_MAX + 3 - kept + 1).unwrap();
        assert_eq!(came.pop(), Some(-missed));
        assert_eq!(came.len(), kept - 1);
        queue.push(seen(8));
        assert_eq!(taken(&mut queue), [8]);
    }
}
