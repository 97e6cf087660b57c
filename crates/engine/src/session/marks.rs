//! Session marks: one bit a feature keeps per session.
//!
//! A mark has a stable name, declared in `wire`, so that it can be stored with the session and
//! survives what the session survives.

use std::any::TypeId;

use smallvec::SmallVec;

/// A bit that a feature sets on a session: this resource asked for carbons.
pub trait SessionMark: 'static {
    /// The stable name it is stored under: `feature.word`.
    const NAME: &'static str;
}

/// The marks of one session.
#[derive(Clone, Debug, Default)]
pub struct Marks(SmallVec<[TypeId; 2]>);

impl Marks {
    /// Whether `M` is set.
    #[must_use]
    pub fn has<M: SessionMark>(&self) -> bool {
        self.0.contains(&TypeId::of::<M>())
    }

    /// Sets `M`; setting it twice is no error.
    pub fn set<M: SessionMark>(&mut self) {
        if !self.has::<M>() {
            self.0.push(TypeId::of::<M>());
        }
    }

    /// Clears `M`.
    pub fn clear<M: SessionMark>(&mut self) {
        self.0.retain(|mark| *mark != TypeId::of::<M>());
    }
}
