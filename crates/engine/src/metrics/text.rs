//! The text that monitoring reads, OpenMetrics 1.0.0.

use std::fmt::{Display, Write};

/// What an HTTP response with the text calls itself.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The names of our own metrics begin with it.
const PREFIX: &str = "couplet_";

/// Names that are the same for every program, and so have no prefix of ours.
const COMMON: &str = "process_";

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
    /// A fact told by its labels; its value is 1.
    Info,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }
}

/// The text, family by family.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Begins a family. Its name gets the project's prefix; with a unit it has to end in it. Each may be there once.
    pub fn family(&mut self, name: &str, kind: Kind, unit: &str, help: &str) -> Family<'_> {
        let prefix = if name.starts_with(COMMON) { "" } else { PREFIX };
        let name = format!("{prefix}{name}");
        debug_assert!(
            unit.is_empty() || name.ends_with(&format!("_{unit}")),
            "{name} does not end in its unit, {unit}"
        );
        self.line(format_args!("# TYPE {name} {}", kind.name()));
        if !unit.is_empty() {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
        self.line(format_args!("# HELP {name} {}.", escaped(help)));
        Family {
            out: self,
            name,
            kind,
        }
    }

    /// The whole text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.text.push_str("# EOF\n");
        self.text
    }

    fn line(&mut self, line: impl Display) {
        // Writing into a text does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// One family being written.
#[derive(Debug)]
pub struct Family<'a> {
    out: &'a mut Exposition,
    name: String,
    kind: Kind,
}

impl Family<'_> {
    /// A sample with its labels. The same labels may be there once.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let suffix = self.kind.suffix();
        self.out
            .line(format_args!("{}{suffix}{labels} {value}", self.name));
        self
    }

    /// A bucket of a histogram: how many observations were not above `bound`.
    pub(super) fn bucket(&mut self, bound: &str, count: u64) {
        self.out.line(format_args!(
            "{}_bucket{{le=\"{bound}\"}} {count}",
            self.name
        ));
    }

    /// Another part of a histogram.
    pub(super) fn part(&mut self, suffix: &str, value: impl Display) {
        self.out.line(format_args!("{}{suffix} {value}", self.name));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Counter, Histogram, Metrics},
        *,
    };

    static DOORS: Counter =
        Counter::new("doors", "Doors that moved").by(&["how"], &[&["opened"], &["closed"]]);
    static WAITS: Histogram =
        Histogram::of_seconds("wait_seconds", "How long it took", &[1_000_000, 5_000_000]);
    static SIZES: Histogram = Histogram::of_counts("size", "How many at once", &[1, 10]);

    #[test]
    fn families_are_written_as_the_specification_has_them() {
        let metrics = Metrics::default();
        metrics.count_at(&DOORS, 0);
        metrics.observe(&WAITS, 1_000_000);
        metrics.observe(&WAITS, 2_000_000);
        metrics.observe(&WAITS, 500_000_000);
        metrics.observe(&SIZES, 7);
        let mut out = Exposition::default();
        metrics.write_counter(&DOORS, &mut out);
        metrics.write_histogram(&WAITS, &mut out);
        metrics.write_histogram(&SIZES, &mut out);
        out.family("build", Kind::Info, "", "Which it is")
            .sample(&[("version", "a\"b\\c\nd")], 1);
        out.family("process_open_fds", Kind::Gauge, "", "Open files")
            .sample(&[], 3);
        assert_eq!(
            out.finish(),
            r#"# TYPE couplet_doors counter
# HELP couplet_doors Doors that moved.
couplet_doors_total{how="opened"} 1
couplet_doors_total{how="closed"} 0
# TYPE couplet_wait_seconds histogram
# UNIT couplet_wait_seconds seconds
# HELP couplet_wait_seconds How long it took.
couplet_wait_seconds_bucket{le="0.001"} 1
couplet_wait_seconds_bucket{le="0.005"} 2
couplet_wait_seconds_bucket{le="+Inf"} 3
couplet_wait_seconds_count 3
couplet_wait_seconds_sum 0.503
# TYPE couplet_size histogram
# HELP couplet_size How many at once.
couplet_size_bucket{le="1.0"} 0
couplet_size_bucket{le="10.0"} 1
couplet_size_bucket{le="+Inf"} 1
couplet_size_count 1
couplet_size_sum 7
# TYPE couplet_build info
# HELP couplet_build Which it is.
couplet_build_info{version="a\"b\\c\nd"} 1
# TYPE process_open_fds gauge
# HELP process_open_fds Open files.
process_open_fds 3
# EOF
"#
        );
    }
}
