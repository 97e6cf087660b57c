//! The tape: what the scanner leaves behind about an element, as offsets into its bytes.

/// A worker's reusable memory for scanning. Keep one per worker and lend it to every
/// [`Scanner::receive`](crate::Scanner::receive); what it holds between calls means nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) bytes: Vec<u8>,
}

/// Offsets of the elements of one document or child.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {}
