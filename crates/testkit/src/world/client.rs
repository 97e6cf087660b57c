//! The other end of a transport: sends text in the bench's framing and reads elements back.

use std::collections::VecDeque;

use xml::{Event, Fault, Framing, Limits, Scanner, Scratch, ns};

use super::{link::LinkId, server::World};
use crate::transcript::{Received, as_documents};

/// A client that reads what the server sends.
pub struct Client {
    link: LinkId,
    framing: Framing,
    scanner: Scanner,
    received: VecDeque<Received>,
    told_end: bool,
}

impl Client {
    /// The client's end of `link`.
    #[must_use]
    pub fn new(link: LinkId, framing: Framing) -> Self {
        // A client takes whatever its server sends.
        let limits = Limits {
            element_bytes_max: 64 << 20,
            ..Limits::default()
        };
        Self {
            link,
            framing,
            scanner: Scanner::new(framing, ns::CLIENT, limits),
            received: VecDeque::new(),
            told_end: false,
        }
    }

    /// Its transport.
    #[must_use]
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// The server's next bytes begin a new stream: after STARTTLS and after SASL.
    pub fn restart(&mut self) {
        self.scanner.restart();
    }

    /// Sends a part of a continuous stream, put into documents where the framing wants it.
    pub fn send(&self, world: &mut World, text: &str) {
        match self.framing {
            Framing::Stream => world.send(self.link, text.as_bytes()),
            Framing::Document => match as_documents(text) {
                Some(documents) => documents
                    .iter()
                    .for_each(|document| world.send(self.link, document.as_bytes())),
                None => world.send(self.link, text.as_bytes()),
            },
        }
    }

    /// What came next, if anything has.
    ///
    /// # Errors
    ///
    /// What the server sent is not XML: the fault.
    pub fn take(&mut self, world: &mut World) -> Result<Option<Received>, Fault> {
        self.read(world)?;
        if let Some(next) = self.received.pop_front() {
            return Ok(Some(next));
        }
        if world.is_ended(self.link) && !self.told_end {
            self.told_end = true;
            return Ok(Some(Received::Cut));
        }
        Ok(None)
    }

    fn read(&mut self, world: &mut World) -> Result<(), Fault> {
        let bytes = world.received(self.link);
        match self.framing {
            Framing::Stream => self.scan(&bytes),
            Framing::Document => {
                stream::documents(&bytes).try_for_each(|document| self.scan(document))
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
