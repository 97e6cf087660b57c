//! What holds for every stanza: what is written is read back, over every kind of stream and from the store.

use proptest::prelude::*;
use stanza::{MessageType, Output, Stanza, StanzaError};
use xml::{Builder, Fragment};

use crate::wire::{element, in_frame, on_stream, stanza, written, written_as};

/// Text that XML can hold, with much that has to be escaped.
fn text() -> impl Strategy<Value = String> {
    "[ \t\n\ra-c'\"&<>\\]\u{e9}\u{1f600}]{0,12}"
}

fn child() -> impl Strategy<Value = Fragment> {
    let ns = prop_oneof![Just(None), Just(Some("urn:x")), Just(Some("urn:a&'\"b"))];
    (ns, "[a-z]{1,5}", text(), text(), any::<bool>()).prop_map(|(ns, name, value, text, nested)| {
        let builder = match ns {
            None => Builder::content(&name),
            Some(ns) => Builder::new(&name, ns),
        };
        let inner = nested.then(|| Builder::new("inner", "urn:inner").text(&value));
        builder
            .attr("a", &value)
            .child_opt(inner)
            .text(&text)
            .build()
    })
}

fn message() -> impl Strategy<Value = Stanza> {
    (
        text(),
        text(),
        prop::collection::vec(child(), 0..7),
        "[a-z'&]{1,5}",
    )
        .prop_map(|(id, lang, children, resource)| {
            let jid = jid::Jid::from_parts(Some("romeo"), "example.net", Some(&resource));
            children.into_iter().fold(
                Stanza::message(MessageType::Chat)
                    .with_id(&id)
                    .with_lang(&lang)
                    .with_from(jid.ok()),
                Stanza::with_child,
            )
        })
}

/// Everything a reader can see.
fn seen(stanza: &Stanza) -> String {
    let children: Vec<_> = stanza
        .children()
        .map(|child| format!("{child:?} {} {:?}", child.as_str(), child.text()))
        .collect();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {children:?}",
        stanza.kind(),
        stanza.from(),
        stanza.to(),
        stanza.id(),
        stanza.lang()
    )
}

proptest! {
    #[test]
    fn a_stanza_means_the_same_after_every_way(message in message()) {
        let expected = seen(&message);
        let text = written(&message);
        prop_assert_eq!(seen(&stanza(&text)), &expected[..]);
        let from_server = on_stream(xml::ns::SERVER, "", &text, |element| Stanza::accept(element, None));
        prop_assert_eq!(seen(&from_server.expect("valid")), &expected[..]);
        let frame = written_as(&message, Output { declare_ns: Some(xml::ns::CLIENT), ..Output::default() });
        let from_frame = in_frame(&frame, |element| Stanza::accept(element, None));
        prop_assert_eq!(seen(&from_frame.expect("valid")), &expected[..]);
        let from_store = Stanza::from_stored(&message.to_stored()).expect("stored");
        prop_assert_eq!(seen(&from_store), &expected[..]);
        let forwarded = stanza::forward::forwarded(&message, None);
        let tree = forwarded.tree();
        let inner = stanza::forward::Forwarded::parse(&tree.root()).expect("forwarded");
        prop_assert_eq!(seen(&inner.stanza), &expected[..]);
    }

    #[test]
    fn an_error_means_the_same_after_it_was_written(text in text(), uri in "[a-z:&?]{1,9}", application in child()) {
        let gone = StanzaError::gone(Some(&uri)).with_text(text).with_lang("en");
        prop_assume!(!application.is("text", xml::ns::STANZA_ERRORS));
        let error = gone.with_application(application);
        let fragment = error.to_fragment();
        prop_assert_eq!(element(fragment.as_str(), StanzaError::parse), error);
    }

    #[test]
    fn stored_bytes_of_any_kind_are_taken_or_refused(bytes in "<(message|iq|presence)[ a-z='<>/]{0,40}") {
        let _ = Stanza::from_stored(bytes.as_bytes());
    }
}
