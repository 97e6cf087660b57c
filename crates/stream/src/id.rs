//! Ids of streams.

use std::fmt;

/// The `id` of a stream header, [RFC 6120 §4.7.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.7.3): unique and,
/// at the start of a connection, unguessable. Each restart counts on from there.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct StreamId(u128);

impl StreamId {
    /// An id made of 16 random bytes.
    pub fn from_bytes(random: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(random))
    }

    /// The id of the stream that follows on the same connection.
    pub(crate) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
