//! What waits for a client whose user does not look, [XEP-0352]: everything that is not important, until something
//! important comes, the client says something, or as much waits as may.
//!
//! A session whose client never said so has none of this. What is important is for the feature to say. What is held
//! has not been written: when the connection dies, it has the fate of what waits in the outbox.
//!
//! [XEP-0352]: https://xmpp.org/extensions/xep-0352.html

use std::{fmt, sync::Arc, time::Duration};

use jid::Jid;
use stanza::{
    Stanza, Timestamp,
    delay::{self, Delay},
};

use super::{
    frame::{Fate, Frame, weight},
    superseding::{Subject, Superseding},
};

/// Whether a stanza is worth waking a sleeping device for.
pub type Importance = Arc<dyn Fn(&Stanza) -> bool + Send + Sync>;

/// A device that something was sent to stays awake for a moment, and so does its radio: for so long, what is not
/// important costs it nothing. Prosody's `csi_resume_inactive_delay`.
const AWAKE: Duration = Duration::from_secs(5);

/// What is held for an inactive client.
pub(crate) struct Lull {
    is_important: Importance,
    /// Who answers for the delay.
    host: Jid,
    held: Superseding<(Frame, Timestamp)>,
    bytes: usize,
    /// So many stanzas are held at most.
    stanzas_max: usize,
    /// When something was sent to the device last.
    woken: Option<Timestamp>,
}

/// What to do with a frame for an inactive client.
pub(crate) enum Due {
    /// It waits.
    Held,
    /// What is held goes, and then this.
    Now(Frame),
}

impl Lull {
    pub(crate) fn new(is_important: Importance, host: Jid, stanzas_max: usize) -> Self {
        Self {
            is_important,
            host,
            held: Superseding::default(),
            bytes: 0,
            stanzas_max,
            woken: None,
        }
    }

    /// How many stanzas are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// What they count against the outbox's bound.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds `frame`, unless it is to be sent now, be it for what it is or because as much is held as may: stanzas
    /// by the operator's limit, bytes by `bytes_max`.
    pub(crate) fn take(&mut self, frame: Frame, at: Timestamp, bytes_max: usize) -> Due {
        // What its sender was doing in the chat before it came is of no interest any more.
        if let Some(ended) = Subject::ended_by(&frame.stanza) {
            self.forget(&ended, &frame);
        }
        let size = weight(&frame);
        let is_full = self.held.len() >= self.stanzas_max || self.bytes + size > bytes_max;
        if is_full || self.is_awake(at) || (self.is_important)(&frame.stanza) {
            return Due::Now(frame);
        }
        // What the mailbox keeps is taken by a client, and by nothing else.
        let subject = Subject::of(&frame.stanza).filter(|_| !is_kept(&frame));
        if let Some(subject) = &subject {
            self.forget(subject, &frame);
        }
        self.bytes += size;
        self.held.push(subject, (frame, at));
        Due::Held
    }

    /// Takes out what speaks of `subject`, now that `by` says it better. When `by` rests on a batch that the other does
    /// not rest on it may turn out not to be so: then both stay.
    fn forget(&mut self, subject: &Subject, by: &Frame) {
        let is_as_true = |(before, _): &(Frame, Timestamp)| by.gates.needs <= before.gates.needs;
        if !self.held.latest(subject).is_some_and(is_as_true) {
            return self.held.set_apart(subject);
        }
        if let Some((before, _)) = self.held.forget(subject) {
            self.bytes = self.bytes.saturating_sub(weight(&before));
            // Others that were given the same message need not wait for this one.
            if let Fate::Reroute {
                delivery: Some(delivery),
                ..
            } = before.fate
            {
                // What is superseded is in no mailbox.
                delivery.take(false);
            }
        }
    }

    fn is_awake(&self, at: Timestamp) -> bool {
        let is_fresh = |woken: Timestamp| at >= woken && at.since(woken) < AWAKE;
        self.woken.is_some_and(is_fresh)
    }

    /// Something goes to the device now.
    pub(crate) fn woke(&mut self, at: Timestamp) {
        self.woken = Some(at);
    }

    /// What came first of what is held, and when.
    pub(crate) fn pop(&mut self) -> Option<(Frame, Timestamp)> {
        let (frame, at) = self.held.pop()?;
        self.bytes = self.bytes.saturating_sub(weight(&frame));
        Some((frame, at))
    }

    /// The same, with the moment it came written on it.
    pub(crate) fn pop_stamped(&mut self) -> Option<Frame> {
        let (mut frame, at) = self.pop()?;
        if !self.is_stamped(&frame.stanza) {
            let delay = Delay::new(at, self.host.clone()).to_fragment();
            frame.stanza = Arc::new(frame.stanza.as_ref().clone().with_child(delay));
        }
        Some(frame)
    }

    /// Our host says already when it came, which was before.
    fn is_stamped(&self, stanza: &Stanza) -> bool {
        stanza.children().any(|child| {
            child.is("delay", delay::NS)
                && child.tree().root().attr("from").as_deref() == Some(self.host.as_str())
        })
    }
}

fn is_kept(frame: &Frame) -> bool {
    matches!(frame.fate, Fate::Reroute { entry: Some(_), .. })
}

impl fmt::Debug for Lull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lull({} held)", self.held.len())
    }
}
