//! A server with one account, and ways to talk to it.

use std::num::NonZeroU32;

use sasl::{
    Ask, ChannelBinding, Credentials, Exchange, Hash, Mechanism, Nonce, Offer, Password,
    SaslFailure, ScramKeys, Step, Success, Token, TokenFacts, TokenKey, TokenSlot, Tokens,
};

pub(crate) const PASSWORD: &str = "pencil";

/// Few iterations: these tests are not about the work.
pub(crate) fn few() -> NonZeroU32 {
    NonZeroU32::new(2).expect("two is not zero")
}

pub(crate) fn password(text: &str) -> Password {
    Password::prepare(text).expect(text)
}

pub(crate) fn keys(hash: Hash) -> ScramKeys {
    ScramKeys::derive(hash, &password(PASSWORD), b"sixteen bytes !!", few())
}

pub(crate) fn nonce(text: &str) -> Nonce {
    Nonce::from_text(text).expect(text)
}

pub(crate) fn exporter() -> ChannelBinding {
    ChannelBinding::Exporter([7; 32])
}

pub(crate) fn end_point() -> ChannelBinding {
    ChannelBinding::ServerEndPoint(vec![9; 32])
}

/// What the client `laptop` of `juliet@example` was given for a mechanism.
pub(crate) fn token(mechanism: Mechanism, nonce: u8) -> Token {
    TokenKey::new([5; 32]).token(&TokenFacts {
        account: "juliet@example",
        client: "laptop",
        mechanism,
        expiry: 1_000_000,
        nonce: [nonce; 16],
    })
}

/// The one it used last.
pub(crate) fn tokens(mechanism: Mechanism) -> Tokens {
    Tokens::none().with(TokenSlot::Current, token(mechanism, 1), false)
}

/// What a plain stream offers.
pub(crate) fn without_binding() -> Offer {
    Offer::new(Mechanism::ALL.to_vec(), Vec::new())
}

/// What a stream over TLS 1.3 offers.
pub(crate) fn with_binding() -> Offer {
    Offer::new(Mechanism::ALL.to_vec(), vec![exporter(), end_point()])
}

pub(crate) fn begin(mechanism: Mechanism, offer: &Offer) -> Exchange {
    Exchange::new(mechanism, offer, nonce("server"))
}

/// Answers the first message of a SCRAM exchange with these credentials and gives the challenge.
#[track_caller]
pub(crate) fn challenge(
    exchange: &mut Exchange,
    first: &[u8],
    credentials: Credentials,
) -> Vec<u8> {
    let step = exchange.start(Some(first));
    assert!(
        matches!(step, Step::Ask(Ask::Credentials { .. })),
        "{step:?}"
    );
    match exchange.credentials(credentials) {
        Step::Challenge(challenge) => challenge,
        step => unreachable!("{step:?}"),
    }
}

/// How an exchange ended.
#[track_caller]
pub(crate) fn end(step: Step) -> Result<Success, SaslFailure> {
    match step {
        Step::Success(success) => Ok(success),
        Step::Failure(failure) => Err(failure),
        step => unreachable!("{step:?}"),
    }
}

/// How an exchange ended, if its first message ended it.
pub(crate) fn refused(step: Step) -> Result<(), SaslFailure> {
    match step {
        Step::Failure(failure) => Err(failure),
        _ => Ok(()),
    }
}
