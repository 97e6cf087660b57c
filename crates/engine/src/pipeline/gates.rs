//! What a frame or a stanza on its way waits for.

use store::Seq;

/// Two batches: one it comes after, and one it rests on.
///
/// A frame is not written before `after` is settled, whatever became of it: that keeps order. If
/// `needs` failed, what the frame says is not so: it is dropped, or told as an error.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Gates {
    /// Settled first.
    pub after: Seq,
    /// Durable, or this is void.
    pub needs: Seq,
}

impl Gates {
    /// Nothing to wait for.
    pub const OPEN: Self = Self {
        after: Seq::NONE,
        needs: Seq::NONE,
    };

    /// Behind `seq`, but true without it.
    #[must_use]
    pub const fn after(seq: Seq) -> Self {
        Self {
            after: seq,
            needs: Seq::NONE,
        }
    }

    /// True only with `seq`.
    #[must_use]
    pub const fn on(seq: Seq) -> Self {
        Self {
            after: seq,
            needs: seq,
        }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            after: self.after.max(other.after),
            needs: self.needs.max(other.needs),
        }
    }
}
