//! Session marks: one bit a feature keeps per session.
//!
//! A mark has a stable name, declared in `wire`, under which it is stored with the session: it survives what the
//! session survives.

use smallvec::SmallVec;

/// A bit that a feature sets on a session: this resource asked for carbons.
pub trait SessionMark: 'static {
    /// The stable name it is stored under: `feature.word`. No other mark has it.
    const NAME: &'static str;
}

/// The marks of one session, by name.
#[derive(Clone, Debug, Default)]
pub struct Marks(SmallVec<[&'static str; 2]>);

impl Marks {
    /// Whether `M` is set.
    #[must_use]
    pub fn has<M: SessionMark>(&self) -> bool {
        self.0.contains(&M::NAME)
    }

    /// Sets `M`; setting it twice is no error. Whether that changed anything.
    pub fn set<M: SessionMark>(&mut self) -> bool {
        let is_new = !self.has::<M>();
        if is_new {
            self.0.push(M::NAME);
        }
        is_new
    }

    /// The names of those that are set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    /// Sets one of this name, which a feature has declared.
    pub(crate) fn restore(&mut self, name: &'static str) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    /// Clears `M`. Whether that changed anything.
    pub fn clear<M: SessionMark>(&mut self) -> bool {
        let before = self.0.len();
        self.0.retain(|mark| *mark != M::NAME);
        self.0.len() != before
    }
}
