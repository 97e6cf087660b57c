//! Escaping: how text and attribute values are written so that they are read back as they were.

/// Appends `text` as character data. `\r`, which a parser would turn into `\n`, goes as a reference
/// ([XML §2.11](https://www.w3.org/TR/xml/#sec-line-ends)); characters that XML can't hold become U+FFFD.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    let _ = (text, out);
}
/// Appends `value` to stand between quotes of either kind. Tabs and line ends, which a parser would turn into
/// spaces, go as references ([XML §3.3.3](https://www.w3.org/TR/xml/#AVNormalize)).
pub fn escape_attr(value: &str, out: &mut Vec<u8>) {
    let _ = (value, out);
}
