//! First-level elements of a bound stream, RFC 6120 §8.

use crate::player::{BOUND, check};

#[test]
fn stanzas_come_out_as_they_went_in() {
    check(&[
        BOUND,
        "
        > <message to='romeo@example.org' type='chat' id='1'><body>Ay me &amp; more</body></message>
        > <presence/>
        > <iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>
        ! stanza <message to='romeo@example.org' id='1' type='chat'><body>Ay me &amp; more</body></message>
        ! stanza <presence/>
        ! stanza <iq id='2' type='get'><query xmlns='jabber:iq:roster'/></iq>
    ",
    ]);
}

#[test]
fn the_language_of_the_stream_is_stamped_where_a_stanza_has_none() {
    let bound = BOUND.replacen(
        "> {open}\n! reopened",
        "> <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' xml:lang='de' version='1.0'>\n! reopened",
        1,
    );
    assert_ne!(bound, BOUND);
    check(&[
        &bound,
        "
        > <message/>
        > <message xml:lang='fr'/>
        ! stanza <message xml:lang='de'/>
        ! stanza <message xml:lang='fr'/>
    ",
    ]);
}

#[test]
fn what_is_no_language_tag_is_ignored() {
    for lang in ["", "a b", &"x".repeat(65)] {
        let bound = BOUND.replacen(
            "> {open}\n! reopened",
            &format!(
                "> <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' xml:lang='{lang}' version='1.0'>\n! reopened"
            ),
            1,
        );
        check(&[&bound, "\n> <message/>\n! stanza <message/>\n"]);
    }
}

#[test]
fn a_broken_iq_is_answered_and_the_stream_goes_on() {
    for (iq, reason, answer) in [
        (
            "<iq type='get'><a xmlns='u'/></iq>",
            "the id is missing",
            "",
        ),
        (
            "<iq id='1'><a xmlns='u'/></iq>",
            "the type is missing or not a defined one",
            " id='1'",
        ),
        (
            "<iq type='ask' id='1'><a xmlns='u'/></iq>",
            "the type is missing or not a defined one",
            " id='1'",
        ),
        (
            "<iq type='get' id='1'/>",
            "an IQ get or set needs exactly one child",
            " id='1'",
        ),
        (
            "<iq type='set' id='1'><a xmlns='u'/><b xmlns='u'/></iq>",
            "an IQ get or set needs exactly one child",
            " id='1'",
        ),
    ] {
        let script = format!(
            "
            > {iq}
            > <message/>
            ! rejected {reason}
            ! stanza <message/>
            < <iq to='juliet@example.org/balcony'{answer} type='error'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        "
        );
        check(&[BOUND, &script]);
    }
}

#[test]
fn a_stanza_to_no_address_is_answered_and_the_stream_goes_on() {
    check(&[
        BOUND,
        "
        > <message to='@example.org' id='1'/>
        > <message/>
        ! rejected `to` is no address: the local part is empty
        ! stanza <message/>
        < <message from='@example.org' to='juliet@example.org/balcony' id='1' type='error'><error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>
    ",
    ]);
}

#[test]
fn a_broken_answer_is_not_answered() {
    check(&[
        BOUND,
        "
        > <iq type='result'/>
        ! rejected the id is missing
        call open
    ",
    ]);
}

#[test]
fn a_from_that_is_no_address_is_nobodys_own() {
    check(&[
        BOUND,
        "
        > <message from='@'/>
        ! faulted the peer used a 'from' that is not its own
        < <stream:error><invalid-from xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn the_caller_may_find_a_from_invalid() {
    check(&[
        BOUND,
        "
        > <message from='romeo@example.org'/>
        ! stanza <message from='romeo@example.org'/>
        call invalid-from
        < <stream:error><invalid-from xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn other_elements_are_the_callers_business() {
    check(&[
        BOUND,
        "
        > <r xmlns='urn:xmpp:sm:3'/>
        ! nonza r
        < <a xmlns='urn:xmpp:sm:3' h='0'/>
        > <thing xmlns='urn:x'/>
        > <message/>
        ! nonza thing
        < <stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn a_stanza_outside_the_content_namespace_is_no_stanza() {
    check(&[
        BOUND,
        "
        > <message xmlns='jabber:server'/>
        ! nonza message
        < <stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
    ",
    ]);
}

#[test]
fn an_element_in_no_namespace_at_all_ends_the_stream() {
    check(&[
        BOUND,
        "
        > <thing xmlns=''/>
        ! faulted the peer used a wrong stream or content namespace
        < <stream:error><invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn what_is_written_fits_the_framing() {
    check(&[
        BOUND,
        "
        call message
        < <message type='chat'><body>Ay me</body></message>
        call nonza
        < <r xmlns='urn:xmpp:sm:3'/>
    ",
    ]);
}
