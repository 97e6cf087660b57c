//! Every fault and what the peer is told of it, RFC 6120 §4.9.3.

use std::collections::BTreeSet;

use jid::Domain;
use stream::StreamFault;
use xml::Framing;

use crate::player::{BOUND, Player, Setting};

/// The conditions of RFC 6120 §4.9.3.
const CONDITIONS: [&str; 25] = [
    "bad-format",
    "bad-namespace-prefix",
    "conflict",
    "connection-timeout",
    "host-gone",
    "host-unknown",
    "improper-addressing",
    "internal-server-error",
    "invalid-from",
    "invalid-namespace",
    "invalid-xml",
    "not-authorized",
    "not-well-formed",
    "policy-violation",
    "remote-connection-failed",
    "reset",
    "resource-constraint",
    "restricted-xml",
    "see-other-host",
    "system-shutdown",
    "undefined-condition",
    "unsupported-encoding",
    "unsupported-feature",
    "unsupported-stanza-type",
    "unsupported-version",
];

fn faults() -> Vec<(StreamFault, &'static str)> {
    use StreamFault as F;
    let host = || Domain::parse("secret.example").expect("a domain");
    vec![
        (F::BadFormat, "<bad-format/>"),
        (F::BadNamespacePrefix, "<bad-namespace-prefix/>"),
        (
            F::Replaced,
            "<conflict/><text>Replaced by new connection</text>",
        ),
        (F::Unauthenticated { seconds: 300 }, "<connection-timeout/>"),
        (F::Silent { seconds: 60 }, "<connection-timeout/>"),
        (F::HostGone(host()), "<host-gone/>"),
        (F::HostUnknown(host()), "<host-unknown/>"),
        (
            F::ToMissing,
            "<improper-addressing/><text>No 'to' attribute on stream header</text>",
        ),
        (F::ToMalformed, "<improper-addressing/>"),
        (F::FromMalformed, "<improper-addressing/>"),
        (F::Internal, "<internal-server-error/>"),
        (F::InvalidFrom, "<invalid-from/>"),
        (F::InvalidNamespace, "<invalid-namespace/>"),
        (F::InvalidXml, "<invalid-xml/>"),
        (F::TooEarly, "<not-authorized/>"),
        (F::HostChanged, "<not-authorized/>"),
        (F::AccountGone, "<not-authorized/>"),
        (F::NotWellFormed, "<not-well-formed/>"),
        (
            F::ElementTooLarge { bytes_max: 77 },
            "<policy-violation/><text>XML element is too big</text><stanza-too-big xmlns='urn:xmpp:errors'/>",
        ),
        (F::ElementTooComplex("depth"), "<policy-violation/>"),
        (
            F::TooManyFailures { failures: 3 },
            "<policy-violation/><text>Too many authentication failures</text>",
        ),
        (F::Policy("sessions"), "<policy-violation/>"),
        (F::OutboxFull { bytes_max: 77 }, "<policy-violation/>"),
        (F::RemoteConnectionFailed, "<remote-connection-failed/>"),
        (F::Reset, "<reset/>"),
        (F::ResourceConstraint("memory"), "<resource-constraint/>"),
        (F::RestrictedXml, "<restricted-xml/>"),
        (
            F::SeeOtherHost("a&b.example".to_owned()),
            "<see-other-host>a&amp;b.example</see-other-host>",
        ),
        (
            F::Kicked {
                reason: "1 < 2".to_owned(),
            },
            "<undefined-condition/><text>1 &lt; 2</text>",
        ),
        (F::SystemShutdown { reason: None }, "<system-shutdown/>"),
        (
            F::SystemShutdown {
                reason: Some("Back at noon".to_owned()),
            },
            "<system-shutdown/><text>Back at noon</text>",
        ),
        (
            F::NothingToOffer,
            "<undefined-condition/><text>No stream features to proceed with</text>",
        ),
        (
            F::HandledCountTooHigh { h: 10, sent: 8 },
            "<undefined-condition/><handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/>",
        ),
        (F::UnsupportedEncoding, "<unsupported-encoding/>"),
        (F::UnsupportedFeature, "<unsupported-feature/>"),
        (F::UnsupportedStanzaType, "<unsupported-stanza-type/>"),
        (F::UnsupportedVersion, "<unsupported-version/>"),
    ]
}

#[test]
fn every_fault_is_written_with_its_condition_and_no_more_than_it_should_say() {
    for framing in [Framing::Stream, Framing::Document] {
        for (fault, expected) in faults() {
            let mut player = Player::new(Setting::default(), framing, usize::MAX);
            player.play(BOUND);
            player.stream.fault(&fault);
            assert!(player.stream.is_over());
            let written = player
                .exchange(" ")
                .replace(" xmlns='urn:ietf:params:xml:ns:xmpp-streams'", "")
                .replace(" xml:lang='en'", "");
            assert_eq!(
                written,
                format!("<stream:error>{expected}</stream:error></stream:stream>"),
                "{fault:?}"
            );
            assert!(!fault.to_string().is_empty());
        }
    }
}

#[test]
fn every_condition_of_the_rfc_has_a_fault() {
    let reached: BTreeSet<&str> = faults()
        .iter()
        .map(|(fault, _)| fault.condition())
        .collect();
    assert_eq!(reached, BTreeSet::from(CONDITIONS));
}
