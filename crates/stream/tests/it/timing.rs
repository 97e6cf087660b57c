//! Deadlines: time to sign in, keepalives.

use xml::Framing;

use crate::player::{AUTHENTICATED, BOUND, OPENED, Player, Setting, check};

#[test]
fn who_does_not_sign_in_in_time_is_sent_away() {
    check(&[
        OPENED,
        "
        wait 299
        call open
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        wait 1
        ! faulted the peer did not sign in within 300 s
        < <stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn who_says_nothing_at_all_is_sent_away_too() {
    check(&["
        wait 300
        ! faulted the peer did not sign in within 300 s
        < {header}<stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn a_quiet_stream_is_kept_alive_with_spaces() {
    for begun in [AUTHENTICATED, BOUND] {
        let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
        player.play(begun);
        player.play("wait 839");
        player.wait_until_idle(1);
        player.wait_until_idle(840);
        player.play("wait 800\n> {space}\nwait 800");
        player.wait_until_idle(40);
    }
}

#[test]
fn where_documents_are_framed_the_transport_keeps_it_alive() {
    let mut player = Player::new(Setting::default(), Framing::Document, usize::MAX);
    player.play(BOUND);
    player.play("wait 839\nwait 1\n! idle\nwait 839\nwait 1\n! idle");
}

#[test]
fn nothing_is_written_before_the_header_after_signing_in() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        wait 840
        ! idle
        > {open}
        ! reopened
        < {header from='example.org'}{bind-features}
    ",
    ]);
}
