//! References, and the text that attribute values and character data stand for.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr3};

use crate::{chars, fault::Fault};

/// What `&name;` stands for, given the bytes between `&` and `;`.
///
/// # Errors
///
/// A reference to an unknown entity, to a forbidden character, or none at all.
pub(crate) fn resolve(name: &[u8]) -> Result<char, Fault> {
    match name {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"apos" => Ok('\''),
        b"quot" => Ok('"'),
        [b'#', b'x', digits @ ..] => code_point(digits, 16),
        [b'#', digits @ ..] => code_point(digits, 10),
        _ => Err(unknown(name)),
    }
}

fn code_point(digits: &[u8], radix: u32) -> Result<char, Fault> {
    if digits.is_empty() {
        return Err(Fault::BadReference);
    }
    let mut code = 0_u32;
    for &digit in digits {
        let digit = char::from(digit)
            .to_digit(radix)
            .ok_or(Fault::BadReference)?;
        code = code.saturating_mul(radix).saturating_add(digit);
    }
    char::from_u32(code)
        .filter(|&char| chars::is_allowed(char))
        .ok_or(Fault::ForbiddenCharacter)
}

fn unknown(name: &[u8]) -> Fault {
    let Ok(name) = str::from_utf8(name) else {
        return Fault::InvalidUtf8;
    };
    let mut rest = name.chars();
    let starts = rest
        .next()
        .is_some_and(|first| first == ':' || chars::is_name_start(first));
    if starts && rest.all(|char| char == ':' || chars::is_name(char)) {
        Fault::UnknownEntity
    } else {
        Fault::BadReference
    }
}

/// The value that stands between the quotes as `raw`, [XML §3.3.3](https://www.w3.org/TR/xml/#AVNormalize):
/// references replaced, each white space character written out a space.
pub(crate) fn value(raw: &str) -> Cow<'_, str> {
    let plain = memchr(b'&', raw.as_bytes()).is_none()
        && memchr3(b'\t', b'\n', b'\r', raw.as_bytes()).is_none();
    if plain {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = match from.strip_prefix("\r\n") {
            Some(after) => {
                out.push(' ');
                after
            }
            None if from.starts_with('&') => replace(from, &mut out),
            None => {
                out.push(' ');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Appends what `raw` stands for as character data outside of CDATA sections.
pub(crate) fn push_text(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = memchr2(b'&', b'\r', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = if from.starts_with('&') {
            replace(from, out)
        } else {
            line_end(from, out)
        };
    }
    out.push_str(rest);
}

/// Appends what `raw` stands for inside a CDATA section.
pub(crate) fn push_cdata(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = memchr(b'\r', rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = line_end(from, out);
    }
    out.push_str(rest);
}

/// A line ends with `\n` however it was sent, [XML §2.11](https://www.w3.org/TR/xml/#sec-line-ends).
fn line_end<'a>(from: &'a str, out: &mut String) -> &'a str {
    out.push('\n');
    from.strip_prefix("\r\n")
        .unwrap_or_else(|| from.get(1..).unwrap_or_default())
}

/// Takes the reference at the beginning of `from`, which the scanner has checked.
fn replace<'a>(from: &'a str, out: &mut String) -> &'a str {
    let (name, rest) = from
        .get(1..)
        .unwrap_or_default()
        .split_once(';')
        .unwrap_or((from, ""));
    out.extend(resolve(name.as_bytes()));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_or_named_what_they_are() {
        check("amp", Ok('&'));
        check("#65", Ok('A'));
        check("#x1F3AD", Ok('🎭'));
        check("#x000000000000041", Ok('A'));
        check("#xD800", Err(Fault::ForbiddenCharacter));
        check("#0", Err(Fault::ForbiddenCharacter));
        check("#99999999999999999999", Err(Fault::ForbiddenCharacter));
        check("#xFFFE", Err(Fault::ForbiddenCharacter));
        check("#", Err(Fault::BadReference));
        check("#x", Err(Fault::BadReference));
        check("#X41", Err(Fault::BadReference));
        check("", Err(Fault::BadReference));
        check("1a", Err(Fault::BadReference));
        check("nbsp", Err(Fault::UnknownEntity));
    }

    #[track_caller]
    fn check(name: &str, expected: Result<char, Fault>) {
        assert_eq!(resolve(name.as_bytes()), expected, "&{name};");
    }

    #[test]
    fn attribute_values_are_normalised() {
        assert_eq!(value("a\r\nb\tc\nd\re"), "a b c d e");
        assert_eq!(value("a&#10;b&#9;c&lt;"), "a\nb\tc<");
        assert!(matches!(value("plain"), Cow::Borrowed("plain")));
    }
}
