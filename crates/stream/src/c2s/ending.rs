//! The ways a stream ends: by either side's closing tag, by an error, or because nothing more comes,
//! [RFC 6120 §4.4](https://www.rfc-editor.org/rfc/rfc6120#section-4.4) and
//! [§4.9](https://www.rfc-editor.org/rfc/rfc6120#section-4.9).

use std::time::Instant;

use xml::{Element, ns};

use super::{C2s, State};
use crate::{Event, StreamFault};

/// How many bytes of the name of a peer's condition are kept.
const CONDITION_BYTES_MAX: usize = 64;

/// How far the stream is on its way to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// It is not.
    Open,
    /// Our closing tag is written. What the peer still sends is processed until its own comes, or this instant.
    WeClosed {
        /// The end of the grace.
        until: Instant,
    },
    /// The peer's closing tag came; the caller writes what is left and closes, at the latest at this instant.
    PeerClosed {
        /// The end of the grace.
        until: Instant,
    },
}

impl C2s {
    /// Ends our side. A bound stream then waits for the peer's closing tag, still giving the events of what comes
    /// before it, for [`close_grace`](crate::C2sSettings::close_grace); any other is over at once.
    pub fn close(&mut self, now: Instant) {
        match (self.ending, &self.state) {
            (_, State::Over(_)) | (Ending::WeClosed { .. }, _) => {}
            (Ending::Open, State::Bound(_)) => {
                self.wire.close();
                let until = now + self.settings.close_grace;
                self.ending = Ending::WeClosed { until };
            }
            _ => {
                self.open_for_error();
                self.wire.close();
                self.forget();
            }
        }
    }

    /// Ends the stream with an error: our header if it was not sent, the error, the closing tag. It is over then:
    /// flush and close the connection. After [`close`](Self::close) nothing more can be said, and it is just over.
    pub fn fault(&mut self, fault: &StreamFault) {
        if self.can_write() {
            self.open_for_error();
            self.wire.error(fault);
            self.wire.close();
        }
        self.forget();
    }

    /// Nothing more can be read or written: the connection broke, or will be dropped without a word.
    pub fn lost(&mut self) {
        self.forget();
    }

    /// Whether nothing more is to come: flush what is left and close the connection.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Whether our side still is open: stanzas may be sent.
    pub(crate) fn can_write(&self) -> bool {
        match (&self.ending, &self.state) {
            (_, State::Over(_)) | (Ending::WeClosed { .. }, _) => false,
            (_, State::Opened(opened)) => !opened.awaits_tls(),
            _ => true,
        }
    }

    pub(super) fn fail(&mut self, fault: StreamFault) -> Event<'static> {
        self.fault(&fault);
        Event::Faulted(fault)
    }

    /// An answer failed the stream: the next `receive` tells.
    pub(super) fn fail_later(&mut self, fault: StreamFault) {
        self.fault(&fault);
        self.state = State::Over(Some(Box::new(fault)));
    }

    pub(super) fn peer_closed(&mut self, now: Instant) -> Event<'static> {
        match self.ending {
            Ending::WeClosed { .. } => self.forget(),
            Ending::Open | Ending::PeerClosed { .. } => {
                let until = now + self.settings.close_grace;
                self.ending = Ending::PeerClosed { until };
            }
        }
        Event::PeerClosed
    }

    pub(super) fn peer_faulted(&mut self, error: &Element<'_>, now: Instant) -> Event<'static> {
        self.peer_closed(now);
        let condition = error
            .children()
            .find(|child| child.ns() == ns::STREAM_ERRORS && child.name() != "text")
            .map_or("undefined-condition", |child| child.name());
        Event::PeerFaulted {
            condition: condition
                .char_indices()
                .take_while(|(at, c)| at + c.len_utf8() <= CONDITION_BYTES_MAX)
                .map(|(_, c)| c)
                .collect(),
        }
    }

    /// The grace is over.
    pub(super) fn give_up(&mut self) {
        if let Ending::PeerClosed { .. } = self.ending {
            self.wire.close();
        }
        self.forget();
    }

    pub(super) fn forget(&mut self) {
        self.state = State::Over(None);
    }

    /// Our header, where it was not sent yet.
    fn open_for_error(&mut self) {
        match &self.state {
            State::Connecting(connecting) => connecting.write_header(&mut self.wire),
            State::Authenticated(authenticated) => authenticated.write_header(&mut self.wire),
            State::Opened(_) | State::Bound(_) | State::Over(_) => {}
        }
    }
}
