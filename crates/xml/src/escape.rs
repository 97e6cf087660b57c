//! Escaping: how text and attribute values are written so that they are read back as they were.

/// Appends `text` as character data.
///
/// `\r`, which a parser would turn into `\n`, goes as a reference
/// ([XML §2.11](https://www.w3.org/TR/xml/#sec-line-ends)); characters that XML can't hold become U+FFFD.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        0..=8 | 11 | 12 | 14..=31 => Some("\u{fffd}"),
        _ => None,
    });
}

/// Appends `value` to stand between quotes of either kind.
///
/// Tabs and line ends, which a parser would turn into spaces, go as references
/// ([XML §3.3.3](https://www.w3.org/TR/xml/#AVNormalize)); characters that XML can't hold become U+FFFD.
pub fn escape_attr(value: &str, out: &mut Vec<u8>) {
    if !needs_escape(value) {
        return out.extend_from_slice(value.as_bytes());
    }
    escape(value, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        0..=8 | 11 | 12 | 14..=31 => Some("\u{fffd}"),
        _ => None,
    });
}

/// Whether a value has a byte that [`escape_attr`] might replace. Looks at all of them without a branch, which costs
/// a fraction of looking for the first: nearly all values need no escape.
fn needs_escape(value: &str) -> bool {
    value.bytes().fold(false, |found, byte| {
        found | matches!(byte, 0..=31 | b'&' | b'<' | b'>' | b'\'' | b'"' | 0xef)
    })
}

#[inline]
fn escape(text: &str, out: &mut Vec<u8>, replacement: impl Fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        // U+FFFE and U+FFFF are EF BF BE and EF BF BF.
        let (instead, len) =
            if byte == 0xef && matches!(bytes.get(at + 1..at + 3), Some([0xbf, 0xbe | 0xbf])) {
                ("\u{fffd}", 3)
            } else if let Some(instead) = replacement(byte) {
                (instead, 1)
            } else {
                continue;
            };
        out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
        out.extend_from_slice(instead.as_bytes());
        done = at + len;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
}
