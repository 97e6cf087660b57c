//! Which bytes and characters may stand where, and the decoding of those beyond ASCII.
//!
//! [XML 1.0 §2.2, §2.3](https://www.w3.org/TR/xml/#charsets), fifth edition.

use crate::fault::Fault;

/// Plain character data: nothing to do but go on.
pub(crate) const TEXT: u8 = 1;
/// The same, and no `'`, which ends a value.
pub(crate) const APOSTROPHE_TEXT: u8 = 2;
/// The same, and no `"`, which ends a value.
pub(crate) const QUOTE_TEXT: u8 = 32;
/// May go on in a name; a colon is left out, so that the scanner sees it.
pub(crate) const NAME: u8 = 4;
/// May begin a name.
pub(crate) const NAME_START: u8 = 8;
/// White space.
pub(crate) const SPACE: u8 = 16;

/// What each byte may be, as a set of the bits above. Bytes past ASCII are in none.
static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    reason = "a constant function; the index runs over the table"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let at = byte as u8;
        let mut class = 0;
        let allowed = at >= 0x20 || matches!(at, b'\t' | b'\n' | b'\r');
        if allowed && !matches!(at, b'<' | b'&' | b'>') {
            class |= TEXT;
            if at != b'\'' {
                class |= APOSTROPHE_TEXT;
            }
            if at != b'"' {
                class |= QUOTE_TEXT;
            }
        }
        if at.is_ascii_alphabetic() || at == b'_' {
            class |= NAME_START | NAME;
        }
        if at.is_ascii_digit() || matches!(at, b'-' | b'.') {
            class |= NAME;
        }
        if matches!(at, b' ' | b'\t' | b'\n' | b'\r') {
            class |= SPACE;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

/// Whether `byte` is in one of the classes `class`.
#[inline]
#[expect(
    clippy::indexing_slicing,
    reason = "a byte indexes a table of 256 entries"
)]
pub(crate) fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// What ends a run of plain bytes, looked for eight bytes at a time: control characters, bytes past ASCII, `<`, `>`
/// and, as given, the bytes that `or` makes equal to `equal`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    or: u64,
    equal: u64,
}

/// Ends of text: `&` besides the bytes that end any run.
pub(crate) const TEXT_ENDS: Ends = Ends::new(0, b'&');
/// Ends of a value between `'`: that and `&`, which differ in one bit.
pub(crate) const APOSTROPHE_ENDS: Ends = Ends::new(1, b'\'');
/// Ends of a value between `"`: that and `&`, which differ in one bit.
pub(crate) const QUOTE_ENDS: Ends = Ends::new(4, b'&');

impl Ends {
    const fn new(or: u8, equal: u8) -> Self {
        Self {
            or: ONES * or as u64,
            equal: ONES * equal as u64,
        }
    }

