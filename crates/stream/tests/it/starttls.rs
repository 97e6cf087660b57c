//! STARTTLS, RFC 6120 §5. Where documents are framed there is none: TLS is below the transport.

use crate::player::{FEATURES, OPENED, Setting, check, check_with};
use sasl::Mechanism;

const PLAINTEXT: Setting = Setting {
    is_secure: false,
    can_start_tls: true,
    requires_tls: true,
    mechanisms: &[
        Mechanism::ScramSha256,
        Mechanism::Plain,
        Mechanism::ScramSha256Plus,
    ],
    register: false,
    on_documents: false,
};

const OPENED_PLAINTEXT: &str = "
    > {open}
    ! opening example.org plain
    < {header from='example.org'}<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>
    < <limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>2000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
";

/// What is offered over TLS by the mechanisms of `PLAINTEXT`.
fn features_over_tls() -> String {
    FEATURES
        .replace("<mechanism>EXTERNAL</mechanism>", "")
        .replace("<mechanism>ANONYMOUS</mechanism>", "")
        .replace(
            "<register xmlns='http://jabber.org/features/iq-register'/>",
            "",
        )
        .replace("{version}", "3Qzjdu3sTUJ4xec0XQ")
}

#[test]
fn where_tls_is_required_nothing_else_is_offered() {
    check_with(PLAINTEXT, &[OPENED_PLAINTEXT]);
}

#[test]
fn after_tls_the_stream_begins_anew() {
    let script = format!(
        "
        > <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        ! starttls
        < <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        call tls
        > {{open}}
        ! opening example.org secure
        < {{header from='example.org'}}{}
    ",
        features_over_tls()
    );
    check_with(PLAINTEXT, &[OPENED_PLAINTEXT, &script]);
}

#[test]
fn what_was_sent_in_plaintext_behind_starttls_is_thrown_away() {
    let script = format!(
        "
        > <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        > {{open}}
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AG1hbGxvcnkAeA==</auth>
        > <unfinished
        ! starttls
        < <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        > <message/>
        call tls
        > {{open}}
        ! opening example.org secure
        < {{header from='example.org'}}{}
    ",
        features_over_tls()
    );
    check_with(PLAINTEXT, &[OPENED_PLAINTEXT, &script]);
}

#[test]
fn the_host_stays_the_same_over_tls() {
    check_with(
        PLAINTEXT,
        &[
            OPENED_PLAINTEXT,
            "
            > <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
            ! starttls
            < <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
            call tls
            > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.com' version='1.0'>
            ! faulted the peer changed the host of its stream
            < {header from='example.org'}<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        ",
        ],
    );
}

#[test]
fn starttls_that_was_not_offered_fails_and_ends_the_stream() {
    let script = "
        > <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        > <message/>
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>
        call over
    ";
    check(&[OPENED, script]);
}

#[test]
fn without_tls_no_mechanism_works_where_tls_is_required() {
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"] {
        let script = format!(
            "
            > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>AGp1bGlldABzZWNyZXQ=</auth>
            < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>
            call open
        "
        );
        check_with(PLAINTEXT, &[OPENED_PLAINTEXT, &script]);
    }
}

#[test]
fn where_tls_is_optional_both_ways_are_offered() {
    let optional = Setting {
        requires_tls: false,
        ..PLAINTEXT
    };
    let script = "
        > {open}
        ! opening example.org plain
        < {header from='example.org'}<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
        < <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism></mechanisms>
        < <limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>2000</max-bytes><idle-seconds>840</idle-seconds></limits></stream:features>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>=</auth>
        < <failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>
        > <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>
        ! signing in PLAIN
        ! ask verify juliet
        ! proved juliet PLAIN
        < <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>
    ";
    check_with(optional, &[script]);
}

#[test]
fn time_runs_on_while_tls_is_negotiated_but_nothing_is_written_into_it() {
    check_with(
        PLAINTEXT,
        &[
            OPENED_PLAINTEXT,
            "
            > <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
            ! starttls
            < <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>
            wait 300
            ! faulted the peer did not sign in within 300 s
            call over
        ",
        ],
    );
}
