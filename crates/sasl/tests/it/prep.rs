//! SASLprep. The first cases are those of RFC 4013 §3.

use sasl::{Password, PrepareError, saslprep};

#[test]
fn the_examples_of_the_rfc_hold() {
    check("I\u{ad}X", Ok("IX"));
    check("user", Ok("user"));
    check("USER", Ok("USER"));
    check("\u{aa}", Ok("a"));
    check("\u{2168}", Ok("IX"));
    check("\u{7}", Err(PrepareError::Prohibited));
    check("\u{627}1", Err(PrepareError::Bidi));
}

#[test]
fn spaces_become_one_kind_and_marks_join() {
    check("", Ok(""));
    check("a b", Ok("a b"));
    check("a\u{a0}b\u{3000}c\u{1680}d", Ok("a b c d"));
    check("a\u{200b}b", Ok("a b"));
    check("e\u{301}", Ok("é"));
    check("ﬀ", Ok("ff"));
    check("\u{627}1\u{628}", Ok("\u{627}1\u{628}"));
    check("aא", Err(PrepareError::Bidi));
}

#[test]
fn what_cannot_be_typed_is_refused() {
    for text in [
        "\0",
        "\n",
        "\u{7f}",
        "\u{85}",
        "\u{200e}",
        "\u{2028}",
        "\u{202e}",
        "\u{e000}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{2ff0}",
        "\u{e0001}",
        "\u{10ffff}",
    ] {
        check(text, Err(PrepareError::Prohibited));
        check(&format!("a{text}b"), Err(PrepareError::Prohibited));
    }
}

#[test]
fn unassigned_code_points_pass_unchanged() {
    check("😀", Ok("😀"));
    check("🄰", Ok("🄰"));
    check("e\u{301}😀", Ok("é😀"));
}

#[test]
fn a_password_is_neither_empty_nor_endless() {
    let prepare = |text: &str| Password::prepare(text).map(|_| ());
    assert_eq!(prepare("x"), Ok(()));
    assert_eq!(prepare(""), Err(PrepareError::Empty));
    assert_eq!(prepare("\u{ad}"), Err(PrepareError::Empty));
    assert_eq!(prepare(&"x".repeat(1024)), Ok(()));
    assert_eq!(prepare(&"x".repeat(1025)), Err(PrepareError::TooLong));
    // Three bytes that are prepared to 33.
    assert_eq!(prepare(&"\u{fdfa}".repeat(300)), Err(PrepareError::TooLong));
    assert_eq!(prepare("\n"), Err(PrepareError::Prohibited));
}

#[track_caller]
fn check(text: &str, expected: Result<&str, PrepareError>) {
    assert_eq!(saslprep(text).as_deref(), expected.as_deref(), "{text:?}");
}
