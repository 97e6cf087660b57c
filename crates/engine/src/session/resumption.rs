//! A session that outlives its transport, [XEP-0198 §5]: which transport it sits on, and when it is given up.
//!
//! Each transport the session sat on has a number. What a transport does that is not the newest has no effect: its
//! connection finds out when it looks next, and ends.
//!
//! [XEP-0198 §5]: https://xmpp.org/extensions/xep-0198.html#resumption

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use jid::Jid;
use serde::{Deserialize, Serialize};
use stanza::{IqType, Kind, Stanza, Timestamp};
use store::EntryId;

use super::{
    counted::Counted,
    frame::{Fate, Frame},
    waiting::Waiting,
};
use crate::environment::{Environment, random_bytes};

/// What a client resumes its session by: 128 random bits, of use to nobody but the account that has the session.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SmId(pub(crate) u128);

impl SmId {
    /// One that nobody can guess.
    pub(crate) fn random(environment: &dyn Environment) -> Self {
        Self(u128::from_le_bytes(random_bytes(environment)))
    }

    /// As a client gives it back; nothing else is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_digits = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        (text.len() == 32 && is_digits(text))
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
    }

    /// As the client is told it: 32 hexadecimal digits.
    pub(crate) fn to_text(self) -> String {
        self.in_log().to_string()
    }

    /// As entries of the log have it.
    pub(crate) fn in_log(self) -> mailbox::SessionId {
        mailbox::SessionId(self.0)
    }
}

/// As the store has it: as its client is told it.
impl store::Key for SmId {
    fn to_key(&self) -> String {
        self.to_text()
    }

    fn to_shared(&self) -> Arc<str> {
        self.in_log().with_digits(|digits| digits.into())
    }

    fn from_key(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl fmt::Debug for SmId {
    /// Who knows it and signs in can take the session over, so it is kept out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmId(..)")
    }
}

/// How a transport stands to its session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// The session sits on it.
    Here,
    /// The session went on to another transport: this one ends with `conflict`.
    TakenOver,
    /// The client took too little: the transport is to be dropped, and the session waits to be resumed.
    Dropped,
    /// The session has ended.
    Ended,
}

/// What makes a session one that can be resumed.
#[derive(Debug)]
pub(crate) struct Resumption {
    pub(crate) id: SmId,
    /// How long it may be without a transport.
    pub(crate) hold: Duration,
    /// The number of its newest transport.
    pub(crate) transport: u32,
    /// Whether it sits on that.
    pub(crate) is_attached: bool,
    /// Its transport is gone, and the account knows.
    pub(crate) is_detached: bool,
    /// Until when it waits, while it does.
    pub(crate) until: Option<Timestamp>,
    /// What came while it could not be written.
    pub(crate) waiting: Waiting,
    /// Presence was dropped for want of room, or by a crash: who resumes asks for it anew.
    pub(crate) lost_presence: bool,
    /// The client does not know yet that it can be resumed: nothing is written to it before it does.
    pub(crate) is_starting: bool,
    /// What the store knows of the count of handled stanzas.
    pub(crate) counted: Counted,
    /// The client's requests whose answer it has not acked, oldest first.
    pub(crate) requests: VecDeque<Request>,
    /// How many stanzas were sent is not known, because of a crash: the client's word counts, once.
    pub(crate) trusts_client: bool,
    /// The highest entry of the mailbox that the client has acked.
    pub(crate) position: EntryId,
}

/// A request under way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Request {
    pub(crate) id: String,
    /// Who was asked; the own account if nobody was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Jid>,
}

/// So many requests under way are remembered, for the one that a crash leaves without its answer; a client that has more
/// may miss the answer to its oldest after one.
const REQUESTS_MAX: usize = 64;

impl Resumption {
    pub(crate) fn new(id: SmId, hold: Duration) -> Self {
        Self {
            id,
            hold,
            transport: 0,
            is_attached: true,
            is_detached: false,
            until: None,
            waiting: Waiting::default(),
            lost_presence: false,
            is_starting: false,
            counted: Counted::default(),
            requests: VecDeque::new(),
            trusts_client: false,
            position: EntryId(0),
        }
    }

    /// Its client is yet to hear of it.
    pub(crate) fn starting(self) -> Self {
        Self {
            is_starting: true,
            ..self
        }
    }

    /// Of an earlier life of the server, which had handled so much.
    pub(crate) fn back(id: SmId, hold: Duration, handled: u64) -> Self {
        Self {
            is_attached: false,
            is_detached: true,
            counted: Counted::restored(handled),
            ..Self::new(id, hold)
        }
    }

    /// The client sent a request.
    pub(crate) fn asked(&mut self, stanza: &Stanza) {
        let Some(id) = stanza.id().filter(|_| stanza.kind().is_request()) else {
            return;
        };
        if self.requests.len() == REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(Request {
            id: id.to_owned(),
            to: stanza.to().cloned(),
        });
    }

    /// The client has this: if it is an answer, the request is not under way any more.
    pub(crate) fn has(&mut self, frame: &Frame) {
        if let (Kind::Iq(IqType::Result | IqType::Error), Some(id)) =
            (frame.stanza.kind(), frame.stanza.id())
        {
            self.requests.retain(|request| request.id != id);
        }
        if let Fate::Reroute {
            entry: Some(entry), ..
        } = frame.fate
        {
            self.position = self.position.max(entry);
        }
    }

    pub(crate) fn standing(&self, transport: u32) -> Standing {
        match (self.transport == transport, self.is_attached) {
            (true, true) => Standing::Here,
            (true, false) => Standing::Dropped,
            (false, _) => Standing::TakenOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_only() {
        let id = SmId(0x00ab_cdef << 64);
        assert_eq!(SmId::parse(&id.to_text()), Some(id));
        check("");
        check("ab");
        check("+0000000000000000000000000000001");
        check("0000000000000000000000000000000A");
        check("000000000000000000000000000000000");
        assert_eq!(format!("{id:?}"), "SmId(..)");
    }

    #[track_caller]
    fn check(text: &str) {
        assert_eq!(SmId::parse(text), None, "{text}");
    }
}
