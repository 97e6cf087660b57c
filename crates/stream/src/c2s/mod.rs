//! A client's stream on the server's side.
//!
//! A chain of states, each holding only what is known in it: `connecting.rs` (no header yet), `opened.rs` (features,
//! STARTTLS, SASL), `authenticated.rs` (resource binding), `bound.rs` (stanzas). This file drives them: it takes bytes,
//! answers and time. `features.rs` writes what is offered, `ending.rs` has the ways a stream ends, `answers.rs` what the caller says.

mod answers;
mod authenticate;
mod authenticated;
mod bound;
mod connecting;
mod ending;
mod features;
mod opened;
mod profile;
mod sasl2;
mod versions;

use std::sync::Arc;
use std::time::Instant;

use jid::FullJid;
use xml::{Element, Ns, Scanner, Scratch, ns};

use crate::wire::Wire;
use crate::{C2sSettings, Event, StreamFault, StreamId};
use authenticated::Authenticated;
use bound::Bound;
use connecting::Connecting;
use ending::Ending;
use opened::Opened;
pub use versions::OfferVersions;

/// A client's stream, from its first byte to its last. See [`Event`] for what it asks and tells.
///
/// A driver calls [`receive`](Self::receive) with what it read until there is no more event, then
/// [`flush`](Self::flush)es, and calls [`handle_timeout`](Self::handle_timeout) when
/// [`poll_timeout`](Self::poll_timeout) has come. When [`is_over`](Self::is_over), it flushes and closes.
#[derive(Debug)]
pub struct C2s {
    settings: Arc<C2sSettings>,
    scanner: Scanner,
    wire: Wire,
    /// Since when nothing was heard, or since the last keepalive.
    quiet_since: Instant,
    ending: Ending,
    state: State,
}

/// What is known of the peer. Only the last state is kept small: streams rest there.
#[derive(Debug)]
enum State {
    Connecting(Box<Connecting>),
    Opened(Box<Opened>),
    Authenticated(Box<Authenticated>),
    Bound(Bound),
    /// Nothing any more. A fault that an answer caused is still to be told.
    Over(Option<Box<StreamFault>>),
}

impl C2s {
    /// A connection that was just accepted. Over direct TLS ([XEP-0368](https://xmpp.org/extensions/xep-0368.html)),
    /// and where the transport below is secure, call [`tls_established`](Self::tls_established) before the first byte.
    pub fn new(settings: Arc<C2sSettings>, id: StreamId, now: Instant) -> Self {
        Self {
            scanner: Scanner::new(
                settings.framing,
                ns::CLIENT,
                settings.limits_unauthenticated,
            ),
            wire: Wire::new(settings.framing),
            quiet_since: now,
            ending: Ending::Open,
            state: State::Connecting(Box::new(Connecting::new(id, now))),
            settings,
        }
    }

