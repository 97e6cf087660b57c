//! What the archive has lately kept of what the owner sent, so that a bounce is told from an error that answers nothing
//! the archive has.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::limits::SENT_REMEMBERED_MAX;

/// Peers and ids of messages, newest last, as hashes: two that collide cost an error too many in the archive. Who has
/// sent nothing pays for nothing.
#[derive(Debug, Default)]
#[expect(
    clippy::box_collection,
    reason = "the pointer alone lies in each account in memory, and most of them sent nothing"
)]
pub(crate) struct Sent(Option<Box<VecDeque<u64>>>);

impl Sent {
    /// A message with this id was kept.
    pub(crate) fn note(&mut self, peer: &str, id: &str) {
        let sent = self.0.get_or_insert_default();
        if sent.len() >= SENT_REMEMBERED_MAX {
            sent.pop_front();
        }
        sent.push_back(hash(peer, id));
    }

    /// Whether one was, and not too long ago.
    pub(crate) fn has(&self, peer: &str, id: &str) -> bool {
        let sent = self.0.as_ref();
        sent.is_some_and(|sent| sent.contains(&hash(peer, id)))
    }
}

fn hash(peer: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (peer, id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut sent = Sent::default();
        for number in 0..=SENT_REMEMBERED_MAX {
            sent.note("juliet@example", &number.to_string());
        }
        assert!(!sent.has("juliet@example", "0"));
        assert!(sent.has("juliet@example", "1"));
        assert!(!sent.has("nurse@example", "1"));
    }
}
