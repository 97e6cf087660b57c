//! An actor's transport, and what is known of the stream on it.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    time::Duration,
};

use xml::{Element, Fault, ns};

use super::{barrier, connection::Connection};
use crate::transcript::{Received, as_documents};

/// The namespace of stream management, whose counts a barrier would disturb.
const SM: &str = "urn:xmpp:sm:3";
/// The namespace of client states: an answer wakes a client whose user does not look.
const CSI: &str = "urn:xmpp:csi:0";
const SASL2: &str = "urn:xmpp:sasl:2";
const BIND2: &str = "urn:xmpp:bind:0";

/// How a stream can show that what came before has had its effects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// It asks, and is answered.
    Asks,
    /// It may not be sent anything but the answers to what went along with its own words.
    Listens,
    /// It can't.
    None,
}

/// An actor on a transport.
pub(super) struct Session {
    connection: Connection,
    inbox: VecDeque<Received>,
    /// Ids of barriers that came.
    passed: BTreeSet<String>,
    /// Once bound.
    full_jid: Option<String>,
    /// Its user does not look.
    is_inactive: bool,
    /// How many pings went along with what it said while its user did not look, and the id of the last.
    along: u64,
    last_along: Option<String>,
    /// Its client has ended the stream.
    has_closed: bool,
    /// The server has ended the stream.
    was_closed: bool,
    /// It sent something into which, or behind which, no stanza of ours fits.
    is_delicate: bool,
    was_told_end: bool,
}

impl Session {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            inbox: VecDeque::new(),
            passed: BTreeSet::new(),
            full_jid: None,
            is_inactive: false,
            along: 0,
            last_along: None,
            has_closed: false,
            was_closed: false,
            is_delicate: false,
            was_told_end: false,
        }
    }

    /// The address it is bound to.
    pub(super) fn full_jid(&self) -> Option<&str> {
        self.full_jid.as_deref()
    }

    /// What it does in a barrier.
    pub(super) fn part(&self) -> Part {
        let is_fit = self.is_open() && !self.has_closed && !self.is_delicate;
        match self.full_jid.is_some() && is_fit {
            true if self.is_inactive => Part::Listens,
            true => Part::Asks,
            false => Part::None,
        }
    }

    /// What was asked along with what it said last, if it says what it does while its user does not look.
    pub(super) fn last_along(&self) -> Option<&String> {
        self.last_along.as_ref()
    }

    /// Whether the server may still send stanzas.
    pub(super) fn is_open(&self) -> bool {
        !self.was_closed && !self.connection.has_ended()
    }

    /// Whether the client has asked for the end of the stream, which then comes.
    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Sends what an actor says.
    pub(super) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let was_inactive = self.is_inactive;
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.has_closed |= text.trim_end().ends_with("</stream:stream>");
                self.is_delicate |= text.contains(SM) || as_documents(text).is_none();
                if text.contains(CSI) {
                    self.is_inactive = text.rfind("<inactive") > text.rfind("<active");
                }
            }
            Err(_) => self.is_delicate = true,
        }
        if self.part() != Part::Listens {
            return self.connection.send(bytes);
        }
        self.along += 1;
        let (ping, id) = barrier::ping_along(self.along);
        self.last_along = Some(id);
        let ping = ping.as_bytes();
        self.connection.send(&match was_inactive {
            true => [bytes, ping].concat(),
            false => [ping, bytes].concat(),
        })
    }

    /// Sends what belongs to a barrier. A transport that is gone shows when it is read.
    pub(super) fn say_aside(&mut self, text: &str) {
        // Failure means that the transport has ended.
        let _ = self.connection.send(text.as_bytes());
    }

    /// Breaks the transport; returns when the server has noticed, at the latest after `patience`.
    pub(super) fn cut(self, patience: Duration) {
        if !self.connection.has_ended() {
            self.connection.cut(patience);
        }
    }

    pub(super) fn start_tls(&mut self, host: &str) -> io::Result<()> {
        self.connection.start_tls(host)
    }

    /// Waits up to `patience` for something and sorts it; `false` when nothing came.
    pub(super) fn read(&mut self, patience: Duration) -> Result<bool, Fault> {
        let came = self.connection.read(patience)?;
        while let Some(received) = self.connection.next() {
            self.sort(received);
        }
        Ok(came)
    }

    /// What came first of what was read and not yet taken; the end of the transport comes once, last.
    pub(super) fn take(&mut self) -> Option<Received> {
        let next = self.inbox.pop_front();
        if next.is_none() && self.connection.has_ended() && !self.was_told_end {
            self.was_told_end = true;
            return Some(Received::Cut);
        }
        next
    }

    /// Whether the stanza of a barrier with this id has come.
    pub(super) fn has_passed(&self, id: &str) -> bool {
        self.passed.contains(id)
    }

    fn sort(&mut self, received: Received) {
        match &received {
            Received::Element(tree) => {
                if let Some(id) = barrier::id_of(tree) {
                    self.passed.insert(id);
                    return;
                }
                if let Some(jid) = address_in(tree.root()) {
                    self.full_jid = Some(jid);
                }
            }
            Received::Closed => self.was_closed = true,
            Received::Header(_) | Received::Cut => {}
        }
        self.inbox.push_back(received);
    }
}

/// The address that a session is bound to, if this says so: the answer to RFC 6120's way to bind, or to SASL2's.
fn address_in(received: Element<'_>) -> Option<String> {
    let bound = match received.is("success", SASL2) {
        true => received
            .child("bound", BIND2)
            .and_then(|_| received.child_text("authorization-identifier", SASL2)),
        false => received
            .child("bind", ns::BIND)
            .and_then(|bind| bind.child_text("jid", ns::BIND)),
    };
    bound.map(|jid| jid.into_owned())
}
