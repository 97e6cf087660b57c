//! What a client shows its user, and whether it may.

use std::collections::BTreeMap;

use super::{message::MessageId, verdict::Mistake};

/// Which client of which kind looks, for what is said of its mistakes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer {
    pub(super) client: usize,
    /// It takes what has the same id for the same. Others do so only when the server died in between.
    pub(super) compares_ids: bool,
}

#[derive(Clone, Debug)]
struct Seen {
    stanza_id: Option<String>,
    /// In which of the client's epochs it came last.
    epoch: u32,
}

/// Everything a client ever showed.
#[derive(Debug, Default)]
pub(super) struct Shown {
    seen: BTreeMap<MessageId, Seen>,
    /// The last number by sender and recipient, of what came live.
    last: BTreeMap<(usize, usize), u32>,
    /// How often something came again that may, and was recognised by its id.
    pub(super) recognised: usize,
}

impl Shown {
    /// Something came live.
    pub(super) fn live(
        &mut self,
        viewer: Viewer,
        message: MessageId,
        stanza_id: Option<String>,
        epoch: u32,
    ) -> Result<(), Mistake> {
        if !self.add(viewer, message, stanza_id, epoch)? {
            return Ok(());
        }
        let last = self
            .last
            .entry((message.sender, message.recipient))
            .or_default();
        let before = std::mem::replace(last, message.number.max(*last));
        if message.number <= before {
            return Err(Mistake::OutOfOrder {
                client: viewer.client,
                message,
                before,
            });
        }
        Ok(())
    }

    /// Something came from the archive.
    pub(super) fn archived(
        &mut self,
        viewer: Viewer,
        message: MessageId,
        stanza_id: String,
        epoch: u32,
    ) -> Result<(), Mistake> {
        self.add(viewer, message, Some(stanza_id), epoch)?;
        Ok(())
    }

    /// A session without memory begins: what comes live may leave out what the archive still has.
    pub(super) fn begin_session(&mut self) {
        self.last.clear();
    }

    pub(super) fn has(&self, message: &MessageId) -> bool {
        self.seen.contains_key(message)
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &MessageId> {
        self.seen.keys()
    }

    /// Whether it is new, as far as the client can tell.
    fn add(
        &mut self,
        viewer: Viewer,
        message: MessageId,
        stanza_id: Option<String>,
        epoch: u32,
    ) -> Result<bool, Mistake> {
        let client = viewer.client;
        let Some(seen) = self.seen.get_mut(&message) else {
            self.seen.insert(message, Seen { stanza_id, epoch });
            return Ok(true);
        };
        if let (Some(one), Some(other)) = (&seen.stanza_id, &stanza_id)
            && one != other
        {
            return Err(Mistake::TwoIds {
                client,
                message,
                ids: [one.clone(), other.clone()],
            });
        }
        let has_ids = seen.stanza_id.is_some() && stanza_id.is_some();
        let may_come_again = seen.epoch != epoch || (viewer.compares_ids && has_ids);
        seen.epoch = epoch;
        seen.stanza_id = stanza_id.or(seen.stanza_id.take());
        if !may_come_again {
            return Err(Mistake::Twice { client, message });
        }
        self.recognised += 1;
        Ok(false)
    }
}
