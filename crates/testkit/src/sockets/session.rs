//! An actor's transport, and what is known of the stream on it.

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    time::Duration,
};

use xml::{Fault, ns};

use super::{barrier, connection::Connection};
use crate::transcript::{Received, as_documents};

/// The namespace of stream management, whose counts a barrier would disturb.
const SM: &str = "urn:xmpp:sm:3";

/// An actor on a transport.
pub(super) struct Session {
    connection: Connection,
    inbox: VecDeque<Received>,
    /// Ids of barriers that came.
    passed: BTreeSet<String>,
    /// Once bound.
    full_jid: Option<String>,
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
            has_closed: false,
            was_closed: false,
            is_delicate: false,
            was_told_end: false,
        }
    }

    /// The address it is bound to, when it can send stanzas for a barrier.
    pub(super) fn barrier_jid(&self) -> Option<&str> {
        let takes_part = self.is_open() && !self.has_closed && !self.is_delicate;
        self.full_jid.as_deref().filter(|_| takes_part)
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
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.has_closed |= text.trim_end().ends_with("</stream:stream>");
                self.is_delicate |= text.contains(SM) || as_documents(text).is_none();
            }
            Err(_) => self.is_delicate = true,
        }
        self.connection.send(bytes)
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
                let bound = tree
                    .root()
                    .child("bind", ns::BIND)
                    .and_then(|bind| bind.child_text("jid", ns::BIND));
                if let Some(jid) = bound {
                    self.full_jid = Some(jid.into_owned());
                }
            }
            Received::Closed => self.was_closed = true,
            Received::Header(_) | Received::Cut => {}
        }
        self.inbox.push_back(received);
    }
}
