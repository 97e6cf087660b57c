//! SCRAM messages that are refused, and those that only look odd.

use sasl::limits::{MESSAGE_BYTES_MAX, NONCE_BYTES_MAX, USERNAME_BYTES_MAX};
use sasl::{Ask, Credentials, Hash, Mechanism, SaslFailure, Step};

use crate::fixture::{begin, challenge, end, keys, refused, with_binding, without_binding};

use SaslFailure::{MalformedRequest, NotAuthorized};

const PLAIN_HASH: Mechanism = Mechanism::ScramSha256;
const PLUS: Mechanism = Mechanism::ScramSha256Plus;

#[test]
fn first_messages_are_held_to_the_grammar() {
    first("n,,n=juliet,r=abc", Ok(()));
    first("y,,n=juliet,r=abc", Ok(()));
    first("n,a=juliet@example.com,n=juliet,r=abc", Ok(()));
    first("n,,n=juliet,r=abc,x=later", Ok(()));
    first("n,,n=juliet,r=abc,x=a=b", Ok(()));

    first("", Err(MalformedRequest));
    first("n", Err(MalformedRequest));
    first("n,", Err(MalformedRequest));
    first("n,,", Err(MalformedRequest));
    first("n,,n=juliet", Err(MalformedRequest));
    first("n,,r=abc,n=juliet", Err(MalformedRequest));
    first("n=juliet,r=abc", Err(MalformedRequest));
    first("N,,n=juliet,r=abc", Err(MalformedRequest));
    first("x,,n=juliet,r=abc", Err(MalformedRequest));
    first("n,juliet,n=juliet,r=abc", Err(MalformedRequest));
    first("n,a=,n=juliet,r=abc", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,x", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,x=", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,1=a", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,xy=a", Err(MalformedRequest));
    first("n,,n=jul\0iet,r=abc", Err(MalformedRequest));
}

#[test]
fn mandatory_extensions_are_refused() {
    first("n,,m=ext,n=juliet,r=abc", Err(MalformedRequest));
    first("n,,n=juliet,r=abc,m=ext", Err(MalformedRequest));
}

#[test]
fn nonces_are_printable_and_not_empty() {
    first("n,,n=juliet,r=", Err(MalformedRequest));
    first("n,,n=juliet,r=a b", Err(MalformedRequest));
    first("n,,n=juliet,r=é", Err(MalformedRequest));
    first("n,,n=juliet,r=a\u{7f}", Err(MalformedRequest));
    let longest = "a".repeat(NONCE_BYTES_MAX);
    first(&format!("n,,n=juliet,r={longest}"), Ok(()));
    first(&format!("n,,n=juliet,r={longest}a"), Err(MalformedRequest));
}

#[test]
fn user_names_are_unescaped_and_prepared() {
    named("juliet", "juliet");
    named("Juliet", "Juliet");
    named("a=2Cb=3Dc", "a,b=c");
    named("a=3D2Cb", "a=2Cb");
    named("I\u{ad}X", "IX");
    named("e\u{301}", "é");
    named("a\u{a0}b", "a b");
    first("n,,n=,r=abc", Err(MalformedRequest));
    first("n,,n=\u{ad},r=abc", Err(MalformedRequest));
    first("n,,n=a=2cb,r=abc", Err(MalformedRequest));
    first("n,,n=a=,r=abc", Err(MalformedRequest));
    first("n,,n=a=2,r=abc", Err(MalformedRequest));
    first("n,,n=a=20b,r=abc", Err(MalformedRequest));
    first("n,,n=a=é,r=abc", Err(MalformedRequest));
    first("n,,n=a\u{7}b,r=abc", Err(NotAuthorized));
    first("n,,n=aא,r=abc", Err(NotAuthorized));
    let longest = "a".repeat(USERNAME_BYTES_MAX);
    first(&format!("n,,n={longest},r=abc"), Ok(()));
    first(&format!("n,,n={longest}a,r=abc"), Err(MalformedRequest));
}

#[test]
fn messages_are_text_and_not_over_long() {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let step = exchange.start(Some(b"n,,n=\xff,r=abc"));
    assert_eq!(refused(step), Err(MalformedRequest));
    let padding = "a".repeat(MESSAGE_BYTES_MAX);
    first(
        &format!("n,,n=juliet,r=abc,x={padding}"),
        Err(MalformedRequest),
    );
    let authzid = "a".repeat(3072);
    first(
        &format!("n,a={authzid},n=juliet,r=abc"),
        Err(MalformedRequest),
    );
}

