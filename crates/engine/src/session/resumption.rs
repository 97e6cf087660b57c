//! A session that outlives its transport, [XEP-0198 §5]: which transport it sits on, and when it is given up.
//!
//! Each transport the session sat on has a number. What a transport does that is not the newest has no effect: its
//! connection finds out when it looks next, and ends.
//!
//! [XEP-0198 §5]: https://xmpp.org/extensions/xep-0198.html#resumption

use std::{fmt, time::Duration};

use super::waiting::Waiting;
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
        format!("{:032x}", self.0)
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
    /// What came while it could not be written.
    pub(crate) waiting: Waiting,
    /// Presence was dropped for want of room: who resumes asks for it anew.
    pub(crate) lost_presence: bool,
}

impl Resumption {
    pub(crate) fn new(id: SmId, hold: Duration) -> Self {
        Self {
            id,
            hold,
            transport: 0,
            is_attached: true,
            is_detached: false,
            waiting: Waiting::default(),
            lost_presence: false,
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
