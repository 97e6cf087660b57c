//! What is offered, and choosing from it.

use sasl::client::{ClientError, Scram};
use sasl::{Credentials, Hash, Mechanism, Offer, SaslFailure};

use crate::fixture::{
    PASSWORD, begin, challenge, end, end_point, exporter, keys, nonce, with_binding,
    without_binding,
};

#[test]
fn the_strongest_mechanism_is_named_first() {
    let offer = Offer::new(
        vec![
            Mechanism::Plain,
            Mechanism::ScramSha1,
            Mechanism::ScramSha256Plus,
            Mechanism::Plain,
        ],
        vec![exporter()],
    );
    let names: Vec<_> = offer
        .mechanisms()
        .iter()
        .map(|mechanism| mechanism.name())
        .collect();
    assert_eq!(names, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "PLAIN"]);
}

#[test]
fn plus_is_offered_where_there_is_something_to_bind_to() {
    assert!(with_binding().is_plus_offered());
    assert!(!without_binding().is_plus_offered());
    let names: Vec<_> = with_binding().binding_names().collect();
    assert_eq!(names, ["tls-exporter", "tls-server-end-point"]);
    let only_plain = Offer::new(vec![Mechanism::Plain], vec![end_point()]);
    assert_eq!(only_plain.binding_names().count(), 0);
}

#[test]
fn tokens_are_offered_apart_and_as_far_as_there_is_something_to_bind_to() {
    let names = |offer: &Offer| {
        let names = offer.tokens().iter().map(|mechanism| mechanism.name());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        names(&without_binding()),
        ["HT-SHA-512-NONE", "HT-SHA-256-NONE"]
    );
    let tls_1_2 = Offer::new(Mechanism::ALL.to_vec(), vec![end_point()]);
    assert_eq!(
        names(&tls_1_2),
        [
            "HT-SHA-512-ENDP",
            "HT-SHA-256-ENDP",
            "HT-SHA-512-NONE",
            "HT-SHA-256-NONE"
        ]
    );
    assert_eq!(names(&with_binding()).len(), 6);
    assert!(!with_binding().mechanisms().iter().any(|one| one.is_token()));
    let invalid = Err(SaslFailure::InvalidMechanism);
    assert_eq!(tls_1_2.choose("HT-SHA-256-NONE"), invalid);
    assert_eq!(tls_1_2.choose_for_token("PLAIN"), invalid);
    assert_eq!(tls_1_2.choose_for_token("HT-SHA-256-EXPR"), invalid);
    assert_eq!(
        tls_1_2.choose_for_token("HT-SHA-256-ENDP"),
        Ok(Mechanism::HtSha256EndPoint)
    );
    let none = Offer::new(vec![Mechanism::Plain], vec![end_point()]);
    assert_eq!(none.choose_for_token("HT-SHA-256-NONE"), invalid);
}

/// The example of [XEP-0474](https://xmpp.org/extensions/xep-0474.html).
#[test]
fn scram_says_what_was_offered() {
    let mechanisms = vec![Mechanism::ScramSha1, Mechanism::ScramSha1Plus];
    let offer = Offer::new(mechanisms, vec![end_point(), exporter()]);
    let said = |offer: &Offer| {
        let mut exchange = begin(Mechanism::ScramSha1Plus, offer);
        let active = Credentials::active(keys(Hash::Sha1));
        let first = b"p=tls-exporter,,n=user,r=abc";
        let challenge = challenge(&mut exchange, first, active);
        String::from_utf8(challenge).expect("SCRAM is text")
    };
    assert!(!said(&offer).contains(",h="));
    let hashed = offer.hashed();
    assert!(said(&hashed).ends_with(",i=2,h=G6k/rBLDqgOhRRaCuuatSDFkJ08="));
    // And that of XEP-0515, over TLS 1.3.
    let over_tls = hashed.over_tls(Some(0x0304));
    assert!(said(&over_tls).ends_with(",i=2,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=,t=0304"));
}

#[test]
fn a_client_notices_that_somebody_speaks_another_version_of_tls() {
    for (client_version, expected) in [(0x0304, Ok(())), (0x0303, Err(ClientError::OfferChanged))] {
        let offer = Offer::new(vec![Mechanism::ScramSha256], Vec::new());
        let mut exchange = begin(Mechanism::ScramSha256, &offer.over_tls(Some(0x0304)));
        let client = Scram::new(
            Mechanism::ScramSha256,
            "juliet",
            PASSWORD,
            &nonce("abc"),
            None,
        );
        let mut client = client.expect("a client").over_tls(client_version);
        let active = Credentials::active(keys(Hash::Sha256));
        let challenge = challenge(&mut exchange, &client.first(), active);
        let outcome = client.answer(&challenge).map(|last| {
            let success = end(exchange.receive(&last)).expect("the password is right");
            let data = success.data.expect("SCRAM proves the server");
            assert_eq!(client.check(&data), Ok(()));
        });
        assert_eq!(outcome, expected, "{client_version:x}");
    }
}

#[test]
fn a_client_notices_what_was_taken_away_from_the_offer() {
    let names = ["SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"];
    check(&names, &[], Ok(()));
    check(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1"], &[], Ok(()));
    check(
        &["SCRAM-SHA-1", "PLAIN"],
        &[],
        Err(ClientError::OfferChanged),
    );
    check(&names, &["tls-exporter"], Err(ClientError::OfferChanged));

    #[track_caller]
    fn check(saw: &[&str], bindings: &[&str], expected: Result<(), ClientError>) {
        let offered = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
            .map(|name| Mechanism::from_name(name).expect(name));
        let offer = Offer::new(offered.to_vec(), Vec::new()).hashed();
        let mut exchange = begin(Mechanism::ScramSha1, &offer);
        let client = Scram::new(
            Mechanism::ScramSha1,
            "juliet",
            PASSWORD,
            &nonce("abc"),
            None,
        );
        let mut client = client.expect("a client").saw(saw, bindings);
        let active = Credentials::active(keys(Hash::Sha1));
        let challenge = challenge(&mut exchange, &client.first(), active);
        let outcome = client.answer(&challenge).map(|last| {
            let success = end(exchange.receive(&last)).expect("the password is right");
            let data = success.data.expect("SCRAM proves the server");
            assert_eq!(client.check(&data), Ok(()));
        });
        assert_eq!(outcome, expected, "{saw:?} {bindings:?}");
    }
}

#[test]
fn what_was_not_offered_cannot_be_chosen() {
    let offer =
        Offer::new(vec![Mechanism::ScramSha1], Vec::new()).after_tls(vec![Mechanism::Plain]);
    assert_eq!(offer.choose("SCRAM-SHA-1"), Ok(Mechanism::ScramSha1));
    assert_eq!(offer.choose("PLAIN"), Err(SaslFailure::EncryptionRequired));
    assert_eq!(
        offer.choose("ANONYMOUS"),
        Err(SaslFailure::InvalidMechanism)
    );
    assert_eq!(
        offer.choose("SCRAM-SHA-1-PLUS"),
        Err(SaslFailure::InvalidMechanism)
    );
    assert_eq!(
        offer.choose("scram-sha-1"),
        Err(SaslFailure::InvalidMechanism)
    );
    assert_eq!(offer.choose(""), Err(SaslFailure::InvalidMechanism));
}
