//! Bounds of what a sign-in may carry. What an operator may set is in [`C2sSettings`](crate::C2sSettings).

/// How many bytes are kept of what a client says of its software and of its device. The rest is cut off.
pub const USER_AGENT_TEXT_BYTES_MAX: usize = 128;

/// How many elements of others an `<authenticate/>` may have. With more it is `malformed-request`. Their bytes are
/// bounded with the element's.
pub const INLINE_ELEMENTS_MAX: usize = 32;

/// The offers of one host whose version is remembered, some kilobytes each; a version beyond them is made each time it is
/// needed.
pub(crate) const OFFERS_MAX: usize = 16;
