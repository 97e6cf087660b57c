//! The order of batches, and what became of them.

use std::fmt;

/// The place of a batch in the order of all batches of this store since it was opened. `Seq(0)` is nothing to wait for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Seq(pub u64);

impl Seq {
    /// Nothing to wait for: its gate is always [`Gate::Durable`].
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gate {
    /// It waits to be written, or is being written.
    Pending,
    /// It is on disk, as durable as the store is set to be.
    Durable,
    /// It was not stored and never will be. Nothing of it is visible.
    Failed,
}
