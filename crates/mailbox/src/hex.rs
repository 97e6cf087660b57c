//! Numbers as hexadecimal digits, for ids that go along with every message: without formatting and without memory.

/// Calls `with` with the digits of `bytes`, two each.
pub(crate) fn with_digits<const N: usize, R>(bytes: [u8; N], with: impl FnOnce(&str) -> R) -> R {
    let digit = |half: u8| match half {
        0..=9 => b'0' + half,
        _ => b'a' - 10 + half,
    };
    let digits = bytes.map(|byte| [byte >> 4, byte & 15].map(digit));
    with(std::str::from_utf8(digits.as_flattened()).expect("digits are ASCII"))
}
