//! What the caller says, at the right and at the wrong moment.

use jid::{BareJid, FullJid};
use sasl::{Nonce, SaslFailure};
use stanza::{Condition, StanzaError};
use stream::{C2s, C2sSettings, Event, HostPolicy};
use xml::Framing;

use crate::player::{AUTHENTICATED, BOUND, OPEN, OPENED, Player, Setting};

fn player() -> Player {
    Player::new(Setting::default(), Framing::Stream, usize::MAX)
}

fn jid() -> FullJid {
    FullJid::parse("juliet@example.org/other").expect("a full JID")
}

/// Every answer but the one to `Opening`, of which nobody asked for any.
fn answer_everything(stream: &mut C2s) {
    stream.begin(Nonce::from_bytes(&[1; 18]));
    stream.identified("romeo".to_owned());
    stream.refuse(SaslFailure::NotAuthorized);
    stream.accept(BareJid::parse("romeo@example.org").expect("a bare JID"));
    stream.features(&[]);
    stream.bind(jid());
    stream.refuse_bind(&StanzaError::new(Condition::Conflict));
    stream.tls_established(Vec::new());
}

#[test]
fn answers_that_nobody_waits_for_are_ignored() {
    for begun in ["", OPENED, AUTHENTICATED, BOUND] {
        let mut player = player();
        player.play(begun);
        let jid = player.stream.jid().cloned();
        player.stream.open(HostPolicy::default());
        answer_everything(&mut player.stream);
        assert_eq!(player.exchange(" "), "", "after {begun}");
        assert_eq!(player.stream.jid(), jid.as_ref());
        assert!(!player.stream.is_over());
    }
}

#[test]
fn an_answer_that_comes_after_the_end_is_ignored() {
    let mut player = player();
    let mut input = OPEN.as_bytes();
    let event = player
        .stream
        .receive(&mut input, &mut player.scratch, player.now);
    assert!(matches!(event, Some(Event::Opening(_))), "{event:?}");
    assert!(player.stream.is_waiting());
    player.play(
        "
        wait 300
        ! faulted the peer did not sign in within 300 s
        < {header from='example.org'}<stream:error><connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    );
    player.stream.open(HostPolicy::default());
    assert_eq!(player.exchange(" "), "");
}

#[test]
fn what_follows_a_question_waits_for_the_answer() {
    let mut player = player();
    player.play(AUTHENTICATED);
    let sent =
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq><message/>";
    let mut input = sent.as_bytes();
    let event = player
        .stream
        .receive(&mut input, &mut player.scratch, player.now);
    assert!(matches!(event, Some(Event::Binding(None))), "{event:?}");
    for _ in 0..2 {
        let event = player
            .stream
            .receive(&mut input, &mut player.scratch, player.now);
        assert!(event.is_none(), "{event:?}");
        assert_eq!(input, b"<message/>");
    }
    player.stream.bind(jid());
    let event = player
        .stream
        .receive(&mut input, &mut player.scratch, player.now);
    assert!(matches!(event, Some(Event::Stanza(_))), "{event:?}");
}

#[test]
fn a_session_can_be_resumed_instead_of_bound() {
    let mut player = player();
    player.play(OPENED);
    assert!(!player.stream.resume(jid()));
    let mut player = self::player();
    player.play(AUTHENTICATED);
    assert!(player.stream.resume(jid()));
    assert_eq!(player.stream.jid(), Some(&jid()));
    player.play("> <message/>\n! stanza <message/>");
    assert!(!player.stream.resume(jid()));
}

#[test]
fn each_stream_of_a_connection_has_an_id_of_its_own() {
    let mut player = player();
    let id = |output: &str| {
        let at = output.find(" id='").expect("an id") + 5;
        output[at..at + 32].to_owned()
    };
    let mut written = Vec::new();
    for line in [
        "{open}",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>",
        "{open}",
    ] {
        let bytes = player.sent(line);
        let (_, output, _) = player.outcome(&bytes);
        let output = String::from_utf8(output).expect("UTF-8");
        if output.contains("<stream:stream") {
            written.push(id(&output));
        }
    }
    assert_eq!(written.len(), 2);
    assert_ne!(written[0], written[1]);
}

#[test]
fn a_small_limit_holds_before_authentication_too() {
    let limits = |bytes_max| {
        let settings = C2sSettings::default().with_stanza_bytes_max(bytes_max);
        (
            settings.limits.element_bytes_max,
            settings.limits_unauthenticated.element_bytes_max,
        )
    };
    assert_eq!(limits(20_000), (20_000, 20_000));
    assert_eq!(limits(1_000_000), (1_000_000, 65_536));
}
