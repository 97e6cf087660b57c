//! Moments right after which a server may die: they are counted, so that a run can be told after which one.

/// How often each has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moments {
    /// A disk has written a group of batches.
    pub commits: usize,
    /// Something with an acknowledgement in it was written to a client.
    pub acknowledgements: usize,
    /// Something was written to a client.
    pub writes: usize,
}

/// One moment, counted from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// After so many commits.
    Commit(usize),
    /// After so many writes with acknowledgements.
    Acknowledgement(usize),
    /// After so many writes.
    Write(usize),
}

impl Moments {
    pub(super) fn wrote(&mut self, bytes: &[u8]) {
        self.writes += usize::from(!bytes.is_empty());
        let has_acknowledgement = bytes.windows(ACK.len()).any(|window| window == ACK);
        self.acknowledgements += usize::from(has_acknowledgement);
    }

    /// Whether `moment`, counted from `begun`, has come.
    #[must_use]
    pub fn have_reached(&self, moment: Moment, begun: &Self) -> bool {
        match moment {
            Moment::Commit(number) => self.commits - begun.commits >= number,
            Moment::Acknowledgement(number) => {
                self.acknowledgements - begun.acknowledgements >= number
            }
            Moment::Write(number) => self.writes - begun.writes >= number,
        }
    }

    /// Every moment between `begun` and this.
    pub fn since(&self, begun: &Self) -> impl Iterator<Item = Moment> + use<> {
        let commits = 1..=self.commits - begun.commits;
        let acknowledgements = 1..=self.acknowledgements - begun.acknowledgements;
        let writes = 1..=self.writes - begun.writes;
        commits
            .map(Moment::Commit)
            .chain(acknowledgements.map(Moment::Acknowledgement))
            .chain(writes.map(Moment::Write))
    }
}

/// How an acknowledgement begins.
const ACK: &[u8] = b"<a ";
