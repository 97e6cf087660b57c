//! How streams end, RFC 6120 §4.4 and §4.9.

use crate::player::{AUTHENTICATED, BOUND, OPENED, check};

#[test]
fn the_peers_end_is_answered_with_ours() {
    for begun in [OPENED, AUTHENTICATED, BOUND] {
        check(&[
            begun,
            "
            > </stream:stream>
            ! peer closed
            < </stream:stream>
            call over
        ",
        ]);
    }
}

#[test]
fn a_stanza_just_before_the_end_is_processed() {
    check(&[
        BOUND,
        "
        > <message to='romeo@example.org'/>
        > </stream:stream>
        ! stanza <message to='romeo@example.org'/>
        ! peer closed
        < </stream:stream>
        call over
    ",
    ]);
}

#[test]
fn after_our_end_the_peer_may_still_speak_but_we_are_silent() {
    check(&[
        BOUND,
        "
        call close
        < </stream:stream>
        > <message to='romeo@example.org'/>
        ! stanza <message to='romeo@example.org'/>
        call message
        call nonza
        call close
        call open
        > </stream:stream>
        ! peer closed
        call over
    ",
    ]);
}

#[test]
fn a_peer_that_does_not_end_its_side_is_waited_for_5_seconds() {
    check(&[
        BOUND,
        "
        call close
        < </stream:stream>
        wait 4
        call open
        > <presence type='unavailable'/>
        ! stanza <presence type='unavailable'/>
        wait 1
        call over
    ",
    ]);
}

#[test]
fn an_unbound_stream_is_over_when_we_end_it() {
    for begun in [OPENED, AUTHENTICATED] {
        check(&[
            begun,
            "
            call close
            < </stream:stream>
            call over
        ",
        ]);
    }
}

#[test]
fn before_the_first_header_ours_comes_first() {
    check(&[
        "
        call fault
        < {header}<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Replaced by new connection</text></stream:error></stream:stream>
        call over
    ",
    ]);
    check(&["
        call close
        < {header}</stream:stream>
        call over
    "]);
}

#[test]
fn an_error_of_ours_ends_the_stream_at_once() {
    check(&[
        BOUND,
        "
        call fault
        < <stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Replaced by new connection</text></stream:error></stream:stream>
        call over
        > <message/>
        call message
        call fault
        call close
        wait 9999
    ",
    ]);
}

#[test]
fn an_error_after_our_end_says_nothing_more() {
    check(&[
        BOUND,
        "
        call close
        < </stream:stream>
        > <message></iq>
        ! faulted the peer sent XML that is not well-formed
        call over
    ",
    ]);
}

#[test]
fn an_error_of_the_peers_ends_the_stream() {
    for begun in [OPENED, AUTHENTICATED, BOUND] {
        check(&[
            begun,
            "
            > <stream:error><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>x</text><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>
            > <message/>
            > </stream:stream>
            ! peer faulted reset
            < </stream:stream>
            call over
        ",
        ]);
    }
}

#[test]
fn nothing_is_read_after_the_peers_end() {
    check(&[
        BOUND,
        "
        > </stream:stream>
        > <message/>
        ! peer closed
        < </stream:stream>
    ",
    ]);
}
