//! How long the parts of an address may be.

/// The most bytes of UTF-8 one part may have, as given and as prepared, [RFC 7622 §3.1]. What is longer
/// is no address: [`JidError::TooLong`](crate::JidError::TooLong).
///
/// [RFC 7622 §3.1]: https://www.rfc-editor.org/rfc/rfc7622#section-3.1
pub const PART_BYTES_MAX: usize = 1023;

/// The most bytes a whole address may have: three full parts, `@` and `/`. Offsets into it fit a `u16`.
pub const JID_BYTES_MAX: usize = 3 * PART_BYTES_MAX + 2;