    /// The index of the first byte that ends a run, if one of the eight does.
    #[inline]
    pub(crate) fn first_in(self, eight: [u8; 8]) -> Option<usize> {
        let word = u64::from_le_bytes(eight);
        // Each line has the highest bit set in a byte that is meant and none below it: a borrow comes out of
        // such a byte only. `<` and `>` differ in one bit.
        let angles = zeros((word | (ONES * 2)) ^ (ONES * b'>' as u64));
        let given = zeros((word | self.or) ^ self.equal);
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (angles | given | control | word) & (ONES * 0x80);
        (found != 0).then(|| found.trailing_zeros() as usize / 8)
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decoded {
    /// A character and its length in bytes.
    Char(char, usize),
    /// The beginning of a character; more bytes are needed.
    Partial,
}

/// Decodes the character that `bytes` begin with, which is not ASCII. What can't become one is refused as soon as that
/// is known, [RFC 3629 §4](https://www.rfc-editor.org/rfc/rfc3629#section-4).
#[inline(never)]
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, Fault> {
    let Some((&lead, rest)) = bytes.split_first() else {
        return Ok(Decoded::Partial);
    };
    // What the second byte may be keeps out what is overlong, a surrogate, or past the last character.
    let (len, mut low, mut high) = match lead {
        0xc2..=0xdf => (2, 0x80, 0xbf),
        0xe0 => (3, 0xa0, 0xbf),
        0xed => (3, 0x80, 0x9f),
        0xe1..=0xef => (3, 0x80, 0xbf),
        0xf0 => (4, 0x90, 0xbf),
        0xf4 => (4, 0x80, 0x8f),
        0xf1..=0xf3 => (4, 0x80, 0xbf),
        _ => return Err(Fault::InvalidUtf8),
    };
    let mut code = u32::from(lead) & (0x7f >> len);
    for index in 1..len {
        match rest.get(index - 1) {
            None => return Ok(Decoded::Partial),
            Some(&byte) if (low..=high).contains(&byte) => {
                code = code << 6 | u32::from(byte & 0x3f);
            }
            Some(_) => return Err(Fault::InvalidUtf8),
        }
        (low, high) = (0x80, 0xbf);
    }
    char::from_u32(code)
        .map(|char| Decoded::Char(char, len))
        .ok_or(Fault::InvalidUtf8)
}

/// Whether a document may hold `char`, [§2.2](https://www.w3.org/TR/xml/#NT-Char).
#[inline]
pub(crate) fn is_allowed(char: char) -> bool {
    match char {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

/// Whether a name may begin with `char`, [§2.3](https://www.w3.org/TR/xml/#NT-NameStartChar); colons aside.
pub(crate) fn is_name_start(char: char) -> bool {
    matches!(char,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Whether a name may go on with `char`, [§2.3](https://www.w3.org/TR/xml/#NT-NameChar); colons aside.
pub(crate) fn is_name(char: char) -> bool {
    is_name_start(char)
        || matches!(char,
            '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_character_classes() {
        for byte in 0..128_u8 {
            let char = char::from(byte);
            assert_eq!(is(byte, NAME_START), is_name_start(char), "{char:?}");
            assert_eq!(is(byte, NAME), is_name(char), "{char:?}");
            assert_eq!(
                is(byte, TEXT),
                is_allowed(char) && !"<&>".contains(char),
                "{char:?}"
            );
            assert_eq!(is(byte, SPACE), " \t\r\n".contains(char), "{char:?}");
        }
    }

    #[test]
    fn runs_end_at_the_same_bytes_eight_at_a_time() {
        for (ends, more) in [
            (TEXT_ENDS, "&"),
            (APOSTROPHE_ENDS, "&'"),
            (QUOTE_ENDS, "&\""),
        ] {
            for byte in 0..=255_u8 {
                for at in 0..8 {
                    let mut eight = *b"xxxxxxxx";
                    eight[at] = byte;
                    let stops = !(0x20..0x80).contains(&byte)
                        || b"<>".contains(&byte)
                        || more.as_bytes().contains(&byte);
                    let expected = stops.then_some(at);
                    assert_eq!(ends.first_in(eight), expected, "{byte}");
                    // A later one does not hide it, nor does it hide an earlier one.
                    if at > 0 {
                        eight[at - 1] = b'<';
                        assert_eq!(ends.first_in(eight), Some(at - 1), "{byte}");
                    }
                }
            }
        }
    }

    #[test]
    fn characters_are_decoded_as_soon_as_they_are_whole() {
        check("é".as_bytes(), Ok(Decoded::Char('é', 2)));
        check("日本".as_bytes(), Ok(Decoded::Char('日', 3)));
        check("🎭".as_bytes(), Ok(Decoded::Char('🎭', 4)));
        check(&[0xf0, 0x9f, 0x8e], Ok(Decoded::Partial));
        check(&[0xe6], Ok(Decoded::Partial));
        check(&[0xe6, b'<'], Err(Fault::InvalidUtf8));
        check(&[0xc0, 0x80], Err(Fault::InvalidUtf8));
        check(&[0xff], Err(Fault::InvalidUtf8));
        check(&[0xed, 0xa0], Err(Fault::InvalidUtf8));
        check(&[0xc3, 0xa9, 0xff], Ok(Decoded::Char('é', 2)));
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<Decoded, Fault>) {
        assert_eq!(decode(bytes), expected, "{bytes:x?}");
    }
}
