//! One child, everywhere it can go: the content namespace is that of the stream it leaves by, all other namespaces
//! are those it came with.

use stanza::{Output, Stanza, forward};
use xml::{Fragment, Ns, Tree, same};

use crate::wire::{in_frame, on_stream, stanza, written, written_as};

/// A message with a child of each sort, as clients send it in four ways. `STREAM` declares `p` and `q`.
const DECLARED: &str = "xmlns:p='urn:p' xmlns:q='urn:q'";
const SENT: &str = "<message to='juliet@example.com' id='1'>\
    <body>hi &amp; bye</body>\
    <body xmlns='jabber:client'>redundant<i xmlns='jabber:client'/></body>\
    <x xmlns='urn:x'><y/><z xmlns='urn:z'/></x>\
    <p:a q:b='c'><p:d/></p:a>\
    <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>inner</body></message></forwarded>\
    </message>";

/// The same for a reader whose content namespace is `ns`: a document that needs nothing from outside.
fn expected(ns: &str) -> String {
    format!(
        "<message xmlns='{ns}' to='juliet@example.com' id='1'>\
         <body>hi &amp; bye</body>\
         <body>redundant<i/></body>\
         <x xmlns='urn:x'><y/><z xmlns='urn:z'/></x>\
         <a xmlns='urn:p' xmlns:q='urn:q' q:b='c'><d/></a>\
         <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>inner</body></message></forwarded>\
         </message>"
    )
}

fn sent() -> Stanza {
    on_stream(xml::ns::CLIENT, DECLARED, SENT, |element| {
        Stanza::accept(element, None).expect("valid")
    })
}

fn check_same(left: &str, right: &str) {
    let (left_tree, right_tree) = (
        Tree::parse(left).expect("a document"),
        Tree::parse(right).expect("a document"),
    );
    let outcome = same(&left_tree.root(), &right_tree.root());
    assert!(outcome.is_ok(), "{outcome:?}\n{left}\n{right}");
}

/// What a reader of a continuous stream sees: the stanza inside a header that declares nothing but `ns`.
fn check_on_stream(stanza: &Stanza, ns: &str) {
    let text = written(stanza);
    assert!(text.starts_with("<message to="), "{text}");
    check_same(
        &format!("<stream xmlns='{ns}'>{text}</stream>"),
        &format!("<stream xmlns='{ns}'>{}</stream>", expected(ns)),
    );
}

#[test]
fn over_a_clients_stream() {
    check_on_stream(&sent(), xml::ns::CLIENT);
}

#[test]
fn over_another_servers_stream() {
    check_on_stream(&sent(), xml::ns::SERVER);
}

#[test]
fn over_a_components_stream() {
    check_on_stream(&sent(), xml::ns::COMPONENT);
}

#[test]
fn in_a_frame_of_its_own() {
    let output = Output {
        declare_ns: Some(xml::ns::CLIENT),
        ..Output::default()
    };
    check_same(&written_as(&sent(), output), &expected(xml::ns::CLIENT));
}

#[test]
fn inside_forwarded_it_is_a_clients_stanza_whatever_the_outer_stream() {
    let carbon = xml::Builder::new("received", "urn:xmpp:carbons:2")
        .child(forward::forwarded(&sent(), None))
        .build();
    let outer = Stanza::message(stanza::MessageType::Chat).with_child(carbon);
    for ns in [xml::ns::CLIENT, xml::ns::SERVER] {
        check_same(
            &format!("<stream xmlns='{ns}'>{}</stream>", written(&outer)),
            &format!(
                "<stream xmlns='{ns}'><message type='chat'><received xmlns='urn:xmpp:carbons:2'>\
                 <forwarded xmlns='urn:xmpp:forward:0'>{}</forwarded></received></message></stream>",
                expected(xml::ns::CLIENT)
            ),
        );
    }
}

