//! What is taken as a stanza, what its head says, and what is refused.

use stanza::{IqType, Kind, MessageType, Output, PresenceType, RejectReason, Stanza};
use xml::Ns;

use crate::wire::{in_language, on_stream, sent, stanza, written, written_as};

fn check_kind(text: &str, kind: Kind, written_again: &str) {
    let stanza = stanza(text);
    assert_eq!(stanza.kind(), kind, "{text}");
    assert_eq!(written(&stanza), written_again, "{text}");
}

#[test]
fn every_type_is_read_and_written_again() {
    let message = Kind::Message;
    check_kind("<message/>", message(MessageType::Normal), "<message/>");
    check_kind(
        "<message type='normal'/>",
        message(MessageType::Normal),
        "<message type='normal'/>",
    );
    check_kind(
        "<message type='chat'/>",
        message(MessageType::Chat),
        "<message type='chat'/>",
    );
    check_kind(
        "<message type='groupchat'/>",
        message(MessageType::Groupchat),
        "<message type='groupchat'/>",
    );
    check_kind(
        "<message type='headline'/>",
        message(MessageType::Headline),
        "<message type='headline'/>",
    );
    check_kind(
        "<message type='error'/>",
        message(MessageType::Error),
        "<message type='error'/>",
    );
    check_kind(
        "<presence/>",
        Kind::Presence(PresenceType::Available),
        "<presence/>",
    );
    for name in [
        "unavailable",
        "subscribe",
        "subscribed",
        "unsubscribe",
        "unsubscribed",
        "probe",
        "error",
    ] {
        let kind = PresenceType::parse(name).expect("a type");
        let text = format!("<presence type='{name}'/>");
        check_kind(&text, Kind::Presence(kind), &text);
    }
    check_kind(
        "<iq id='1' type='get'><q/></iq>",
        Kind::Iq(IqType::Get),
        "<iq id='1' type='get'><q/></iq>",
    );
    check_kind(
        "<iq id='1' type='set'><q/></iq>",
        Kind::Iq(IqType::Set),
        "<iq id='1' type='set'><q/></iq>",
    );
    check_kind(
        "<iq id='1' type='result'/>",
        Kind::Iq(IqType::Result),
        "<iq id='1' type='result'/>",
    );
    check_kind(
        "<iq id='1' type='error'/>",
        Kind::Iq(IqType::Error),
        "<iq id='1' type='error'/>",
    );
}

#[test]
fn an_undefined_message_type_counts_as_none() {
    check_kind(
        "<message type='telegram'/>",
        Kind::Message(MessageType::Normal),
        "<message/>",
    );
}

#[test]
fn the_head_is_read_unescaped_and_prepared() {
    let message = stanza(
        "<message to='Juliet@Example.com/the&amp;balcony' from=\"romeo@example.net/o'c\" id='a&lt;b' xml:lang='it'/>",
    );
    assert_eq!(
        message.to().expect("to").as_str(),
        "juliet@example.com/the&balcony"
    );
    assert_eq!(
        message.from().expect("from").as_str(),
        "romeo@example.net/o'c"
    );
    assert_eq!(message.id(), Some("a<b"));
    assert_eq!(message.lang(), Some("it"));
    assert_eq!(stanza("<presence/>").id(), None);
}

#[test]
fn what_was_escaped_is_escaped_again() {
    let text = written(&stanza(
        "<message to=\"a@example.com/it's &quot;&amp;&lt;\" id=\"'\" xml:lang='&#9;'/>",
    ));
    let again = stanza(&text);
    assert_eq!(again.to().and_then(|to| to.resource()), Some("it's \"&<"));
    assert_eq!((again.id(), again.lang()), (Some("'"), Some("\t")));
}

#[test]
fn the_language_of_the_stream_is_stamped_where_there_is_none() {
    assert_eq!(
        written(&in_language("de", "<message/>")),
        "<message xml:lang='de'/>"
    );
    assert_eq!(
        written(&in_language("de", "<message xml:lang='it'/>")),
        "<message xml:lang='it'/>"
    );
    assert_eq!(
        written(&in_language("de", "<message xml:lang=''/>")),
        "<message xml:lang=''/>"
    );
}

#[test]
fn other_attributes_are_carried_with_the_declarations_they_need() {
    assert_eq!(
        written(&stanza("<message foo='a&amp;b' id='1'/>")),
        "<message id='1' foo='a&amp;b'/>"
    );
    let text = "<message p:x='1' y='2' p:z='3' xml:space='preserve'/>";
    let message = on_stream(xml::ns::CLIENT, "xmlns:p='urn:p'", text, |element| {
        Stanza::accept(element, None).expect("valid")
    });
    assert_eq!(
        written(&message),
        "<message xmlns:p='urn:p' p:x='1' y='2' p:z='3' xml:space='preserve'/>"
    );
}

#[test]
fn text_between_children_is_dropped() {
    assert_eq!(
        written(&stanza("<message> a <body>b</body>\n c </message>")),
        "<message><body>b</body></message>"
    );
}

#[test]
fn only_the_three_elements_of_the_content_namespace_are_stanzas() {
    for (text, expected) in [
        ("<message/>", true),
        ("<presence/>", true),
        ("<iq/>", true),
        ("<r xmlns='urn:xmpp:sm:3'/>", false),
        ("<message xmlns='urn:other'/>", false),
        ("<msg/>", false),
    ] {
        let is_stanza = on_stream(xml::ns::CLIENT, "", text, Stanza::is_stanza);
        assert_eq!(is_stanza, expected, "{text}");
    }
}

