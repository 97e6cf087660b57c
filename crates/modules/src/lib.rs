//! The features of Couplet: one folder each, and one line in the list.

use engine::module::Entry;

/// Every feature. Removing a line removes the feature.
pub const ALL: &[Entry] = &[];
