//! What is counted, declared once.

use super::cells::Cells;

/// A number that only grows, one for each of its label values.
///
/// ```
/// use engine::metrics::{Counter, Metrics};
///
/// static DOORS: Counter = Counter::new("doors", "Doors that were moved").by(&["how"], &[&["opened"], &["closed"]]);
///
/// let metrics = Metrics::default();
/// metrics.count_at(&DOORS, 1);
/// assert_eq!(metrics.counted(&DOORS, 1), 1);
/// ```
#[derive(Debug)]
pub struct Counter {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    labels: &'static [&'static str],
    values: &'static [&'static [&'static str]],
    cells: Cells,
}

impl Counter {
    /// A counter without labels. `name` has neither the prefix nor `_total`; `help` is a phrase.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            labels: &[],
            values: &[&[]],
            cells: Cells::new(),
        }
    }

    /// Gives it labels, with all the values they can have together. What they are is known beforehand, so that counting
    /// looks nothing up and nobody can make the server remember more of them.
    #[must_use]
    pub const fn by(
        mut self,
        labels: &'static [&'static str],
        values: &'static [&'static [&'static str]],
    ) -> Self {
        self.labels = labels;
        self.values = values;
        self
    }

    /// Its name, with neither prefix nor `_total`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn cell(&self, index: usize) -> usize {
        let count = self.values.len();
        debug_assert!(index < count, "{} has {count} label values", self.name);
        self.cells.first(count) + index
    }

    /// Each set of labels with their values, in order.
    pub(super) fn label_sets(&self) -> impl Iterator<Item = Vec<(&'static str, &'static str)>> {
        let labels = self.labels;
        self.values.iter().map(move |values| {
            let labels = labels.iter().copied();
            labels.zip(values.iter().copied()).collect()
        })
    }
}
