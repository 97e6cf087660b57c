//! The server's side of every mechanism against any messages: nothing panics, an exchange ends, and success is for
//! those who were proved.
//!
//! The first bytes of an input choose the mechanism, whether there is a channel to bind to, and the answers; the rest
//! are messages, each ended by a line end.
#![no_main]

use std::num::NonZeroU32;

use libfuzzer_sys::fuzz_target;
use sasl::{
    Ask, ChannelBinding, Credentials, Exchange, FakeCredentials, Mechanism, Nonce, Offer, Password,
    SaslFailure, ScramKeys, Step, TokenFacts, TokenKey, TokenSlot, Tokens, limits,
};

const PASSWORD: &str = "pencil";

fuzz_target!(|data: &[u8]| {
    let [choice, answer, messages @ ..] = data else {
        return;
    };
    let bindings = match choice & 0x80 {
        0 => Vec::new(),
        _ => vec![
            ChannelBinding::Exporter([7; 32]),
            ChannelBinding::ServerEndPoint(vec![9; 32]),
        ],
    };
    let offer = Offer::new(Mechanism::ALL.to_vec(), bindings);
    let mechanism = Mechanism::ALL[usize::from(choice & 0x7f) % Mechanism::ALL.len()];
    let chosen = match mechanism.is_token() {
        true => offer.choose_for_token(mechanism.name()),
        false => offer.choose(mechanism.name()),
    };
    let Ok(mechanism) = chosen else {
        return;
    };
    let nonce = Nonce::from_text("server").expect("a valid nonce");
    let mut exchange = Exchange::new(mechanism, &offer, nonce);

    let mut messages = messages.split(|byte| *byte == b'\n');
    let mut step = match answer & 1 {
        0 => exchange.start(messages.next()),
        _ => exchange.start(None),
    };
    // No mechanism takes more than two messages, and asks more than once.
    let mut steps_left = 5;
    loop {
        assert!(steps_left > 0, "an exchange ends");
        steps_left -= 1;
        step = match step {
            Step::Challenge(challenge) => {
                assert!(challenge.len() <= 2 * limits::MESSAGE_BYTES_MAX);
                exchange.receive(messages.next().unwrap_or_default())
            }
            Step::Ask(ask) => reply(&mut exchange, ask, *answer),
            Step::Success(success) => {
                assert!(answer & 2 == 0, "who is refused has no success");
                assert!(success.username.len() <= limits::USERNAME_BYTES_MAX);
                break;
            }
            Step::Failure(_) => break,
        };
    }
    for over in [
        exchange.receive(b"n,,n=juliet,r=more"),
        exchange.identified("juliet".to_owned()),
    ] {
        assert!(matches!(over, Step::Failure(_)), "over is over: {over:?}");
    }
});

/// Answers as a server with one account: what is asked for exists, is disabled, or is another one.
fn reply(exchange: &mut Exchange, ask: Ask, answer: u8) -> Step {
    let iterations = NonZeroU32::MIN;
    let credentials = |username: &str, hash| {
        if answer & 2 != 0 {
            let fake = FakeCredentials::new([1; 32]);
            return Credentials::refused(fake.for_name(username, hash, iterations));
        }
        let password = Password::prepare(PASSWORD).expect("a password");
        let keys = ScramKeys::derive(hash, &password, b"sixteen bytes !!", iterations);
        let again = ScramKeys::decode(&keys.encode()).expect("keys read as they were written");
        match answer & 4 {
            0 => Credentials::active(again),
            _ => Credentials::foreign_authzid(again),
        }
    };
    match ask {
        Ask::Credentials {
            username,
            authzid,
            hash,
        } => {
            check(Some(&username), authzid.as_deref());
            exchange.credentials(credentials(&username, hash))
        }
        Ask::VerifyPlain {
            username,
            authzid,
            password,
        } => {
            check(Some(&username), authzid.as_deref());
            let verdict = credentials(&username, sasl::Hash::Sha256).verify(&password);
            exchange.verdict(verdict)
        }
        Ask::Tokens {
            username,
            mechanism,
        } => {
            check(Some(&username), None);
            exchange.tokens(&tokens(&username, mechanism, answer))
        }
        Ask::External { authzid } => {
            check(None, authzid.as_deref());
            identify(exchange, answer)
        }
        Ask::Anonymous => identify(exchange, answer),
    }
}

/// Two tokens, none, or an expired one.
fn tokens(username: &str, mechanism: Mechanism, answer: u8) -> Tokens {
    let token = |nonce| {
        TokenKey::new([1; 32]).token(&TokenFacts {
            account: username,
            client: "laptop",
            mechanism,
            expiry: 0,
            nonce: [nonce; limits::TOKEN_NONCE_BYTES],
        })
    };
    match answer & 6 {
        0 => Tokens::none()
            .with(TokenSlot::Current, token(1), false)
            .with(TokenSlot::New, token(2), false),
        4 => Tokens::none().with(TokenSlot::Current, token(1), true),
        _ => Tokens::none(),
    }
}

fn identify(exchange: &mut Exchange, answer: u8) -> Step {
    match answer & 2 {
        0 => exchange.identified("juliet".to_owned()),
        _ => exchange.fail(SaslFailure::NotAuthorized),
    }
}

fn check(username: Option<&str>, authzid: Option<&str>) {
    if let Some(username) = username {
        assert!((1..=limits::USERNAME_BYTES_MAX).contains(&username.len()));
        assert_eq!(sasl::saslprep(username).as_deref(), Ok(username));
    }
    if let Some(authzid) = authzid {
        assert!((1..=limits::AUTHZID_BYTES_MAX).contains(&authzid.len()));
    }
}
