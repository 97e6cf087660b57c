//! Nodeprep and Resourceprep, with and without the strict check.

use std::borrow::Cow;

use jid::{JidError, Part, Strict, prepare_local, prepare_resource};

#[test]
fn local_parts_are_folded_and_normalised() {
    local("juliet", "juliet");
    local("JULIET", "juliet");
    local(
        "Juliet.Capulet+x_y-z~!#$%^*()=|{}[]?;,`",
        "juliet.capulet+x_y-z~!#$%^*()=|{}[]?;,`",
    );
    local("ÉMILE", "émile");
    local("E\u{301}mile", "émile");
    local("ß", "ss");
    local("ΣΊΣΥΦΟΣ", "σίσυφοσ");
    local("ς", "σ");
    local("İ", "i̇");
    local("Ⅳ", "iv");
    local("ﬀ", "ff");
    local("a\u{ad}b\u{200b}c\u{feff}", "abc");
    local("𝐉𝐮𝐥𝐢𝐞𝐭", "juliet");
    local("ʼn", "ʼn");
    local("שלום", "שלום");
}

#[test]
fn local_parts_prohibit_what_addresses_use() {
    for c in "\"&'/:<>@ ".chars() {
        refuse_local(&format!("a{c}b"), JidError::Prohibited(Part::Local));
    }
    refuse_local("a\tb", JidError::Prohibited(Part::Local));
    refuse_local("a\u{7f}b", JidError::Prohibited(Part::Local));
    refuse_local("a\u{a0}b", JidError::Prohibited(Part::Local));
    refuse_local("a\u{3000}b", JidError::Prohibited(Part::Local));
    // Only normalisation makes these `@`, `/` and a space.
    refuse_local("a\u{ff20}b", JidError::Prohibited(Part::Local));
    refuse_local("a\u{ff0f}b", JidError::Prohibited(Part::Local));
    refuse_local("℀", JidError::Prohibited(Part::Local));
    refuse_local("a\u{b4}b", JidError::Prohibited(Part::Local));
}

#[test]
fn resources_keep_case_and_spaces() {
    resource("Balcony", "Balcony");
    resource("  a b  ", "  a b  ");
    resource("a/b@c\"&'<>:", "a/b@c\"&'<>:");
    resource("E\u{301}", "É");
    resource("Ⅳ", "IV");
    resource("a\u{ad}b", "ab");
    resource("❤\u{fe0f}", "❤");
    resource("𝕁", "J");
    // Normalisation makes these spaces, before anything is prohibited.
    resource("a\u{a0}b\u{2003}c\u{3000}d", "a b c d");
}

#[test]
fn both_profiles_prohibit_controls_and_oddities() {
    for text in [
        "\0",
        "\n",
        "\u{1f}",
        "\u{7f}",
        "\u{85}",
        "\u{1680}",
        "\u{200e}",
        "\u{2028}",
        "\u{202e}",
        "\u{206a}",
        "\u{e000}",
        "\u{f8ff}",
        "\u{fffc}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{fdd0}",
        "\u{2ff0}",
        "\u{e0001}",
        "\u{10fffd}",
        "\u{10ffff}",
    ] {
        refuse_local(text, JidError::Prohibited(Part::Local));
        refuse_resource(text, JidError::Prohibited(Part::Resource));
    }
}

#[test]
fn nothing_left_is_empty() {
    refuse_local("", JidError::Empty(Part::Local));
    refuse_local("\u{ad}", JidError::Empty(Part::Local));
    refuse_resource("", JidError::Empty(Part::Resource));
    refuse_resource("\u{200b}\u{fe0f}", JidError::Empty(Part::Resource));
}

#[test]
fn writing_directions_do_not_mix() {
    resource("אב", "אב");
    resource("א1ב", "א1ב");
    resource("א ב", "א ב");
    refuse_resource("אaב", JidError::Bidi(Part::Resource));
    refuse_resource("אב1", JidError::Bidi(Part::Resource));
    refuse_resource("1אב", JidError::Bidi(Part::Resource));
    refuse_resource("aב", JidError::Bidi(Part::Resource));
    refuse_local("\u{627}1", JidError::Bidi(Part::Local));
    local("\u{627}1\u{628}", "\u{627}1\u{628}");
}

#[test]
fn unassigned_code_points_pass_unchanged_unless_strict() {
    // Emoji, letters and squared letters that came after Unicode 3.2.
    for text in ["😀", "👩🏽", "ᲀ", "\u{1c90}", "🄰", "🫠"] {
        resource_lax(text, text);
        assert_eq!(prepare_local(text, Strict::No).as_deref(), Ok(text));
        let strict = Strict::Yes;
        assert_eq!(
            prepare_local(text, strict),
            Err(JidError::Unassigned(Part::Local))
        );
        assert_eq!(
            prepare_resource(text, strict),
            Err(JidError::Unassigned(Part::Resource))
        );
    }
    resource_lax("É\u{1f600}E\u{301}", "É😀É");
    // A joiner is mapped to nothing, so a joined emoji is its parts.
    resource_lax("👩\u{200d}💻", "👩💻");
}

#[test]
fn already_prepared_parts_are_borrowed() {
    for text in ["juliet", "x+y", "émile", "😀", "שלום"] {
        let local = prepare_local(text, Strict::No).expect(text);
        let resource = prepare_resource(text, Strict::No).expect(text);
        assert!(matches!(local, Cow::Borrowed(_)), "{text}");
        assert!(matches!(resource, Cow::Borrowed(_)), "{text}");
    }
}

#[track_caller]
fn local(text: &str, prepared: &str) {
    for strict in [Strict::No, Strict::Yes] {
        assert_eq!(
            prepare_local(text, strict).as_deref(),
            Ok(prepared),
            "{text}"
        );
        assert_eq!(
            prepare_local(prepared, strict).as_deref(),
            Ok(prepared),
            "again, {text}"
        );
    }
}

#[track_caller]
fn resource(text: &str, prepared: &str) {
    assert_eq!(
        prepare_resource(text, Strict::Yes).as_deref(),
        Ok(prepared),
        "{text}"
    );
    resource_lax(text, prepared);
}

#[track_caller]
fn resource_lax(text: &str, prepared: &str) {
    assert_eq!(
        prepare_resource(text, Strict::No).as_deref(),
        Ok(prepared),
        "{text}"
    );
    assert_eq!(
        prepare_resource(prepared, Strict::No).as_deref(),
        Ok(prepared),
        "again, {text}"
    );
}

#[track_caller]
fn refuse_local(text: &str, error: JidError) {
    assert_eq!(prepare_local(text, Strict::No), Err(error), "{text:?}");
}

#[track_caller]
fn refuse_resource(text: &str, error: JidError) {
    assert_eq!(prepare_resource(text, Strict::No), Err(error), "{text:?}");
}
