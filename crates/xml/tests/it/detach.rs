//! Detached form: what an element is when it leaves the stream it came over.

use xml::{Event, Framing, Limits, Scanner, Scratch, Tree, ns};

const STREAM: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='s'>";

/// A child of a client stream, and what it is in detached form.
#[track_caller]
fn check(text: &str, detached: &str) {
    check_on(Framing::Stream, STREAM, text, detached);
}

#[track_caller]
fn check_on(framing: Framing, header: &str, text: &str, detached: &str) {
    let mut scanner = Scanner::new(framing, ns::CLIENT, Limits::default());
    let mut scratch = Scratch::default();
    let mut input = header.as_bytes();
    scanner.receive(&mut input, &mut scratch).unwrap();
    let mut input = text.as_bytes();
    let Some(Event::Child(element)) = scanner.receive(&mut input, &mut scratch).unwrap() else {
        panic!("no child in {text}");
    };
    let mut out = Vec::new();
    element.write_detached(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), detached);
    assert_eq!(element.is_detached_already(), text == detached, "{text}");
    // It means the same read by itself, and is detached then.
    let tree = Tree::parse_fragment(detached).unwrap();
    assert_eq!(
        crate::events::line(&tree.root()),
        crate::events::line(&element)
    );
    assert!(tree.root().is_detached_already());
    // So do all elements in it.
    inner_ones(&element);
}

#[track_caller]
fn inner_ones(element: &xml::Element<'_>) {
    for child in element.children() {
        let mut out = Vec::new();
        child.write_detached(&mut out);
        let tree = Tree::parse_fragment(&out).unwrap();
        assert_eq!(
            crate::events::line(&tree.root()),
            crate::events::line(&child)
        );
        inner_ones(&child);
    }
}

#[test]
fn what_needs_nothing_stays_as_it_is() {
    for text in [
        "<message to='a'><body>x</body></message>",
        "<message><x xmlns='u' y='1'><z/></x></message>",
        "<message xmlns:p='u'><p:x/></message>",
        "<message><f xmlns='u'><message xmlns='jabber:client'><b/></message></f></message>",
        "<message><f xmlns='u'><b xmlns=''/></f></message>",
    ] {
        check(text, text);
    }
}

#[test]
fn redundant_declarations_of_the_content_namespace_go() {
    check(
        "<message xmlns='jabber:client' to='a'/>",
        "<message to='a'/>",
    );
    check(
        "<message to='a' xmlns = \"jabber:client\"><body/></message>",
        "<message to='a'><body/></message>",
    );
    check(
        "<message><body xmlns='jabber:client'>x</body></message>",
        "<message><body>x</body></message>",
    );
    check(
        "<message><p:x xmlns:p='u'><y xmlns='jabber:client'/></p:x></message>",
        "<message><p:x xmlns:p='u'><y/></p:x></message>",
    );
}

#[test]
fn prefixes_of_the_content_namespace_go() {
    check(
        "<c:message xmlns:c='jabber:client'><c:body>x</c:body></c:message>",
        "<message xmlns:c='jabber:client'><body>x</body></message>",
    );
}

#[test]
fn declarations_of_the_stream_are_written_once() {
    check(
        "<stream:error><s:a/><stream:b/></stream:error>",
        "<stream:error xmlns:stream='http://etherx.jabber.org/streams' xmlns:s='s'><s:a/><stream:b/></stream:error>",
    );
    check("<message s:x='1'/>", "<message xmlns:s='s' s:x='1'/>");
    check(
        "<message><s:a xmlns:s='t'/><s:b/></message>",
        "<message xmlns:s='s'><s:a xmlns:s='t'/><s:b/></message>",
    );
    check_on(
        Framing::Stream,
        "<stream xmlns='http://etherx.jabber.org/streams'>",
        "<error><a xmlns='u'/></error>",
        "<error xmlns='http://etherx.jabber.org/streams'><a xmlns='u'/></error>",
    );
    check_on(
        Framing::Stream,
        "<stream xmlns='http://etherx.jabber.org/streams'>",
        "<message xmlns='jabber:client'><a/></message>",
        "<message><a/></message>",
    );
}

#[test]
fn with_one_document_per_element_the_declaration_goes_too() {
    let open = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";
    check_on(
        Framing::Document,
        open,
        "<message xmlns='jabber:client'><b/></message>",
        "<message><b/></message>",
    );
    check_on(Framing::Document, open, "<message/>", "<message xmlns=''/>");
}

#[test]
fn children_take_along_what_their_parents_declare() {
    let tree = Tree::parse_fragment("<m xmlns:p='u'><x xmlns='v'><y p:z='1'/></x></m>").unwrap();
    let y = tree
        .root()
        .children()
        .next()
        .unwrap()
        .children()
        .next()
        .unwrap();
    let mut out = Vec::new();
    y.write_detached(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<y xmlns='v' xmlns:p='u' p:z='1'/>"
    );
}

#[test]
fn an_embedded_stanza_is_read_as_content() {
    let tree = Tree::parse_content(
        "<message xmlns='jabber:client'><body/></message>",
        ns::CLIENT,
    )
    .unwrap();
    let mut out = Vec::new();
    tree.root().write_detached(&mut out);
    assert_eq!(out, b"<message><body/></message>");
}