#[test]
fn channel_binding_goes_with_plus_and_only_with_plus() {
    // Where nothing is bound, both ways of saying so will do.
    flag(PLAIN_HASH, false, "n", Ok(()));
    flag(PLAIN_HASH, false, "y", Ok(()));
    flag(PLAIN_HASH, false, "p=tls-exporter", Err(MalformedRequest));
    // Who could bind but was not told of -PLUS was cheated.
    flag(PLAIN_HASH, true, "n", Ok(()));
    flag(PLAIN_HASH, true, "y", Err(MalformedRequest));
    flag(PLAIN_HASH, true, "p=tls-exporter", Err(MalformedRequest));

    flag(PLUS, true, "p=tls-exporter", Ok(()));
    flag(PLUS, true, "p=tls-server-end-point", Ok(()));
    flag(PLUS, true, "n", Err(MalformedRequest));
    flag(PLUS, true, "y", Err(MalformedRequest));
    flag(PLUS, true, "p=", Err(MalformedRequest));
    flag(PLUS, true, "p=tls-unique", Err(MalformedRequest));
    flag(PLUS, true, "p=TLS-EXPORTER", Err(MalformedRequest));
}

#[test]
fn final_messages_are_held_to_the_grammar() {
    let proof = "A".repeat(43);
    last(&format!("c=biws,r=abcserver,p={proof}="), NotAuthorized);
    last(
        &format!("c=biws,r=abcserver,x=later,p={proof}="),
        NotAuthorized,
    );

    last("", MalformedRequest);
    last("c=biws,r=abcserver", MalformedRequest);
    last("c=biws,r=abcserver,p=", MalformedRequest);
    last("c=biws,r=abcserver,p=AAAA", MalformedRequest);
    last("c=biws,r=abcserver,p=!", MalformedRequest);
    last(&format!("r=abcserver,c=biws,p={proof}="), MalformedRequest);
    last(&format!("c=biws,p={proof}=,r=abcserver"), MalformedRequest);
    last(
        &format!("c=biws,r=abcserver,m=x,p={proof}="),
        MalformedRequest,
    );
    last(
        &format!("c=biws,m=x,r=abcserver,p={proof}="),
        MalformedRequest,
    );
    last(&format!("c=!,r=abcserver,p={proof}="), MalformedRequest);
    last(&format!("c=biws,r=abc,p={proof}="), MalformedRequest);
    last(&format!("c=biws,r=server,p={proof}="), MalformedRequest);
    last(&format!("c=biws,r=abcserverx,p={proof}="), MalformedRequest);
    last(
        &format!("c=biws,r=abcserver,p={proof}=\0"),
        MalformedRequest,
    );
    // `y,,` where the first message said `n,,`.
    last(&format!("c=eSws,r=abcserver,p={proof}="), NotAuthorized);
    last(&format!("c=,r=abcserver,p={proof}="), NotAuthorized);
}

#[test]
fn messages_out_of_turn_end_the_exchange() {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let step = exchange.start(Some(b"n,,n=juliet,r=abc"));
    assert!(matches!(step, Step::Ask(_)));
    assert_eq!(end(exchange.receive(b"c=biws")), Err(MalformedRequest));
    let step = exchange.credentials(Credentials::active(keys(Hash::Sha256)));
    assert_eq!(end(step), Err(SaslFailure::TemporaryAuthFailure));
}

#[test]
fn keys_of_another_hash_are_our_own_fault() {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let step = exchange.start(Some(b"n,,n=juliet,r=abc"));
    assert!(matches!(
        step,
        Step::Ask(Ask::Credentials {
            hash: Hash::Sha256,
            ..
        })
    ));
    let step = exchange.credentials(Credentials::active(keys(Hash::Sha1)));
    assert_eq!(end(step), Err(SaslFailure::TemporaryAuthFailure));
}

#[track_caller]
fn first(message: &str, expected: Result<(), SaslFailure>) {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let step = exchange.start(Some(message.as_bytes()));
    assert_eq!(refused(step), expected, "{message:?}");
}

#[track_caller]
fn named(written: &str, expected: &str) {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let step = exchange.start(Some(format!("n,,n={written},r=abc").as_bytes()));
    let Step::Ask(Ask::Credentials { username, .. }) = step else {
        unreachable!("{step:?}")
    };
    assert_eq!(username, expected, "{written:?}");
}

#[track_caller]
fn flag(mechanism: Mechanism, binds: bool, flag: &str, expected: Result<(), SaslFailure>) {
    let offer = if binds {
        with_binding()
    } else {
        without_binding()
    };
    let mut exchange = begin(mechanism, &offer);
    let step = exchange.start(Some(format!("{flag},,n=juliet,r=abc").as_bytes()));
    assert_eq!(refused(step), expected, "{flag} with {mechanism}");
}

#[track_caller]
fn last(message: &str, expected: SaslFailure) {
    let mut exchange = begin(PLAIN_HASH, &without_binding());
    let active = Credentials::active(keys(Hash::Sha256));
    challenge(&mut exchange, b"n,,n=juliet,r=abc", active);
    assert_eq!(
        end(exchange.receive(message.as_bytes())),
        Err(expected),
        "{message:?}"
    );
}
