//! SASL on the wire, RFC 6120 §6: the elements, the encodings, every failure, the bound on attempts. What the
//! mechanisms say to each other is tested where they are.

use ::sasl::Mechanism;
use ::sasl::client::Scram;
use ::sasl::wire::{decode, encode};
use xml::Framing;

use crate::player::{AUTHENTICATED, OPENED, Player, Setting, check, each_scram, inside};

#[test]
fn plain_in_one_message() {
    check(&[AUTHENTICATED]);
}

#[test]
fn plain_with_an_empty_challenge() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGp1bGlldABzZWNyZXQ=</response>
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
    ",
    ]);
}

#[test]
fn the_header_may_be_pipelined_behind_the_last_message() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        > {open}
        > <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        ! reopened
        ! binding -
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        < {header from='example.org'}{bind-features}
        < <iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/made</jid></bind></iq>
    ",
    ]);
}

#[test]
fn scram_proves_both_sides() {
    each_scram(scram);
}

fn scram(mechanism: Mechanism, mut player: Player, mut client: Scram) {
    let first = encode(&client.first());
    let challenge = player.exchange(&format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{first}</auth>"
    ));
    let challenge = decode(inside(&challenge, "challenge", xml::ns::SASL)).expect("base64");
    assert!(String::from_utf8_lossy(&challenge).contains(",h="));
    let last = encode(&client.answer(&challenge).expect("a challenge"));
    let success = player.exchange(&format!(
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{last}</response>"
    ));
    let data = decode(inside(&success, "success", xml::ns::SASL)).expect("base64");
    client.check(&data).expect("the server's proof");
    player.play("> {open}\n! reopened\n< {header from='example.org'}{bind-features}");
}

#[test]
fn an_initial_response_of_no_bytes_is_an_equals_sign() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>
        ! signing in EXTERNAL
        ! ask external None
        ! proved juliet EXTERNAL
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
    ",
    ]);
}

#[test]
fn the_client_may_abort_and_try_again() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><aborted/></failure>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
    ",
    ]);
}

#[test]
fn what_is_wrong_with_a_message_is_named() {
    for (sent, failure) in [
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism=''/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X-TOKEN'/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='plain'/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'/>",
            "invalid-mechanism",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>!</auth>",
            "incorrect-encoding",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ</auth>",
            "incorrect-encoding",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'> AGp1bGlldABzZWNyZXQ=</auth>",
            "incorrect-encoding",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>==</auth>",
            "incorrect-encoding",
        ),
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'><x/></auth>",
            "malformed-request",
        ),
        (
            "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AGp1bGlldABzZWNyZXQ=</response>",
            "malformed-request",
        ),
        (
            "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "aborted",
        ),
    ] {
        let script = format!(
            "
            > {sent}
            < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{failure}/></failure>
            call open
        "
        );
        check(&[OPENED, &script]);
    }
}

#[test]
fn what_is_wrong_with_the_credentials_is_named() {
    for (mechanism, sent, events, failure) in [
        // juliet, "wrong"
        (
            "PLAIN",
            "AGp1bGlldAB3cm9uZw==",
            "! ask verify juliet",
            "not-authorized",
        ),
        // nobody, "secret"
        (
            "PLAIN",
            "AG5vYm9keQBzZWNyZXQ=",
            "! ask verify nobody",
            "not-authorized",
        ),
        // no NUL at all
        ("PLAIN", "anVsaWV0", "", "malformed-request"),
        ("SCRAM-SHA-256", "anVsaWV0", "", "malformed-request"),
        // romeo@example.org
        (
            "EXTERNAL",
            "cm9tZW9AZXhhbXBsZS5vcmc=",
            "! ask external Some(\"romeo@example.org\")",
            "invalid-authzid",
        ),
        (
            "ANONYMOUS",
            "=",
            "! ask anonymous\n! proved guest ANONYMOUS",
            "temporary-auth-failure",
        ),
    ] {
        let script = format!(
            "
            > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{sent}</auth>
            ! signing in {mechanism}
            {events}
            < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{failure}/></failure>
            call open
        "
        );
        check(&[OPENED, &script]);
    }
}

#[test]
fn every_failure_of_the_rfc_can_be_said() {
    for failure in ::sasl::SaslFailure::ALL {
        let mut player = Player::new(Setting::default(), Framing::Stream, usize::MAX);
        player.play(OPENED);
        let sent = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
        let written = player.exchange_refused(sent, failure);
        let expected = format!(
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{}/></failure>",
            failure.condition()
        );
        assert_eq!(written, expected);
    }
}

#[test]
fn only_so_many_attempts_may_fail() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAB3cm9uZw==</auth>
        ! signing in PLAIN
        ! ask verify juliet
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='X'/>
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><invalid-mechanism/></failure>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAB3cm9uZw==</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! faulted the peer failed to sign in 3 times on one stream
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>
        < <stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Too many authentication failures</text></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn an_exchange_that_is_given_up_for_another_counts_as_failed() {
    check(&[
        OPENED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! signing in PLAIN
        < <challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>
        ! faulted the peer failed to sign in 3 times on one stream
        < <stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Too many authentication failures</text></stream:error></stream:stream>
        call over
    ",
    ]);
}

#[test]
fn after_success_sasl_is_no_longer_spoken() {
    check(&[
        AUTHENTICATED,
        "
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! nonza auth
        < <stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    ",
    ]);
}
