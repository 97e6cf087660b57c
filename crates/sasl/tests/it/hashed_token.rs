//! HT: who has the token signs in, by its mechanism and over its channel.

use sasl::client::{ClientError, check_token, token as message};
use sasl::{
    Ask, ChannelBinding, Mechanism, Offer, SaslFailure, Step, Success, Token, TokenFacts, TokenKey,
    TokenSlot, Tokens,
};

use crate::fixture::{begin, end, end_point, exporter, token, with_binding};

/// The token of the example in [XEP-0484 §3.3](https://xmpp.org/extensions/xep-0484.html).
const TOKEN: &str = "WXZzciBwYmFmdmZnZiBqdmd1IGp2eXFhcmZm";

/// No exchange is published. These were made with Python's `hmac`, of [`TOKEN`] and of the bindings of the fixture.
#[test]
fn proofs_are_those_of_another_implementation() {
    let exporter = exporter();
    let end_point = end_point();
    check(
        Mechanism::HtSha256,
        None,
        "9097787461a184e0fa84ec00c1381190b6c4d16a8ec4453c7b2ac5e7fcf935ed",
        "4e513409631474863b986c9f3e8c1e27ca29d1d7ab9ed4097e7afd6007bf9c62",
    );
    check(
        Mechanism::HtSha256Exporter,
        Some(&exporter),
        "c035db60be7f159a0dfcfe74bf43d5d7d724cb782cf6f6912854091badec0c02",
        "13c54a9f092dc8e11a69d86564747027b68a4461e256512096b0d08933964efa",
    );
    check(
        Mechanism::HtSha256EndPoint,
        Some(&end_point),
        "59d184f95a1fcc545e38665abb7342539921b23ca3719fdbf2c29a9f3c90cea2",
        "537cd55f908648b5c9aec1fa505094897e8fd106dc27a7dde4b5718e5745a4be",
    );
    check(
        Mechanism::HtSha512EndPoint,
        Some(&end_point),
        "e15d97865d3507bf362f4f5d984e209ce2d73a7f74550fc3caea7d94b32f41c4\
         0fd2b80fc73160aa6e8477c5fd4e537da7d955290c35580aa50214c48a26c0a9",
        "08cf39c49fd9d60cc756e48faf8adb1eca6c0cc06103109fcafc71609655231a\
         c912cef16a8d7ddc2a5da531c5e5d1ff06f20cc9ead2f6d9f8be620b04591385",
    );

    #[track_caller]
    fn check(
        mechanism: Mechanism,
        binding: Option<&ChannelBinding>,
        initiator: &str,
        responder: &str,
    ) {
        let first = message(mechanism, "juliet", TOKEN, binding).expect("a message");
        let (name, proof) = first.split_at(7);
        assert_eq!(name, b"juliet\0");
        assert_eq!(hex(proof), initiator, "{mechanism}");
        let answer = bytes(responder);
        assert_eq!(check_token(mechanism, TOKEN, binding, &answer), Ok(()));
        let wrong = check_token(mechanism, TOKEN, binding, proof);
        assert_eq!(wrong, Err(ClientError::NotTheServer));
    }
}

#[test]
fn a_token_signs_in_by_every_mechanism_and_the_server_proves_itself() {
    for mechanism in Mechanism::TOKENS {
        let token = token(mechanism, 1);
        let binding = binding_of(mechanism);
        let tokens = Tokens::none().with(TokenSlot::Current, token.clone(), false);
        let success = sign_in(mechanism, &token, &tokens).expect("it is the token");
        assert_eq!(success.username, "juliet");
        assert_eq!(success.token, Some(TokenSlot::Current));
        let data = success.data.expect("HT proves the server");
        let proven = check_token(mechanism, token.reveal(), binding.as_ref(), &data);
        assert_eq!(proven, Ok(()), "{mechanism}");
    }
}

#[test]
fn the_newer_and_the_current_token_sign_in_and_no_other() {
    let mechanism = Mechanism::HtSha256;
    let (new, current, other) = (
        token(mechanism, 1),
        token(mechanism, 2),
        token(mechanism, 3),
    );
    let both = || {
        Tokens::none()
            .with(TokenSlot::Current, current.clone(), false)
            .with(TokenSlot::New, new.clone(), false)
    };
    check(&new, &both(), Ok(Some(TokenSlot::New)));
    check(&current, &both(), Ok(Some(TokenSlot::Current)));
    check(&other, &both(), Err(SaslFailure::NotAuthorized));
    check(&new, &Tokens::none(), Err(SaslFailure::NotAuthorized));
    let expired = Tokens::none().with(TokenSlot::Current, current.clone(), true);
    check(&current, &expired, Err(SaslFailure::CredentialsExpired));
    check(&other, &expired, Err(SaslFailure::NotAuthorized));

    #[track_caller]
    fn check(token: &Token, tokens: &Tokens, expected: Result<Option<TokenSlot>, SaslFailure>) {
        let outcome = sign_in(Mechanism::HtSha256, token, tokens);
        assert_eq!(outcome.map(|success| success.token), expected);
    }
}

