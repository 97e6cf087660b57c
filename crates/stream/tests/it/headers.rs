//! Stream headers and what answers them, RFC 6120 §4.7 and §4.8.

use xml::Framing;

use crate::player::{OPENED, Player, Setting, check, check_with};

#[test]
fn a_good_header_is_answered_with_ours_and_the_features() {
    check(&[OPENED]);
}

#[test]
fn the_answer_goes_to_the_bare_jid_that_the_client_names() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' from='juliet@example.org/x' version='1.0'>
        ! opening example.org from juliet@example.org secure
        < {header from='example.org' to='juliet@example.org'}{features}
    "]);
}

#[test]
fn a_host_name_is_prepared_before_it_is_compared() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='EXAMPLE.org' version='1.0'>
        ! opening example.org secure
        < {header from='example.org'}{features}
    "]);
}

#[test]
fn to_is_required() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
        ! faulted the stream header has no 'to'
        < {header}<stream:error><improper-addressing xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
        < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>No 'to' attribute on stream header</text></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn to_must_be_a_domain() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a b' version='1.0'>
        ! faulted the 'to' of the stream header is not a domain
        < {header}<stream:error><improper-addressing xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn from_must_be_an_address_if_there_is_one() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' from='@' version='1.0'>
        ! faulted the 'from' of the stream header is not an address
        < {header from='example.org'}<stream:error><improper-addressing xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn an_unknown_host_is_said_to_be_so() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.com' version='1.0'>
        ! opening example.com secure
        < {header from='example.com'}<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
        call over
    "]);
}

#[test]
fn a_version_before_1_0_is_not_spoken() {
    for version in ["", " version='0.9'", " version='one'", " version='1'"] {
        check(&[&format!(
            "
            > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org'{version}>
            ! faulted the peer speaks a version before XMPP 1.0
            < {{header from='example.org'}}<stream:error><unsupported-version xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        "
        )]);
    }
}

#[test]
fn a_later_version_is_answered_with_ours() {
    check(&["
        > <stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='12.3'>
        ! opening example.org secure
        < {header from='example.org'}{features}
    "]);
}

#[test]
fn wrong_names_and_namespaces_are_refused() {
    for header in [
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>",
        "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>",
        "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' to='example.org' version='1.0'>",
        "<stream:open xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0'>",
        "<stream xmlns='jabber:client' to='example.org' version='1.0'>",
    ] {
        check_with(
            Setting {
                on_documents: false,
                ..Setting::default()
            },
            &[&format!(
                "
                > {header}
                ! faulted the peer used a wrong stream or content namespace
                < {{header from='example.org'}}<stream:error><invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
                call over
            "
            )],
        );
    }
}

#[test]
fn where_documents_are_framed_nothing_comes_before_open() {
    for first in [
        "<message xmlns='jabber:client'/>",
        "<open xmlns='urn:x' to='example.org' version='1.0'/>",
        "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>",
    ] {
        Player::new(Setting::default(), Framing::Document, 1).play(&format!(
            "
            > {first}
            ! faulted the peer used a wrong stream or content namespace
            < {{header}}<stream:error><invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>
            call over
        "
        ));
    }
}

#[test]
fn an_xml_declaration_and_a_byte_order_mark_are_fine() {
    check_with(
        Setting {
            on_documents: false,
            ..Setting::default()
        },
        &["
            > \u{feff}<?xml version='1.0' encoding='UTF-8'?>{open}
            ! opening example.org secure
            < {header from='example.org'}{features}
        "],
    );
}

#[test]
fn nothing_to_offer_ends_the_stream() {
    check_with(
        Setting {
            is_secure: false,
            can_start_tls: false,
            register: false,
            ..Setting::default()
        },
        &["
            > {open}
            ! opening example.org plain
            ! faulted there is no feature to offer; a certificate or c2s.require_tls = false is missing
            < {header from='example.org'}<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
            < <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>No stream features to proceed with</text></stream:error></stream:stream>
            call over
        "],
    );
}
