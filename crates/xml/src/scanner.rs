//! The scanner of a stream.
use crate::{element::Element, fault::Fault, limits::Limits, tape::Scratch};

/// How documents are cut on the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// One document for the whole stream, [RFC 6120 §4.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.2).
    Stream,
    /// One document per element, each with its own `xmlns`; `<open/>` and `<close/>` of
    /// [RFC 7395 §3.3](https://www.rfc-editor.org/rfc/rfc7395#section-3.3) become [`Event::Open`] and [`Event::Close`].
    Document,
}
/// What the scanner found.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The stream header, or `<open/>`: an element with attributes and nothing in it.
    Open(Element<'a>),
    /// A complete child of the stream.
    Child(Element<'a>),
    /// The end of the stream, or `<close/>`.
    Close,
}
/// Takes the bytes of one stream.
#[derive(Debug)]
pub struct Scanner {
    framing: Framing,
    content_ns: &'static str,
    limits: Limits,
}
impl Scanner {
    /// A scanner at the start of a stream whose content namespace is `content_ns`.
    pub fn new(framing: Framing, content_ns: &'static str, limits: Limits) -> Self {
        Self {
            framing,
            content_ns,
            limits,
        }
    }
    /// Takes bytes off the front of `input` up to the end of the next event; `None` when all are taken and more are needed.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] after the events already given; the scanner then repeats it.
    pub fn receive<'a>(
        &mut self,
        input: &mut &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Option<Event<'a>>, Fault> {
        let _ = (input, scratch, self.framing, self.content_ns, self.limits);
        unimplemented!()
    }
    /// Begins a new stream on the same connection: the next bytes are a new header.
    pub fn restart(&mut self) {}
    /// Changes the limits, from the next element on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
    /// Whether no element has begun that has not ended.
    pub fn is_between_elements(&self) -> bool {
        true
    }
    /// Bytes of memory held for an unfinished element; 0 between elements.
    pub fn held_bytes(&self) -> usize {
        0
    }
}
