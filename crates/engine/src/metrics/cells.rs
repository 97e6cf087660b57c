//! Where one server's counts are kept: lines of cells, one line per thread.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use super::{Counter, Exposition, Histogram, Kind, thread};

/// Cells in a line: a counter takes one for each of its label values, a histogram one per bucket and one for the sum.
/// Declarations are `static`, so how many are needed is known when the server is built; a test holds that they fit.
pub(super) const CELLS: usize = 512;

/// Threads that have a line of their own. Threads beyond share one, at the price of a locked instruction.
const LINES: usize = 128;

/// The counts of one server.
pub struct Metrics {
    own: Box<[OnceLock<Box<Line>>]>,
    shared: Line,
}

/// The counts of one thread, on cache lines of their own.
#[repr(align(128))]
struct Line([AtomicU64; CELLS]);

impl Line {
    fn new() -> Self {
        Self([const { AtomicU64::new(0) }; CELLS])
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            own: std::iter::repeat_with(OnceLock::new).take(LINES).collect(),
            shared: Line::new(),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Counts one.
    pub fn count(&self, counter: &Counter) {
        self.count_at(counter, 0);
    }

    /// Counts one under the label values at `index`. Gives how many this thread has counted there.
    pub fn count_at(&self, counter: &Counter, index: usize) -> u64 {
        self.add(counter.cell(index), 1)
    }

    /// Adds an observation, in the unit of the histogram's bounds.
    pub fn observe(&self, histogram: &Histogram, value: u64) {
        self.add(histogram.bucket_of(value), 1);
        self.add(histogram.sum_cell(), value);
    }

    /// What was counted under the label values at `index`, by all threads.
    #[must_use]
    pub fn counted(&self, counter: &Counter, index: usize) -> u64 {
        self.read(counter.cell(index))
    }

    /// Writes a counter with all its label values.
    pub fn write_counter(&self, counter: &Counter, out: &mut Exposition) {
        let mut family = out.family(counter.name, Kind::Counter, "", counter.help);
        for (index, labels) in counter.label_sets().enumerate() {
            family.sample(&labels, self.read(counter.cell(index)));
        }
    }

    /// Writes a histogram.
    pub fn write_histogram(&self, histogram: &Histogram, out: &mut Exposition) {
        let buckets: Vec<u64> = histogram.buckets().map(|cell| self.read(cell)).collect();
        let sum = self.read(histogram.sum_cell());
        histogram.write(&buckets, sum, out);
    }

    #[inline]
    fn add(&self, cell: usize, count: u64) -> u64 {
        let line = thread::number().and_then(|number| self.own.get(number));
        let Some(line) = line else {
            let Some(cell) = self.shared.0.get(cell) else {
                return 0;
            };
            return cell.fetch_add(count, Ordering::Relaxed) + count;
        };
        let line = line.get_or_init(|| Box::new(Line::new()));
        let Some(cell) = line.0.get(cell) else {
            return 0;
        };
        // Nobody else writes this line, so that load and store can't lose anything.
        let value = cell.load(Ordering::Relaxed).wrapping_add(count);
        cell.store(value, Ordering::Relaxed);
        value
    }

    fn read(&self, cell: usize) -> u64 {
        let own = self.own.iter().filter_map(OnceLock::get);
        own.map(|line| &**line)
            .chain([&self.shared])
            .filter_map(|line| line.0.get(cell))
            .map(|cell| cell.load(Ordering::Relaxed))
            .sum()
    }
}

/// The cells a declaration has, the same ones in every server of this process; taken when it is first used.
#[derive(Debug)]
pub(super) struct Cells(OnceLock<usize>);

impl Cells {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The first of `count` cells.
    #[inline]
    pub(super) fn first(&self, count: usize) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        *self
            .0
            .get_or_init(|| NEXT.fetch_add(count, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    static SEEN: Counter = Counter::new("seen", "For this test");

    #[test]
    fn what_threads_count_adds_up_also_when_they_are_gone() {
        let metrics = Arc::new(Metrics::default());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let metrics = metrics.clone();
                thread::spawn(move || (0..1_000).for_each(|_| metrics.count(&SEEN)))
            })
            .collect();
        for thread in threads {
            thread.join().expect("it ends");
        }
        metrics.count(&SEEN);
        assert_eq!(metrics.counted(&SEEN, 0), 8_001);
        let other = Metrics::default();
        assert_eq!(
            other.counted(&SEEN, 0),
            0,
            "another server counts by itself"
        );
    }

    #[test]
    fn more_threads_than_lines_lose_nothing() {
        let metrics = Metrics {
            own: Box::default(),
            shared: Line::new(),
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000).for_each(|_| metrics.count(&SEEN)));
            }
        });
        assert_eq!(metrics.counted(&SEEN, 0), 4_000);
    }
}
