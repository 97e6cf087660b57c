//! The scanner of a stream: cuts bytes into stream open, complete children and stream close.
//!
//! `scan` makes the pass over each element; what is here is what lies around elements: the prolog, white space,
//! the header's declarations, what is held between two pieces, and the end.

mod declaration;
mod header;
mod partial;

use std::mem;

use declaration::Lead;
use header::Header;
pub(crate) use header::none as no_bindings;
use partial::Partial;

use crate::{
    chars::{self, SPACE},
    element::Element,
    fault::Fault,
    limits::Limits,
    ns,
    scan::{Context, Progress},
    tape::{NsCode, Scratch},
};

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

/// Takes the bytes of one stream, in pieces of any size, and gives [`Event`]s.
///
/// Events do not depend on how the bytes are cut. White space between elements is taken and not told of.
#[derive(Clone, Debug)]
pub struct Scanner {
    framing: Framing,
    phase: Phase,
    /// The default namespace that the stream header put in force.
    default: NsCode,
    content_ns: &'static str,
    limits: Limits,
    header: Header,
    partial: Option<Box<Partial>>,
}

/// Which part of the stream comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// A byte order mark or XML declaration, or what stands without them.
    Start,
    /// The header, or with one document per element any element.
    Prolog,
    Body,
    /// The header was an empty element: the stream is over.
    Empty,
    End,
    Failed(Fault),
}

impl Scanner {
    /// A scanner at the start of a stream whose content namespace is `content_ns`, such as
    /// [`ns::CLIENT`].
    pub fn new(framing: Framing, content_ns: &'static str, limits: Limits) -> Self {
        Self {
            framing,
            phase: Phase::Start,
            default: NsCode::NONE,
            content_ns,
            limits,
            header: Header::None,
            partial: None,
        }
    }

    /// Takes bytes off the front of `input`, up to the end of the next event. `None` when all are taken and the
    /// next event needs more.
    ///
    /// An element refers to the bytes of `input` and to `scratch` or, when it came in pieces, to `scratch` only.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] behind the events already given; the scanner repeats it from then on.
    #[inline]
    pub fn receive<'i: 'a, 'a>(
        &mut self,
        input: &mut &'i [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Option<Event<'a>>, Fault> {
        if let ([byte], Some(partial)) = (*input, &mut self.partial)
            && (partial.quiet_byte(*byte) || partial.single_byte(*byte, &self.limits))
        {
            *input = &[];
            return Ok(None);
        }
        self.receive_more(input, scratch)
    }

    #[inline(never)]
    fn receive_more<'i: 'a, 'a>(
        &mut self,
        input: &mut &'i [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Option<Event<'a>>, Fault> {
        let result = self.advance(input, scratch);
        if let Err(fault) = result {
            self.phase = Phase::Failed(fault);
            self.partial = None;
        }
        result
    }

    /// Begins a new stream on the same connection: the next bytes are a new header,
    /// [RFC 6120 §4.3.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.3.3).
    pub fn restart(&mut self) {
        self.phase = Phase::Start;
        self.default = NsCode::NONE;
        self.header = Header::None;
        self.partial = None;
    }

    /// Changes the limits, from the next element on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Whether no element has begun that has not ended.
    pub fn is_between_elements(&self) -> bool {
        self.partial.is_none()
    }

    /// Bytes of memory held for an unfinished element; 0 between elements.
    pub fn held_bytes(&self) -> usize {
        self.partial
            .as_ref()
            .map_or(0, |partial| partial.held_bytes())
    }

    fn advance<'i: 'a, 'a>(
        &mut self,
        input: &mut &'i [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Option<Event<'a>>, Fault> {
        if self.phase == Phase::Start && !self.start(input)? {
            return Ok(None);
        }
        match self.phase {
            Phase::Start | Phase::Prolog | Phase::Body => self.element(input, scratch),
            Phase::Empty => {
                self.phase = Phase::End;
                Ok(Some(Event::Close))
            }
            Phase::End => {
                skip_space(input);
                if input.is_empty() {
                    Ok(None)
                } else {
                    Err(Fault::AfterEnd)
                }
            }
            Phase::Failed(fault) => Err(fault),
        }
    }

    /// Takes a byte order mark and an XML declaration. `false` when more bytes are needed to tell.
    fn start(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        let held = self
            .partial
            .as_ref()
            .map_or(0, |partial| partial.bytes.len());
        let lead = match &mut self.partial {
            None => declaration::read(input.get(..declaration::BYTES_MAX).unwrap_or(input))?,
            Some(partial) => {
                let piece = input.get(..declaration::BYTES_MAX - held).unwrap_or(input);
                partial.append(piece, declaration::BYTES_MAX);
                declaration::read(&partial.bytes)?
            }
        };
        match lead {
            Lead::More => {
                if !input.is_empty() && self.partial.is_none() {
                    self.partial = Some(Box::default());
                    if let Some(partial) = &mut self.partial {
                        partial.append(input, declaration::BYTES_MAX);
                    }
                }
                *input = &[];
                Ok(false)
            }
            Lead::Taken(len) => {
                *input = input.get(len.saturating_sub(held)..).unwrap_or_default();
                self.phase = Phase::Prolog;
                self.begin_held(len, held)?;
                Ok(true)
            }
        }
    }

