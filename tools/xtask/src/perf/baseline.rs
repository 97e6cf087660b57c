//! The committed figures: a table that people can read in a change, `perf.baseline`.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

use super::{Cost, TOLERANCE};

const HEADING: &str = "\
# What the server's work costs, per unit: `cargo xtask perf-check` compares, `--bless` rewrites.
";

/// The figures, and what they were counted with.
#[derive(Debug, PartialEq)]
pub(super) struct Baseline {
    pub(super) environment: String,
    costs: BTreeMap<String, Cost>,
}

impl Baseline {
    pub(super) fn of(environment: String, costs: BTreeMap<&'static str, Cost>) -> Self {
        let costs = costs
            .into_iter()
            .map(|(name, cost)| (name.to_owned(), cost))
            .collect();
        Self { environment, costs }
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When it is not there or not what [`Baseline::write`] writes.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file)
            .with_context(|| format!("{} can't be read", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    /// Writes the file.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        fs::write(file, self.text()).with_context(|| format!("{} can't be written", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut environment = String::new();
        let mut costs = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(with) = line.strip_prefix("with ") {
                with.clone_into(&mut environment);
                continue;
            }
            let (rest, allocations) = last_word(line)?;
            let (name, instructions) = last_word(rest)?;
            let cost = Cost {
                instructions: instructions.parse()?,
                allocations: allocations.parse()?,
            };
            costs.insert(name.to_owned(), cost);
        }
        Ok(Self { environment, costs })
    }

    fn text(&self) -> String {
        let mut text = format!("{HEADING}with {}\n", self.environment);
        for (name, cost) in &self.costs {
            let Cost {
                instructions,
                allocations,
            } = cost;
            let _ = writeln!(text, "{name:<24} {instructions:>14.1} {allocations:>12.2}");
        }
        text
    }

    /// What got worse, and says on the way what got better.
    pub(super) fn compare(
        &self,
        costs: &BTreeMap<&'static str, Cost>,
        compares_instructions: bool,
    ) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, now) in costs {
            let Some(before) = self.costs.get(*name) else {
                complaints.push(format!("{name} has no figure yet"));
                continue;
            };
            let more = now.instructions / before.instructions - 1.0;
            if compares_instructions && now.instructions > before.instructions * (1.0 + TOLERANCE) {
                complaints.push(format!(
                    "{name}: {:.1} instructions, were {:.1}: {:+.1} %",
                    now.instructions,
                    before.instructions,
                    100.0 * more
                ));
            }
            if hundredths(now.allocations) > hundredths(before.allocations) {
                complaints.push(format!(
                    "{name}: {:.2} allocations, were {:.2}",
                    now.allocations, before.allocations
                ));
            }
            let is_better = hundredths(now.allocations) < hundredths(before.allocations)
                || (compares_instructions && more < -TOLERANCE);
            if is_better {
                println!(
                    "{name} got better ({:.1} instructions, {:.2} allocations before): bless it",
                    before.instructions, before.allocations
                );
            }
        }
        complaints
    }
}

/// A name may have spaces; the figures behind it have none.
fn last_word(line: &str) -> Result<(&str, &str)> {
    let (rest, word) = line
        .rsplit_once(char::is_whitespace)
        .with_context(|| format!("{line:?} is no figure"))?;
    Ok((rest.trim_end(), word))
}

/// As many digits as the file has.
fn hundredths(allocations: f64) -> i64 {
    (allocations * 100.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let baseline = baseline("scan: mix", 100.0, 3.0);
        assert_eq!(Baseline::parse(&baseline.text()).unwrap(), baseline);
    }

    #[test]
    fn a_figure_may_vary_a_little_and_allocations_not_at_all() {
        check(102.0, 3.0, true);
        check(90.0, 2.0, true);
        check(102.1, 3.0, false);
        check(100.0, 3.01, false);
    }

    #[test]
    fn elsewhere_only_allocations_count() {
        let costs = costs(200.0, 3.0);
        assert!(
            baseline("message", 100.0, 3.0)
                .compare(&costs, false)
                .is_empty()
        );
        assert_eq!(
            baseline("message", 100.0, 2.0).compare(&costs, false).len(),
            1
        );
    }

    #[test]
    fn a_case_without_a_figure_is_a_complaint() {
        assert_eq!(
            baseline("other", 1.0, 1.0).compare(&costs(1.0, 1.0), true),
            ["message has no figure yet"]
        );
    }

    #[track_caller]
    fn check(instructions: f64, allocations: f64, passes: bool) {
        let complaints =
            baseline("message", 100.0, 3.0).compare(&costs(instructions, allocations), true);
        assert_eq!(complaints.is_empty(), passes, "{complaints:?}");
    }

    fn baseline(name: &'static str, instructions: f64, allocations: f64) -> Baseline {
        let cost = Cost {
            instructions,
            allocations,
        };
        Baseline::of(
            "glibc-1 valgrind-2".to_owned(),
            BTreeMap::from([(name, cost)]),
        )
    }

    fn costs(instructions: f64, allocations: f64) -> BTreeMap<&'static str, Cost> {
        BTreeMap::from([(
            "message",
            Cost {
                instructions,
                allocations,
            },
        )])
    }
}
