//! What the archive has kept of what the owner sent, so that a bounce is told from an error that answers nothing the
//! archive has: what it kept lately is in memory, what is older is looked for in the store.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use stanza::Stanza;
use store::{Found, Owner, Page, Store, StoreError};

use crate::class::Class;
use crate::limits::{SENT_LOOKED_AT, SENT_LOOKED_AT_MAX, SENT_REMEMBERED_MAX};
use crate::record::{Data, LOG};

/// Peers and ids of messages, newest last, as hashes: two that collide cost an error too many in the archive.
#[derive(Debug, Default)]
pub(crate) struct Sent(VecDeque<u64>);

impl Sent {
    /// A message with this id was kept.
    pub(crate) fn note(&mut self, peer: &str, id: &str) {
        if self.0.len() >= SENT_REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(hash(peer, id));
    }

    /// Whether one was, and not too long ago.
    pub(crate) fn has(&self, peer: &str, id: &str) -> bool {
        self.0.contains(&hash(peer, id))
    }
}

/// Whether the archive of `owner` has a message with this id to `peer`, a bare JID, among the newest of the conversation.
///
/// # Errors
///
/// What the store says.
pub async fn was_sent(
    store: &Store,
    owner: &Owner,
    peer: &str,
    message_id: &str,
) -> Result<bool, StoreError> {
    let mut page = Page {
        peer: Some(peer.to_owned()),
        class: Some(Class::Archive.column()),
        backwards: true,
        entries_max: SENT_LOOKED_AT,
        without_bodies: true,
        ..Page::default()
    };
    for _ in 0..SENT_LOOKED_AT_MAX / SENT_LOOKED_AT {
        let entries = store.read(LOG.page(owner, page.clone())).await?;
        if entries.found.iter().any(|found| is_it(found, message_id)) {
            return Ok(true);
        }
        match entries.found.first() {
            Some(first) if entries.more => page.before = Some(first.entry.id),
            _ => break,
        }
    }
    Ok(false)
}

/// Whether it is a message of this id to the other party.
fn is_it(found: &Found<Data>, message_id: &str) -> bool {
    let entry = &found.entry;
    if !entry.xml.contains(message_id) && *entry.message_id != *message_id {
        return false;
    }
    Stanza::from_stored(entry.xml.as_bytes()).is_ok_and(|head| {
        let is_from_peer = head
            .from()
            .is_some_and(|from| from.bare_str() == &*entry.peer);
        head.id() == Some(message_id) && !head.kind().is_error() && !is_from_peer
    })
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
