//! Faults of the XML, RFC 6120 §4.9.3 and §11, and their place in the order of things.

use crate::player::{BOUND, OPENED, Setting, check, check_with};

#[test]
fn what_is_wrong_with_the_xml_is_named() {
    for (sent, words, condition) in [
        (
            "<message></iq>",
            "the peer sent XML that is not well-formed",
            "not-well-formed",
        ),
        (
            "<message><!-- --></message>",
            "the peer sent a comment, a processing instruction, a DTD or an entity",
            "restricted-xml",
        ),
        (
            "<message>&uuml;</message>",
            "the peer sent a comment, a processing instruction, a DTD or an entity",
            "restricted-xml",
        ),
        (
            "<message><x:y/></message>",
            "the peer used a namespace prefix that it had not declared",
            "bad-namespace-prefix",
        ),
    ] {
        let script = format!(
            "
            > <message to='before@example.org'/>
            > {sent}
            > <message to='after@example.org'/>
            ! stanza <message to='before@example.org'/>
            ! faulted {words}
            < <stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        "
        );
        check(&[BOUND, &script]);
    }
}

#[test]
fn text_between_stanzas_is_a_bad_format() {
    check_with(
        Setting {
            on_documents: false,
            ..Setting::default()
        },
        &[
            BOUND,
            "
            > <message/>
            > soft!
            ! stanza <message/>
            ! faulted the peer sent text outside of any element, or another form that XMPP does not have
            < <stream:error><bad-format xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        ",
        ],
    );
}

#[test]
fn an_element_that_is_too_big_takes_effect_in_its_turn() {
    check(&[
        BOUND,
        "
        > <message to='before@example.org'/>
        > <message><body>{big}</body></message>
        > <message to='after@example.org'/>
        ! stanza <message to='before@example.org'/>
        ! faulted an element exceeded 10000 bytes; c2s.stanza_bytes_max allows more to who has signed in
        < <stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>XML element is too big</text>
        < <stanza-too-big xmlns='urn:xmpp:errors'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn before_authentication_the_limit_is_lower() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{big}</auth>
        ! faulted an element exceeded 2000 bytes; c2s.stanza_bytes_max allows more to who has signed in
        < <stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>XML element is too big</text>
        < <stanza-too-big xmlns='urn:xmpp:errors'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn a_fault_in_the_header_comes_after_our_header() {
    check(&["
        > <!DOCTYPE stream>
        ! faulted the peer sent a comment, a processing instruction, a DTD or an entity
        < {header}<stream:error><restricted-xml xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn a_second_header_is_a_fault() {
    check(&[
        BOUND,
        "
        > <message/>
        ! stanza <message/>
    ",
    ]);
    let setting = Setting::default();
    for piece_bytes in [usize::MAX, 1] {
        let mut player = crate::player::Player::new(setting, xml::Framing::Document, piece_bytes);
        player.play(BOUND);
        player.play(
            "
            > {open}
            ! faulted the peer sent text outside of any element, or another form that XMPP does not have
            < <stream:error><bad-format xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        ",
        );
    }
}