#[test]
fn from_the_store_again() {
    let stored = sent().to_stored();
    let text = std::str::from_utf8(&stored).expect("readable");
    assert!(
        text.starts_with("<message to='juliet@example.com' id='1'><body>hi &amp; bye</body>"),
        "{text}"
    );
    let back = Stanza::from_stored(&stored).expect("what was stored");
    check_on_stream(&back, xml::ns::CLIENT);
    check_on_stream(&back, xml::ns::SERVER);
    assert_eq!(back.to_stored(), stored);
    assert!(Stanza::from_stored(b"<message").is_err());
    assert!(Stanza::from_stored(b"<iq type='get'/>").is_err());
}

#[test]
fn received_in_a_frame_of_its_own() {
    let frame = SENT.replacen(
        "<message",
        &format!("<message xmlns='jabber:client' {DECLARED}"),
        1,
    );
    let message = in_frame(&frame, |element| {
        Stanza::accept(element, None).expect("valid")
    });
    check_on_stream(&message, xml::ns::CLIENT);
    check_on_stream(&message, xml::ns::SERVER);
}

#[test]
fn received_from_another_server() {
    let text = SENT.replace(
        "<body xmlns='jabber:client'>redundant<i xmlns='jabber:client'/>",
        "<body xmlns='jabber:server'>redundant<i xmlns='jabber:server'/>",
    );
    let message = on_stream(xml::ns::SERVER, DECLARED, &text, |element| {
        Stanza::accept(element, None).expect("valid")
    });
    check_on_stream(&message, xml::ns::CLIENT);
}

#[test]
fn with_a_prefix_for_the_content_namespace() {
    let text =
        "<c:message to='juliet@example.com'><c:body>hi</c:body><x xmlns='urn:x'/></c:message>";
    let message = on_stream(
        xml::ns::CLIENT,
        "xmlns:c='jabber:client'",
        text,
        |element| Stanza::accept(element, None).expect("valid"),
    );
    assert_eq!(message.body().as_deref(), Some("hi"));
    check_same(
        &format!("<s xmlns='jabber:server'>{}</s>", written(&message)),
        "<s xmlns='jabber:server'><message to='juliet@example.com'><body>hi</body><x xmlns='urn:x'/></message></s>",
    );
}

#[test]
fn names_and_namespaces_are_known_without_parsing() {
    let message = sent();
    let names: Vec<_> = message
        .children()
        .map(|child| (child.name(), child.ns()))
        .collect();
    assert_eq!(
        names,
        [
            ("body", Ns::Content),
            ("body", Ns::Content),
            ("x", Ns::Uri("urn:x")),
            ("a", Ns::Uri("urn:p")),
            ("forwarded", Ns::Uri("urn:xmpp:forward:0")),
        ]
    );
    assert_eq!(message.body().as_deref(), Some("hi & bye"));
    assert!(
        message.has("x", "urn:x") && !message.has("x", "urn:p") && !message.has("x", Ns::Content)
    );
    let a = message.child("a", "urn:p").expect("a child").tree();
    assert_eq!(a.root().attr_ns("b", "urn:q").as_deref(), Some("c"));
}

#[test]
fn children_are_removed_and_added_beside_the_block() {
    let added = Fragment::parse("<delay xmlns='urn:xmpp:delay'/>").expect("a fragment");
    let message = stanza("<message><body>hi</body><x xmlns='urn:x'/><x xmlns='urn:y'/></message>");
    let changed = message
        .clone()
        .without(|child| child.is("x", "urn:x"))
        .with_child(added.clone());
    assert_eq!(
        written(&changed),
        "<message><body>hi</body><x xmlns='urn:y'/><delay xmlns='urn:xmpp:delay'/></message>"
    );
    assert_eq!(
        written(&message),
        "<message><body>hi</body><x xmlns='urn:x'/><x xmlns='urn:y'/></message>"
    );
    let output = Output {
        added: std::slice::from_ref(&added),
        ..Output::default()
    };
    assert_eq!(
        written_as(&message.without_children(), output),
        "<message><delay xmlns='urn:xmpp:delay'/></message>"
    );
    let shared = changed
        .child("delay", "urn:xmpp:delay")
        .expect("added")
        .to_fragment();
    assert_eq!(shared.as_str().as_ptr(), added.as_str().as_ptr(), "no copy");
}
