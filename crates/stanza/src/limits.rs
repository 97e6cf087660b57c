//! What has a bound in this crate.
//!
//! The size of a stanza, its depth and its attributes are bounded by the scanner, before anything here sees it.

/// Items that one page of a result may hold, whatever is asked for ([`crate::rsm`]). Prosody's archive has 50;
/// clients that sync a long absence ask for 100 to 250.
pub const PAGE_ITEMS_MAX: u32 = 250;

/// Fields that a form, a row of its results or its header may have. The largest in use is the configuration of a
/// pubsub node, with about 40.
pub const FORM_FIELDS_MAX: usize = 256;

/// Values or options that one field may have: lists of members of a room come as such fields.
pub const FORM_VALUES_MAX: usize = 10_000;
