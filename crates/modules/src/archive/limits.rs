//! Every bound of this folder, with what happens at it.

/// Results in a page when the client names no number. What it names counts up to
/// [`PAGE_ITEMS_MAX`](stanza::limits::PAGE_ITEMS_MAX).
pub(super) const PAGE_ITEMS_DEFAULT: u32 = 50;

/// Bytes of text in a page. The result that reaches it is the page's last, and the client asks for the next page.
pub(super) const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Messages that one query may ask for by their ids. Past it, it is refused with `resource-constraint`.
pub(super) const IDS_MAX: usize = 250;

/// Addresses in a user's preferences, on both lists together. Past it, they are refused with `resource-constraint`.
pub(super) const PREFERENCES_MAX: usize = 1_000;
