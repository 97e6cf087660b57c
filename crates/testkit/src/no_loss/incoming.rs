//! What comes on a client's stream: bytes, then elements.

use std::collections::VecDeque;

use xml::{Event, Fault, Framing, Limits, Scanner, Scratch, ns};

use crate::transcript::Received;

/// A stream as it comes.
pub(super) struct Incoming {
    scanner: Scanner,
    received: VecDeque<Received>,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self {
            scanner: Scanner::new(Framing::Stream, ns::CLIENT, Limits::default()),
            received: VecDeque::new(),
        }
    }

    /// What came next, of what was fed.
    pub(super) fn next(&mut self) -> Option<Received> {
        self.received.pop_front()
    }

    /// Takes bytes. After the success of a sign-in a new stream begins by itself.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
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
                Some(Event::Child(element)) => {
                    is_success = element.is("success", ns::SASL);
                    self.received.push_back(Received::element(element)?);
                }
            }
            if is_success {
                self.scanner.restart();
            }
            left = left.get(taken..).unwrap_or_default();
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }
}