#[test]
fn a_token_is_good_for_one_account_client_mechanism_expiry_and_nonce() {
    let facts = TokenFacts {
        account: "juliet@example",
        client: "laptop",
        mechanism: Mechanism::HtSha256,
        expiry: 1,
        nonce: [1; 16],
    };
    let key = TokenKey::new([5; 32]);
    let text = |key: &TokenKey, facts: &TokenFacts<'_>| key.token(facts).reveal().to_owned();
    let first = text(&key, &facts);
    assert_eq!(first.len(), 43);
    assert_eq!(text(&key, &facts), first);
    assert_ne!(text(&TokenKey::new([6; 32]), &facts), first);
    for other in [
        TokenFacts {
            account: "romeo@example",
            ..facts
        },
        TokenFacts {
            client: "phone",
            ..facts
        },
        TokenFacts {
            mechanism: Mechanism::HtSha256EndPoint,
            ..facts
        },
        TokenFacts { expiry: 2, ..facts },
        TokenFacts {
            nonce: [2; 16],
            ..facts
        },
    ] {
        assert_ne!(text(&key, &other), first, "{other:?}");
    }
}

#[test]
fn another_channel_is_refused() {
    let mechanism = Mechanism::HtSha256Exporter;
    let token = token(mechanism, 1);
    let tokens = Tokens::none().with(TokenSlot::Current, token.clone(), false);
    let elsewhere = ChannelBinding::Exporter([8; 32]);
    let first = message(mechanism, "juliet", token.reveal(), Some(&elsewhere)).expect("a message");
    let mut exchange = begin(mechanism, &with_binding());
    assert!(matches!(
        exchange.start(Some(&first)),
        Step::Ask(Ask::Tokens { .. })
    ));
    assert_eq!(
        end(exchange.tokens(&tokens)),
        Err(SaslFailure::NotAuthorized)
    );
    // Where there is no such channel at all, the mechanism was not offered.
    let mut exchange = begin(mechanism, &Offer::new(vec![mechanism], Vec::new()));
    let step = exchange.start(Some(&first));
    assert_eq!(end(step), Err(SaslFailure::MalformedRequest));
}

#[test]
fn malformed_messages_are_refused() {
    let proof = "x".repeat(32);
    check(&format!("juliet\0{proof}"), Ok(()));
    // The proof is bytes, NUL among them.
    check(&format!("juliet\0{}", "\0".repeat(32)), Ok(()));
    let malformed = Err(SaslFailure::MalformedRequest);
    check("", malformed);
    check("juliet", malformed);
    check(&format!("juliet{proof}"), malformed);
    check(&format!("\0{proof}"), malformed);
    check("juliet\0", malformed);
    check(&format!("juliet\0{proof}x"), malformed);
    check("juliet\0x", malformed);
    check(
        &format!("jul\u{7}iet\0{proof}"),
        Err(SaslFailure::NotAuthorized),
    );

    #[track_caller]
    fn check(message: &str, expected: Result<(), SaslFailure>) {
        let mut exchange = begin(Mechanism::HtSha256, &with_binding());
        let outcome = match exchange.start(Some(message.as_bytes())) {
            Step::Failure(failure) => Err(failure),
            _ => Ok(()),
        };
        assert_eq!(outcome, expected, "{message:?}");
    }
}

#[test]
fn without_a_first_message_it_is_asked_for() {
    let mut exchange = begin(Mechanism::HtSha256, &with_binding());
    assert!(matches!(exchange.start(None), Step::Challenge(empty) if empty.is_empty()));
}

#[test]
fn tokens_do_not_print() {
    let mechanism = Mechanism::HtSha256;
    let token = token(mechanism, 1);
    let tokens = Tokens::none().with(TokenSlot::New, token.clone(), false);
    let first = message(mechanism, "juliet", token.reveal(), None).expect("a message");
    let mut exchange = begin(mechanism, &with_binding());
    let asked = exchange.start(Some(&first));
    for printed in [
        format!("{token:?}"),
        format!("{tokens:?}"),
        format!("{:?}", TokenKey::new([5; 32])),
        format!("{asked:?} {exchange:?}"),
    ] {
        assert!(!printed.contains(token.reveal()), "{printed}");
        assert!(!printed.contains("5, 5, 5"), "{printed}");
        assert!(
            !printed.contains(&format!("{:?}", &first[7..12])),
            "{printed}"
        );
    }
}

#[track_caller]
fn sign_in(mechanism: Mechanism, token: &Token, tokens: &Tokens) -> Result<Success, SaslFailure> {
    let binding = binding_of(mechanism);
    let first = message(mechanism, "juliet", token.reveal(), binding.as_ref()).expect("a message");
    let mut exchange = begin(mechanism, &with_binding());
    let step = exchange.start(Some(&first));
    let asked = matches!(&step, Step::Ask(Ask::Tokens { username, mechanism: asked })
        if username == "juliet" && *asked == mechanism);
    assert!(asked, "{step:?}");
    end(exchange.tokens(tokens))
}

fn binding_of(mechanism: Mechanism) -> Option<ChannelBinding> {
    let name = mechanism.name();
    match name.rsplit('-').next() {
        Some("EXPR") => Some(exporter()),
        Some("ENDP") => Some(end_point()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("hex");
            u8::from_str_radix(pair, 16).expect("hex")
        })
        .collect()
}
