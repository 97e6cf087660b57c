//! Whole sign-ins by every mechanism of the SCRAM family, with and without channel binding.

use sasl::client::{ClientError, Scram};
use sasl::{ChannelBinding, Credentials, Mechanism, Offer, SaslFailure};

use crate::fixture::{
    PASSWORD, begin, challenge, end, end_point, exporter, keys, nonce, with_binding,
};

#[test]
fn every_scram_mechanism_signs_in() {
    for mechanism in Mechanism::ALL {
        if mechanism.hash().is_none() {
            continue;
        }
        if mechanism.is_plus() {
            check(mechanism, Some(exporter()), Ok(()));
            check(mechanism, Some(end_point()), Ok(()));
        } else {
            check(mechanism, None, Ok(()));
        }
    }
}

#[test]
fn another_channel_is_refused() {
    let elsewhere = ChannelBinding::Exporter([8; 32]);
    check(
        Mechanism::ScramSha1Plus,
        Some(elsewhere),
        Err(SaslFailure::NotAuthorized),
    );
    let elsewhere = ChannelBinding::ServerEndPoint(vec![8; 32]);
    check(
        Mechanism::ScramSha512Plus,
        Some(elsewhere),
        Err(SaslFailure::NotAuthorized),
    );
    let cut_short = ChannelBinding::ServerEndPoint(Vec::new());
    check(
        Mechanism::ScramSha256Plus,
        Some(cut_short),
        Err(SaslFailure::NotAuthorized),
    );
}

#[test]
fn a_binding_that_this_channel_lacks_is_refused() {
    let tls_1_2 = Offer::new(Mechanism::ALL.to_vec(), vec![end_point()]);
    let mut exchange = begin(Mechanism::ScramSha256Plus, &tls_1_2);
    let step = exchange.start(Some(b"p=tls-exporter,,n=juliet,r=abc"));
    assert_eq!(end(step), Err(SaslFailure::MalformedRequest));
}

#[test]
fn a_client_binds_with_plus_and_only_then() {
    let begin = |mechanism, binding: Option<&ChannelBinding>| {
        Scram::new(mechanism, "juliet", PASSWORD, &nonce("abc"), binding).map(|_| ())
    };
    let wrong = Err(ClientError::Mechanism);
    assert_eq!(begin(Mechanism::ScramSha1, Some(&exporter())), wrong);
    assert_eq!(begin(Mechanism::ScramSha1Plus, None), wrong);
    assert_eq!(begin(Mechanism::Plain, None), wrong);
}

#[test]
fn a_client_does_not_fall_for_a_foreign_challenge() {
    for challenge in [
        "",
        "r=abc,s=AAAA,i=1",
        "r=xyz1,s=AAAA,i=1",
        "r=abc1,s=!,i=1",
        "r=abc1,s=AAAA,i=0",
        "r=abc1,s=AAAA,i=x",
        "r=abc1,s=AAAA",
        "m=x,r=abc1,s=AAAA,i=1",
        "r=abc1,s=AAAA,i=10000001",
    ] {
        let mut client = Scram::new(
            Mechanism::ScramSha1,
            "juliet",
            PASSWORD,
            &nonce("abc"),
            None,
        )
        .expect("a client");
        let answer = client.answer(challenge.as_bytes());
        assert_eq!(answer, Err(ClientError::Malformed), "{challenge}");
    }
}

#[track_caller]
fn check(mechanism: Mechanism, binding: Option<ChannelBinding>, expected: Result<(), SaslFailure>) {
    let hash = mechanism.hash().expect("a SCRAM mechanism");
    let mut client = Scram::new(
        mechanism,
        "juliet",
        PASSWORD,
        &nonce("abc"),
        binding.as_ref(),
    )
    .expect("a client");
    let mut exchange = begin(mechanism, &with_binding());
    let active = Credentials::active(keys(hash));
    let challenge = challenge(&mut exchange, &client.first(), active);
    let last = client.answer(&challenge).expect("an answer");
    let outcome = end(exchange.receive(&last)).map(|success| {
        assert_eq!(success.username, "juliet");
        let data = success.data.expect("SCRAM proves the server");
        assert_eq!(client.check(&data), Ok(()), "{mechanism}");
    });
    assert_eq!(outcome, expected, "{mechanism}");
}
