//! The message of PLAIN.

use sasl::limits::{MESSAGE_BYTES_MAX, PASSWORD_BYTES_MAX};
use sasl::{Ask, Credentials, Hash, Mechanism, SaslFailure, ScramKeys, Step};

use crate::fixture::{begin, end, few, password, refused, without_binding};

use SaslFailure::{MalformedRequest, NotAuthorized};

#[test]
fn two_nuls_part_three_fields() {
    check("\0juliet\0pencil", Ok(()));
    check("juliet@example.com\0juliet\0pencil", Ok(()));
    check("\0juliet\0a b,=c", Ok(()));

    check("", Err(MalformedRequest));
    check("\0", Err(MalformedRequest));
    check("\0\0", Err(MalformedRequest));
    check("juliet\0pencil", Err(MalformedRequest));
    check("\0juliet\0", Err(MalformedRequest));
    check("\0\0pencil", Err(MalformedRequest));
    check("\0juliet\0pencil\0", Err(MalformedRequest));
    check("\0juliet\0pen\0cil", Err(MalformedRequest));
    check("\0\0juliet\0pencil", Err(MalformedRequest));
    check("a\0juliet\0pencil\0extra", Err(MalformedRequest));
}

#[test]
fn fields_are_prepared_text_of_bounded_length() {
    check("\0jul\niet\0pencil", Err(NotAuthorized));
    check("\0juliet\0pen\ncil", Err(NotAuthorized));
    check("\0juliet\0\u{ad}", Err(MalformedRequest));
    check(
        &format!("\0juliet\0{}", "p".repeat(PASSWORD_BYTES_MAX)),
        Ok(()),
    );
    check(
        &format!("\0juliet\0{}", "p".repeat(PASSWORD_BYTES_MAX + 1)),
        Err(MalformedRequest),
    );
    check(&format!("\0{}\0pencil", "j".repeat(1023)), Ok(()));
    check(
        &format!("\0{}\0pencil", "j".repeat(1024)),
        Err(MalformedRequest),
    );
    check(
        &format!("{}\0juliet\0pencil", "a".repeat(3072)),
        Err(MalformedRequest),
    );
    check(&"\0".repeat(MESSAGE_BYTES_MAX + 1), Err(MalformedRequest));
    let mut exchange = begin(Mechanism::Plain, &without_binding());
    let step = exchange.start(Some(b"\0juliet\0\xff"));
    assert_eq!(refused(step), Err(MalformedRequest));
}

#[test]
fn a_password_may_be_typed_in_more_than_one_way() {
    same("pencil", "pencil");
    same("e\u{301}té", "été");
    same("a\u{a0}b", "a b");
    same("Ⅸ", "IX");
    same("🔑", "🔑");
}

#[track_caller]
fn check(message: &str, expected: Result<(), SaslFailure>) {
    let mut exchange = begin(Mechanism::Plain, &without_binding());
    let step = exchange.start(Some(message.as_bytes()));
    assert_eq!(refused(step), expected, "{message:?}");
}

#[track_caller]
fn same(set: &str, typed: &str) {
    let keys = ScramKeys::derive(Hash::Sha1, &password(set), &[1; 16], few());
    let mut exchange = begin(Mechanism::Plain, &without_binding());
    let step = exchange.start(Some(&sasl::client::plain("juliet", typed)));
    let Step::Ask(Ask::VerifyPlain { password, .. }) = step else {
        unreachable!("{step:?}")
    };
    let verdict = Credentials::active(keys).verify(&password);
    assert!(end(exchange.verdict(verdict)).is_ok(), "{typed}");
}