/// The reason, and the answer to `romeo@example.net/orchard`.
fn check_rejected(text: &str, reason: &str, answer: &str) {
    let rejected = sent(text).expect_err(text);
    assert_eq!(
        format!("{:?}", rejected.reason).split('(').next(),
        Some(reason),
        "{text}"
    );
    let romeo = jid::Jid::parse("romeo@example.net/orchard").expect("an address");
    let reply = rejected.reply(&romeo).as_ref().map(written);
    assert_eq!(reply.unwrap_or_default(), answer, "{text}");
}

const TO_ROMEO: &str = "to='romeo@example.net/orchard'";
const BAD_REQUEST: &str =
    "<error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
const JID_MALFORMED: &str =
    "<error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

#[test]
fn a_presence_or_iq_type_that_is_not_defined_is_refused() {
    check_rejected(
        "<presence type='away' to='juliet@example.com' id='p'/>",
        "UnknownType",
        &format!(
            "<presence from='juliet@example.com' {TO_ROMEO} id='p' type='error'>{BAD_REQUEST}</presence>"
        ),
    );
    let answer = format!("<iq {TO_ROMEO} id='1' type='error'>{BAD_REQUEST}</iq>");
    check_rejected("<iq id='1' type='put'><q/></iq>", "UnknownType", &answer);
    check_rejected("<iq id='1'><q/></iq>", "UnknownType", &answer);
}

#[test]
fn an_iq_needs_an_id_and_a_request_exactly_one_child() {
    let answer = format!("<iq {TO_ROMEO} id='1' type='error'>{BAD_REQUEST}</iq>");
    check_rejected("<iq id='1' type='get'/>", "NotOneChild", &answer);
    check_rejected(
        "<iq id='1' type='set'><a/><b/></iq>",
        "NotOneChild",
        &answer,
    );
    check_rejected(
        "<iq type='get'><q/></iq>",
        "IdMissing",
        &format!("<iq {TO_ROMEO} type='error'>{BAD_REQUEST}</iq>"),
    );
}

#[test]
fn an_answer_that_breaks_the_rules_gets_no_answer() {
    check_rejected("<iq type='result'/>", "IdMissing", "");
    check_rejected("<iq type='error'/>", "IdMissing", "");
    check_rejected("<iq type='result' id='1' to='@'/>", "ToMalformed", "");
    check_rejected("<message type='error' to='@'/>", "ToMalformed", "");
    check_rejected("<r xmlns='urn:xmpp:sm:3'/>", "NotAStanza", "");
}

#[test]
fn a_malformed_address_is_answered_from_that_address() {
    check_rejected(
        "<message to=\"j'uliet@@example.com\" id='m'/>",
        "ToMalformed",
        &format!(
            "<message from='j&apos;uliet@@example.com' {TO_ROMEO} id='m' type='error'>{JID_MALFORMED}</message>"
        ),
    );
    check_rejected(
        "<message to='' id='m'/>",
        "ToMalformed",
        &format!("<message from='' {TO_ROMEO} id='m' type='error'>{JID_MALFORMED}</message>"),
    );
    check_rejected(
        "<message from='a b@example.net' to='juliet@example.com'/>",
        "FromMalformed",
        &format!(
            "<message from='juliet@example.com' {TO_ROMEO} type='error'>{JID_MALFORMED}</message>"
        ),
    );
}

#[test]
fn an_answer_from_a_malformed_address_can_be_stamped_with_a_real_one() {
    let rejected = sent("<message to='@'/>").expect_err("malformed");
    assert!(matches!(rejected.reason, RejectReason::ToMalformed(_)));
    let romeo = jid::Jid::parse("romeo@example.net").expect("an address");
    let reply = rejected.reply(&romeo).expect("an answer").with_from(romeo);
    assert_eq!(written(&reply).matches("from=").count(), 1);
}

#[test]
fn routing_changes_addresses_without_touching_the_stanza() {
    let message = stanza("<message to='a@example.com' from='b@example.com'/>");
    let (to, from) = (
        jid::Jid::parse("c@example.com/x").expect("an address"),
        jid::Jid::parse("d@example.com").expect("an address"),
    );
    let output = Output {
        to: Some(&to),
        from: Some(&from),
        ..Output::default()
    };
    assert_eq!(
        written_as(&message, output),
        "<message from='d@example.com' to='c@example.com/x'/>"
    );
    assert_eq!(
        written(&message),
        "<message from='b@example.com' to='a@example.com'/>"
    );
}

#[test]
fn debug_shows_the_head_and_names_but_no_content() {
    let message = stanza(
        "<message to='a@example.com' id='i1' type='chat'><body>my secret</body>\
         <x xmlns='urn:x' password='hush'/></message>",
    )
    .with_child(xml::Fragment::parse("<y xmlns='urn:y'>my secret</y>").expect("a fragment"));
    let shown = format!("{message:?}");
    for part in [
        "a@example.com",
        "i1",
        "Chat",
        "<body/>",
        "<x xmlns=\"urn:x\"/>",
        "<y xmlns=\"urn:y\"/>",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(
        !shown.contains("secret") && !shown.contains("hush"),
        "{shown}"
    );
    assert_eq!(message.children().count(), 3);
    assert!(message.has("body", Ns::Content));
}