    /// Takes bytes off the front of `input` up to the next event. `None`: `input` is empty and more is needed, or
    /// a question waits for its answer ([`is_waiting`](Self::is_waiting)) and the rest has to be given again then.
    ///
    /// After an answer, call it once more even without input: the answer may have caused the next event.
    pub fn receive<'a, 'input: 'a>(
        &mut self,
        input: &mut &'input [u8],
        scratch: &'a mut Scratch,
        now: Instant,
    ) -> Option<Event<'a>> {
        if !input.is_empty() {
            self.quiet_since = now;
        }
        if let Some(event) = self.due() {
            return Some(event);
        }
        if self.is_deaf() {
            *input = &[];
            return None;
        }
        if self.is_waiting() {
            return None;
        }
        let mut rest: &'a [u8] = input;
        let scanned = self.scanner.receive(&mut rest, scratch);
        *input = input.get(input.len() - rest.len()..).unwrap_or_default();
        let outcome = match scanned {
            Ok(None) => return None,
            Ok(Some(xml::Event::Open(header))) => self.header(&header),
            Ok(Some(xml::Event::Child(element))) => self.element(element, now),
            Ok(Some(xml::Event::Close)) => Ok(self.peer_closed(now)),
            Err(fault) => Err(fault.into()),
        };
        let event = outcome.unwrap_or_else(|fault| self.fail(fault));
        if self.is_deaf() {
            // What was sent along with <starttls/> is plaintext that anybody may have put there, RFC 6120 §5.4.3.3.
            *input = &[];
        }
        Some(event)
    }

    /// Whether a question is unanswered. Nothing is read until it is.
    pub fn is_waiting(&self) -> bool {
        match &self.state {
            State::Connecting(connecting) => connecting.is_waiting(),
            State::Opened(opened) => opened.is_waiting(),
            State::Authenticated(authenticated) => authenticated.is_waiting(),
            State::Bound(_) | State::Over(_) => false,
        }
    }

    /// Moves what the stream itself wrote to the end of `out`: before stanzas that were given to it later.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        self.wire.flush(out);
    }

    /// Whether there is something to flush.
    pub fn has_output(&self) -> bool {
        !self.wire.is_empty()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (&self.ending, &self.state) {
            (_, State::Over(_)) => None,
            (Ending::WeClosed { until } | Ending::PeerClosed { until }, _) => Some(*until),
            (Ending::Open, State::Connecting(connecting)) => {
                Some(connecting.since() + self.settings.unauthenticated_timeout)
            }
            (Ending::Open, State::Opened(opened)) => {
                Some(opened.since() + self.settings.unauthenticated_timeout)
            }
            (Ending::Open, State::Authenticated(_) | State::Bound(_)) => {
                Some(self.quiet_since + self.settings.idle_timeout)
            }
        }
    }

    /// Does what is due at `now`: ends a stream that did not authenticate or close in time, keeps a quiet one alive.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Event<'static>> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        match (&self.ending, &self.state) {
            (Ending::Open, State::Connecting(_) | State::Opened(_)) => {
                let seconds = self.settings.unauthenticated_timeout.as_secs();
                Some(self.fail(StreamFault::Unauthenticated { seconds }))
            }
            (Ending::Open, state) => {
                self.quiet_since = now;
                // Nothing may stand before the XML declaration of a header that is still to come.
                if !matches!(state, State::Authenticated(peer) if !peer.has_header()) {
                    self.wire.keepalive();
                }
                Some(Event::Idle)
            }
            (Ending::WeClosed { .. } | Ending::PeerClosed { .. }, _) => {
                self.give_up();
                None
            }
        }
    }

    /// The full JID of a bound stream.
    pub fn jid(&self) -> Option<&FullJid> {
        match &self.state {
            State::Bound(bound) => Some(bound.jid()),
            _ => None,
        }
    }

    /// The `xml:lang` of a bound stream, which stanzas without their own have.
    pub fn lang(&self) -> Option<&str> {
        match &self.state {
            State::Bound(bound) => bound.lang(),
            _ => None,
        }
    }

    /// Bytes of memory that the stream holds beyond its own size, the text of its address apart.
    pub fn held_bytes(&self) -> usize {
        let state = match &self.state {
            State::Connecting(_) => size_of::<Connecting>(),
            State::Opened(opened) => opened.held_bytes(),
            State::Authenticated(_) => size_of::<Authenticated>(),
            State::Bound(_) | State::Over(_) => 0,
        };
        state + self.scanner.held_bytes() + self.wire.held_bytes()
    }

    fn header(&mut self, header: &Element<'_>) -> Result<Event<'static>, StreamFault> {
        let framing = self.settings.framing;
        match &mut self.state {
            State::Connecting(connecting) => connecting.header(header, framing),
            State::Authenticated(authenticated) => authenticated.header(header, framing),
            State::Opened(_) | State::Bound(_) | State::Over(_) => Err(StreamFault::BadFormat),
        }
    }

    fn element<'a>(
        &mut self,
        element: Element<'a>,
        now: Instant,
    ) -> Result<Event<'a>, StreamFault> {
        if element.is("error", ns::STREAMS) && !matches!(self.state, State::Connecting(_)) {
            return Ok(self.peer_faulted(&element, now));
        }
        if element.ns() == Ns::Uri("") {
            return Err(StreamFault::InvalidNamespace);
        }
        match &mut self.state {
            State::Connecting(_) | State::Over(_) => Err(StreamFault::InvalidNamespace),
            State::Opened(opened) => {
                let event = opened.element(element, &mut self.wire)?;
                if opened.refused_tls() {
                    self.wire.close();
                    self.forget();
                }
                Ok(event)
            }
            State::Authenticated(authenticated) => authenticated.element(element, &mut self.wire),
            State::Bound(bound) => bound.element(element),
        }
    }

    /// What an answer caused.
    fn due(&mut self) -> Option<Event<'static>> {
        match &mut self.state {
            State::Opened(opened) => opened.due(),
            State::Authenticated(authenticated) => authenticated.due(),
            State::Over(fault) => Some(Event::Faulted(*fault.take()?)),
            _ => None,
        }
    }

    /// Whether what comes is thrown away.
    fn is_deaf(&self) -> bool {
        match (&self.ending, &self.state) {
            (Ending::PeerClosed { .. }, _) | (_, State::Over(_)) => true,
            (_, State::Opened(opened)) => opened.awaits_tls(),
            _ => false,
        }
    }
}
