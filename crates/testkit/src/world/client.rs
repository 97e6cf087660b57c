//! The other end of a transport: sends text in the bench's framing and reads elements back.

use xml::{Fault, Framing};

use super::{link::LinkId, server::World};
use crate::{
    incoming::Incoming,
    transcript::{Received, as_documents},
};

/// A client that reads what the server sends.
pub struct Client {
    link: LinkId,
    framing: Framing,
    incoming: Incoming,
    told_end: bool,
}

impl Client {
    /// The client's end of `link`.
    #[must_use]
    pub fn new(link: LinkId, framing: Framing) -> Self {
        Self {
            link,
            framing,
            incoming: Incoming::of_any_size(framing),
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
        self.incoming.restart();
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
        if let Some(next) = self.incoming.next() {
            return Ok(Some(next));
        }
        if world.is_ended(self.link) && !self.told_end {
            self.told_end = true;
            return Ok(Some(Received::Cut));
        }
        Ok(None)
    }

    fn read(&mut self, world: &mut World) -> Result<(), Fault> {
        self.incoming.feed(&world.received(self.link))
    }
}
