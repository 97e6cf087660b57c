//! What comes on a client's stream: bytes, then elements.

use std::collections::VecDeque;

use xml::{Event, Fault, Framing, Limits, Scanner, Scratch, ns};

use crate::transcript::Received;

/// A stream as it comes.
pub(crate) struct Incoming {
    framing: Framing,
    scanner: Scanner,
    received: VecDeque<Received>,
}

impl Incoming {
    /// Within the limits that a server would have.
    pub(crate) fn new() -> Self {
        Self::within(Framing::Stream, Limits::default())
    }

    /// For a client that takes whatever its server sends.
    pub(crate) fn of_any_size(framing: Framing) -> Self {
        let limits = Limits {
            element_bytes_max: 64 << 20,
            ..Limits::default()
        };
        Self::within(framing, limits)
    }

    fn within(framing: Framing, limits: Limits) -> Self {
        Self {
            framing,
            scanner: Scanner::new(framing, ns::CLIENT, limits),
            received: VecDeque::new(),
        }
    }

    /// What comes next begins a new stream.
    pub(crate) fn restart(&mut self) {
        self.scanner.restart();
    }

    /// What came next, of what was fed.
    pub(crate) fn next(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Takes bytes. After the success of a sign-in a new stream begins by itself.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match self.framing {
            Framing::Stream => self.scan(bytes),
            Framing::Document => {
                stream::documents(bytes).try_for_each(|document| self.scan(document))
            }
        }
    }

    fn scan(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut scratch = Scratch::default();
        let mut left = bytes;
        while !left.is_empty() {
            let mut input = left;
            let event = self.scanner.receive(&mut input, &mut scratch)?;
            let taken = left.len().saturating_sub(input.len());
            let mut is_success = false;
            match event {
                None => {}
                Some(Event::Open(header)) => self.received.push_back(Received::header(header)?),
                Some(Event::Close) => self.received.push_back(Received::Closed),
                Some(Event::Child(element)) if element.is("open", ns::FRAMING) => {
                    self.received.push_back(Received::header(element)?);
                }
                Some(Event::Child(element)) if element.is("close", ns::FRAMING) => {
                    self.received.push_back(Received::Closed);
                }
                Some(Event::Child(element)) => {
                    is_success = element.is("success", ns::SASL);
                    self.received.push_back(Received::element(element)?);
                }
            }
            if is_success {
                self.restart();
            }
            left = left.get(taken..).unwrap_or_default();
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Incoming")
    }
}
