//! What is offered, and choosing from it.

use sasl::{Mechanism, Offer, SaslFailure};

use crate::fixture::{end_point, exporter, with_binding, without_binding};

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
