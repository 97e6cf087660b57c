//! Published exchanges, byte for byte, on both sides.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sasl::{Ask, Credentials, Exchange, Hash, Mechanism, Offer, ScramKeys, Step, client};

use crate::fixture::{challenge, end, nonce, password};

/// One published exchange of user `user` with password `pencil` and 4096 iterations.
struct Vector {
    mechanism: Mechanism,
    hash: Hash,
    client_nonce: &'static str,
    server_nonce: &'static str,
    salt: &'static str,
    first: &'static str,
    challenge: &'static str,
    last: &'static str,
    success: &'static str,
}

/// RFC 5802 §5.
const SHA_1: Vector = Vector {
    mechanism: Mechanism::ScramSha1,
    hash: Hash::Sha1,
    client_nonce: "fyko+d2lbbFgONRv9qkxdawL",
    server_nonce: "3rfcNHYJY1ZVvWVs7j",
    salt: "QSXCR+Q6sek8bf92",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    last: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    success: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

/// RFC 7677 §3.
const SHA_256: Vector = Vector {
    mechanism: Mechanism::ScramSha256,
    hash: Hash::Sha256,
    client_nonce: "rOprNGfwEbeRWgbNEkqO",
    server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    last: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
           p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    success: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

#[test]
fn the_server_plays_the_published_exchanges() {
    for vector in [SHA_1, SHA_256] {
        let offer = Offer::new(vec![vector.mechanism], Vec::new());
        let mut exchange = Exchange::new(vector.mechanism, &offer, nonce(vector.server_nonce));
        let answer = challenge(
            &mut exchange,
            vector.first.as_bytes(),
            Credentials::active(vector.keys()),
        );
        assert_eq!(text(&answer), vector.challenge);
        let success = end(exchange.receive(vector.last.as_bytes())).expect("it is the vector");
        assert_eq!(success.username, "user");
        assert_eq!(
            text(&success.data.expect("SCRAM proves the server")),
            vector.success
        );
    }
}

#[test]
fn the_client_plays_the_published_exchanges() {
    for vector in [SHA_1, SHA_256] {
        let client_nonce = nonce(vector.client_nonce);
        let mut client =
            client::Scram::new(vector.mechanism, "user", "pencil", &client_nonce, None)
                .expect("the vector is sound");
        assert_eq!(text(&client.first()), vector.first);
        let last = client
            .answer(vector.challenge.as_bytes())
            .expect("an answer");
        assert_eq!(text(&last), vector.last);
        assert_eq!(client.check(vector.success.as_bytes()), Ok(()));
        assert_eq!(
            client.check(b"v=AAAA"),
            Err(client::ClientError::NotTheServer)
        );
    }
}

#[test]
fn without_an_initial_response_an_empty_challenge_asks_for_it() {
    let offer = Offer::new(vec![SHA_1.mechanism], Vec::new());
    let mut exchange = Exchange::new(SHA_1.mechanism, &offer, nonce(SHA_1.server_nonce));
    assert!(matches!(exchange.start(None), Step::Challenge(empty) if empty.is_empty()));
    let step = exchange.receive(SHA_1.first.as_bytes());
    assert!(
        matches!(step, Step::Ask(Ask::Credentials { .. })),
        "{step:?}"
    );
}

impl Vector {
    fn keys(&self) -> ScramKeys {
        let salt = STANDARD.decode(self.salt).expect("base64");
        let iterations = 4096.try_into().expect("not zero");
        ScramKeys::derive(self.hash, &password("pencil"), &salt, iterations)
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("SCRAM is text")
}
