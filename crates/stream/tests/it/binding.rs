//! Resource binding, RFC 6120 §7, and what may not come before it.

use crate::player::{AUTHENTICATED, BOUND, OPENED, check};

#[test]
fn a_client_binds_the_resource_it_asks_for() {
    check(&[BOUND]);
}

#[test]
fn a_client_that_names_no_resource_gets_one() {
    for bind in [
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind>",
    ] {
        let script = format!(
            "
            > <iq type='set' id='b'>{bind}</iq>
            ! binding -
            < <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/made</jid></bind></iq>
        "
        );
        check(&[AUTHENTICATED, &script]);
    }
}

#[test]
fn a_client_that_is_refused_may_ask_for_another() {
    check(&[
        AUTHENTICATED,
        "
        > <iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>taken</resource></bind></iq>
        ! binding taken
        < <iq id='1' type='error'><error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        > <iq type='set' id='2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>free</resource></bind></iq>
        ! binding free
        < <iq id='2' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/free</jid></bind></iq>
    ",
    ]);
}

#[test]
fn what_is_pipelined_behind_a_request_to_bind_takes_effect_after_it() {
    check(&[
        AUTHENTICATED,
        "
        > <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind></iq>
        > <message to='romeo@example.org'/>
        ! binding x
        ! stanza <message to='romeo@example.org'/>
        < <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/x</jid></bind></iq>
    ",
    ]);
}

#[test]
fn binding_twice_is_not_allowed() {
    check(&[
        BOUND,
        "
        > <iq type='set' id='b2'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
        ! reply <iq to='juliet@example.org/balcony' id='b2' type='error'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        < <iq to='juliet@example.org/balcony' id='b2' type='error'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        > <message/>
        ! stanza <message/>
    ",
    ]);
}

#[test]
fn a_request_to_bind_before_authentication_is_told_so() {
    check(&[
        OPENED,
        "
        > <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
        < <iq id='b' type='error'><error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        call open
    ",
    ]);
}

#[test]
fn stanzas_before_authentication_end_the_stream() {
    for stanza in [
        "<message to='romeo@example.org'/>",
        "<presence/>",
        "<iq type='result' id='x'/>",
        "<iq type='set' id='x'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
        "<iq/>",
    ] {
        let script = format!(
            "
            > {stanza}
            ! faulted the peer sent a stanza before it had signed in and bound a resource
            < <stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        "
        );
        check(&[OPENED, &script]);
    }
}

#[test]
fn stanzas_before_binding_end_the_stream() {
    for stanza in [
        "<message to='romeo@example.org'/>",
        "<presence/>",
        "<presence type='nonsense'/>",
        "<iq type='get' id='x'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='x'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<iq type='set' id='x'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
        "<iq type='result' id='x'/>",
    ] {
        let script = format!(
            "
            > {stanza}
            ! faulted the peer sent a stanza before it had signed in and bound a resource
            < <stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        "
        );
        check(&[AUTHENTICATED, &script]);
    }
}

#[test]
fn a_malformed_request_to_bind_is_answered_and_the_stream_goes_on() {
    check(&[
        AUTHENTICATED,
        "
        > <iq type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
        < <iq to='juliet@example.org' type='error'><error type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
        > <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
        ! binding -
        < <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/made</jid></bind></iq>
    ",
    ]);
}

#[test]
fn registration_may_come_before_authentication_and_nothing_else() {
    check(&[
        OPENED,
        "
        > <iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>
        ! early <iq id='r' type='get'><query xmlns='jabber:iq:register'/></iq>
        < <iq id='r' type='result'/>
        > <iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>
        ! early <iq id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>
        < <stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn the_host_stays_the_same_after_authentication() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.com' version='1.0'>
        ! faulted the peer changed the host of its stream
        < {header from='example.org'}<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn nobody_else_appears_after_authentication() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' from='romeo@example.org' version='1.0'>
        ! faulted the peer used a 'from' that is not its own
        < {header from='example.org'}<stream:error><invalid-from xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn the_session_request_of_old_is_answered_with_nothing() {
    for to in ["", " to='example.org'", " to='juliet@example.org'"] {
        let from = to.replace(" to=", " from=");
        let script = format!(
            "
            > <iq type='set' id='s'{to}><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
            ! reply <iq{from} to='juliet@example.org/balcony' id='s' type='result'/>
            < <iq{from} to='juliet@example.org/balcony' id='s' type='result'/>
        "
        );
        check(&[BOUND, &script]);
    }
}

#[test]
fn a_session_request_for_somebody_else_is_a_stanza_like_any_other() {
    check(&[
        BOUND,
        "
        > <iq type='set' id='s' to='romeo@example.org'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
        ! stanza <iq to='romeo@example.org' id='s' type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>
    ",
    ]);
}
