//! What holds for every message and every password.

use proptest::prelude::*;
use sasl::client::{Scram, plain};
use sasl::{Ask, Credentials, Exchange, Hash, Mechanism, Password, SaslFailure, ScramKeys, Step};

use crate::fixture::{begin, challenge, end, few, keys, nonce, tokens, with_binding};

/// Texts near what SCRAM and PLAIN messages are.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[nyp](=tls-exporter)?,(a=x)?,",
        "[nrcpmxa]=[a-z]{0,4},?",
        "n=juliet,r=abc",
        "c=biws,r=abcserver,p=[A-Za-z0-9+/]{43}=",
        "juliet\0[ -~]{32}",
        Just("\0".to_owned()),
        any::<String>(),
    ]
    .prop_map(String::into_bytes);
    let piece = prop_oneof![9 => piece, 1 => any::<Vec<u8>>()];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Answers every question truthfully for the account `juliet`, whose password no message has.
fn answer(exchange: &mut Exchange, ask: Ask) -> Step {
    match ask {
        Ask::Credentials { hash, .. } => exchange.credentials(Credentials::active(keys(hash))),
        Ask::VerifyPlain { password, .. } => {
            exchange.verdict(Credentials::active(keys(Hash::Sha1)).verify(&password))
        }
        Ask::Tokens { mechanism, .. } => exchange.tokens(&tokens(mechanism)),
        Ask::External { .. } | Ask::Anonymous => exchange.fail(SaslFailure::NotAuthorized),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_messages_sign_in_without_the_password(
        index in 0..Mechanism::ALL.len(),
        messages in prop::collection::vec(message(), 1..4),
    ) {
        let mut exchange = begin(Mechanism::ALL[index], &with_binding());
        for message in messages {
            let step = match exchange.receive(&message) {
                Step::Ask(ask) => answer(&mut exchange, ask),
                step => step,
            };
            prop_assert!(!matches!(step, Step::Success(_)));
        }
    }

    #[test]
    fn every_password_that_can_be_set_signs_in(password in any::<String>(), name in any::<String>()) {
        if let (Ok(prepared), Ok(name)) = (Password::prepare(&password), sasl::saslprep(&name))
            && !name.is_empty()
        {
            let keys = ScramKeys::derive(Hash::Sha256, &prepared, b"salt", few());
            let mut client = Scram::new(Mechanism::ScramSha256, &name, &password, &nonce("abc"), None)
                .expect("both can be prepared");
            let mut exchange = begin(Mechanism::ScramSha256, &with_binding());
            let active = Credentials::active(keys.clone());
            let challenge = challenge(&mut exchange, &client.first(), active);
            let last = client.answer(&challenge).expect("an answer");
            let success = end(exchange.receive(&last)).expect("the password is right");
            prop_assert_eq!(&success.username, &name);
            prop_assert_eq!(client.check(&success.data.expect("a signature")), Ok(()));

            let mut exchange = begin(Mechanism::Plain, &with_binding());
            let step = exchange.start(Some(&plain(&name, &password)));
            let Step::Ask(Ask::VerifyPlain { password, .. }) = step else {
                return Err(TestCaseError::fail(format!("{step:?}")));
            };
            let verdict = Credentials::active(keys).verify(&password);
            prop_assert!(end(exchange.verdict(verdict)).is_ok());
        }
    }

    #[test]
    fn preparing_twice_changes_nothing(text in any::<String>()) {
        if let Ok(once) = sasl::saslprep(&text) {
            prop_assert_eq!(sasl::saslprep(&once), Ok(once.clone()));
        }
    }
}
