//! Streams for the tests: elements as a scanner gives them, stanzas as bytes.

use std::sync::Arc;

use stanza::{Output, Rejected, Stanza};
use xml::{Element, Event, Fault, Framing, Limits, Scanner, Scratch, Tree};

/// Gives `read` the first child of a continuous stream with this content namespace and further declarations.
pub(crate) fn on_stream<R>(
    content_ns: &'static str,
    declarations: &str,
    child: &str,
    read: impl FnOnce(&Element<'_>) -> R,
) -> R {
    let header = format!(
        "<stream:stream xmlns='{content_ns}' xmlns:stream='http://etherx.jabber.org/streams' {declarations}>"
    );
    let mut scanner = Scanner::new(Framing::Stream, content_ns, Limits::default());
    let mut scratch = Scratch::default();
    let mut input = header.as_bytes();
    let open = scanner.receive(&mut input, &mut scratch);
    assert!(matches!(open, Ok(Some(Event::Open(_)))), "{open:?}");
    let mut input = child.as_bytes();
    read(&child_of(scanner.receive(&mut input, &mut scratch)))
}

/// Gives `read` the element of one frame, where each is a document of its own.
pub(crate) fn in_frame<R>(frame: &str, read: impl FnOnce(&Element<'_>) -> R) -> R {
    let mut scanner = Scanner::new(Framing::Document, xml::ns::CLIENT, Limits::default());
    let mut scratch = Scratch::default();
    let mut input = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>".as_bytes();
    let open = scanner.receive(&mut input, &mut scratch);
    assert!(matches!(open, Ok(Some(Event::Open(_)))), "{open:?}");
    let mut input = frame.as_bytes();
    read(&child_of(scanner.receive(&mut input, &mut scratch)))
}

fn child_of<'a>(received: Result<Option<Event<'a>>, Fault>) -> Element<'a> {
    let event = received.expect("well-formed").expect("complete");
    let child = match event {
        Event::Child(element) => Some(element),
        Event::Open(_) | Event::Close => None,
    };
    child.expect("a child of the stream")
}

/// A stanza that a client sent.
pub(crate) fn sent(child: &str) -> Result<Stanza, Rejected> {
    on_stream(xml::ns::CLIENT, "", child, |element| {
        Stanza::accept(element, None)
    })
}

/// A stanza that a client sent and that is fine.
pub(crate) fn stanza(child: &str) -> Stanza {
    sent(child).expect("a valid stanza")
}

/// A stanza that a client sent over a stream with a language.
pub(crate) fn in_language(lang: &str, child: &str) -> Stanza {
    let lang: Arc<str> = lang.into();
    on_stream(xml::ns::CLIENT, "", child, |element| {
        Stanza::accept(element, Some(&lang)).expect("a valid stanza")
    })
}

/// The stanza as written over a continuous stream.
pub(crate) fn written(stanza: &Stanza) -> String {
    written_as(stanza, Output::default())
}

/// The stanza as written in some other way.
pub(crate) fn written_as(stanza: &Stanza, output: Output<'_>) -> String {
    let mut out = Vec::new();
    stanza.write(&mut out, output);
    String::from_utf8(out).expect("UTF-8")
}

/// Gives `read` an element in detached form.
pub(crate) fn element<R>(text: &str, read: impl FnOnce(&Element<'_>) -> R) -> R {
    read(&Tree::parse_fragment(text).expect("an element").root())
}