    /// Of the bytes held to tell what they are, those past `taken` begin an element.
    fn begin_held(&mut self, taken: usize, held: usize) -> Result<(), Fault> {
        let Some(mut partial) = self.partial.take() else {
            return Ok(());
        };
        partial.bytes.truncate(held);
        partial.bytes.drain(..taken.min(held));
        match partial.bytes.as_slice() {
            [] => Ok(()),
            b"<" => {
                partial.work.begin(self.default);
                self.partial = Some(partial);
                Ok(())
            }
            [b'<', b'?', ..] => Err(Fault::ProcessingInstruction),
            _ => Err(self.text_between()),
        }
    }

    /// Text where an element was expected. Between the children of a stream it is well-formed, before the header
    /// it is not, [XML §2.8](https://www.w3.org/TR/xml/#sec-prolog-dtd).
    fn text_between(&self) -> Fault {
        match self.phase {
            Phase::Body => Fault::StrayText,
            _ => Fault::BadMarkup { expected: "'<'" },
        }
    }

    /// Takes the next element, header or end tag.
    fn element<'i: 'a, 'a>(
        &mut self,
        input: &mut &'i [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Option<Event<'a>>, Fault> {
        let header = self.framing == Framing::Stream && self.phase != Phase::Body;
        let bytes_max = if header {
            self.limits.header_bytes_max
        } else {
            self.limits.element_bytes_max
        };
        let cx = Context {
            limits: &self.limits,
            content_ns: Some(self.content_ns),
            bindings: self.header.bindings(),
            root_name: self.header.name(),
            header,
        };
        let bytes: &'a [u8];
        let progress;
        if let Some(partial) = &mut self.partial {
            let held = partial.bytes.len();
            let piece = input.get(..bytes_max.saturating_sub(held)).unwrap_or(input);
            progress = partial.scan(piece, bytes_max, &cx)?;
            match progress {
                Progress::More => {
                    if partial.bytes.len() >= bytes_max {
                        return Err(Fault::TooLarge { bytes_max });
                    }
                    partial.settle(&self.limits);
                    *input = &[];
                    return Ok(None);
                }
                Progress::Element(end) | Progress::Close(end) => {
                    *input = input.get(end - held..).unwrap_or_default();
                    partial.bytes.truncate(end);
                    scratch.take(mem::take(&mut partial.bytes), &partial.work);
                    if partial.work.untaped {
                        scratch.work.begin(self.default);
                        scratch.work.scan(&scratch.bytes, &cx)?;
                    }
                    bytes = &scratch.bytes;
                }
            }
            self.partial = None;
        } else {
            skip_space(input);
            match input.first() {
                None => return Ok(None),
                Some(b'<') => {}
                Some(_) => return Err(self.text_between()),
            }
            let come = input.get(..bytes_max).unwrap_or(input);
            scratch.work.begin(self.default);
            progress = scratch.work.scan(come, &cx)?;
            match progress {
                Progress::More => {
                    if come.len() >= bytes_max {
                        return Err(Fault::TooLarge { bytes_max });
                    }
                    self.partial =
                        Some(Partial::keep(come, &scratch.work, bytes_max, &self.limits));
                    *input = &[];
                    return Ok(None);
                }
                Progress::Element(end) | Progress::Close(end) => {
                    bytes = come.get(..end).unwrap_or_default();
                    *input = input.get(end..).unwrap_or_default();
                }
            }
        }
        if matches!(progress, Progress::Close(_)) {
            self.phase = Phase::End;
            return Ok(Some(Event::Close));
        }
        let text = str::from_utf8(bytes).map_err(|_| Fault::InvalidUtf8)?;
        let work = &mut scratch.work;
        if work.tape.intricate || self.default.is_inherited() {
            work.tape.inherited.copy_from(cx.bindings);
        }
        if header {
            (self.header, self.default) = Header::read(text, work);
            self.phase = if text.ends_with("/>") {
                Phase::Empty
            } else {
                Phase::Body
            };
        }
        let element = Element::root(text, &scratch.work.tape);
        Ok(Some(match self.framing {
            Framing::Stream if header => Event::Open(element),
            Framing::Stream => Event::Child(element),
            Framing::Document => {
                self.phase = Phase::Start;
                framed(element)
            }
        }))
    }
}

/// What a whole document is with one document per element.
fn framed(element: Element<'_>) -> Event<'_> {
    if element.is("open", ns::FRAMING) {
        Event::Open(element)
    } else if element.is("close", ns::FRAMING) {
        Event::Close
    } else {
        Event::Child(element)
    }
}

/// Bytes of a byte order mark and an XML declaration at the beginning of a whole document.
pub(crate) fn lead_len(bytes: &[u8]) -> Result<usize, Fault> {
    match declaration::read(bytes)? {
        Lead::Taken(len) => Ok(len),
        Lead::More => Err(Fault::Incomplete),
    }
}

fn skip_space(input: &mut &[u8]) {
    while let [first, rest @ ..] = *input
        && chars::is(*first, SPACE)
    {
        *input = rest;
    }
}
