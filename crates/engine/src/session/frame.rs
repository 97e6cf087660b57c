//! What is on its way to one session, and what becomes of it when the session ends before it took it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use jid::Jid;
use stanza::Stanza;
use store::EntryId;

use crate::pipeline::Gates;

/// One stanza for one session.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What is written, shared between all who get it.
    pub stanza: Arc<Stanza>,
    /// The `to` to write instead of the stanza's own.
    pub to: Option<Jid>,
    /// What must be settled before it is written.
    pub gates: Gates,
    /// What to do with it when the session ends without having taken it.
    pub fate: Fate,
}

/// What becomes of a frame whose session ends without taking it, RFC 6121 §8.5.
#[derive(Clone, Debug)]
pub enum Fate {
    /// A copy, presence or answer: dropped.
    Drop,
    /// A message or request meant for this session: routed again.
    Reroute {
        /// Shared with the other recipients of the same message: routed again only when none took it.
        delivery: Option<Arc<Delivery>>,
        /// Its entry in the account's mailbox, which one of the recipients has to take.
        entry: Option<EntryId>,
    },
}

/// One message delivered to several sessions of an account: those that have not taken it yet, and
/// whether one has. Counted under the account's lock, taken without it.
#[derive(Debug)]
pub struct Delivery {
    taken: AtomicBool,
    holders: AtomicU32,
    /// Those of them that can be resumed: for these the mailbox keeps it, whoever else took it.
    resumable: AtomicU32,
}

/// Whom a message is lost to when a session ends that had not taken it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Loss {
    /// Nobody has taken it, and nobody else can.
    All,
    /// Others have it or took it, and may ask for it again.
    One,
    /// Somebody took it, and nobody may ask for it again.
    Nobody,
}

impl Delivery {
    pub(crate) fn new(holders: usize, resumable: usize) -> Self {
        let count = |sessions| AtomicU32::new(u32::try_from(sessions).unwrap_or(u32::MAX));
        Self {
            taken: AtomicBool::new(false),
            holders: count(holders),
            resumable: count(resumable),
        }
    }

    /// A session took it for good. Whether nobody is left that may ask for it again.
    pub(crate) fn take(&self, is_resumable: bool) -> bool {
        self.taken.store(true, Ordering::Release);
        self.let_go(is_resumable)
    }

    /// A session ended without having taken it.
    pub(crate) fn lose(&self, is_resumable: bool) -> Loss {
        let is_last = self.holders.fetch_sub(1, Ordering::AcqRel) == 1;
        let is_settled = self.let_go(is_resumable);
        match self.taken.load(Ordering::Acquire) {
            true if is_settled => Loss::Nobody,
            false if is_last => Loss::All,
            true | false => Loss::One,
        }
    }

    fn let_go(&self, is_resumable: bool) -> bool {
        // One that can be resumed since a moment ago only was not counted.
        let one = u32::from(is_resumable);
        let less = |count: u32| Some(count.saturating_sub(one));
        let before = self
            .resumable
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
            .unwrap_or_default();
        before <= one
    }
}

/// What a frame costs against the limit: its text and the queue's own record.
pub(crate) fn weight(frame: &Frame) -> usize {
    frame.stanza.bytes_len() + size_of::<Frame>()
}
