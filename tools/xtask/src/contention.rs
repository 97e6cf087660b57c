//! Whether two workers carry twice what one does: `cargo xtask contention`.
//!
//! It takes time, and so it is no test of the suite: run it on a machine with two idle cores.

use anyhow::{Context, Result, bail};

use crate::{process, workspace::Workspace};

/// What two workers must carry, as a multiple of what one does.
const TIMES_MIN: f64 = 1.7;
const ROUNDS: usize = 5;

/// Alternates one worker and two and compares medians.
///
/// # Errors
///
/// When two carry too little, or the program does not run.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    process::run(workspace.cargo().args([
        "build",
        "--quiet",
        "--release",
        "--package",
        "modules",
        "--example",
        "inprocess",
    ]))?;
    let program = workspace.target().join("release/examples/inprocess");
    let (mut by_time, mut by_processor) = (Vec::new(), Vec::new());
    println!(
        "messages/s    one worker          two    times    times, of the processor time they got"
    );
    for _ in 0..ROUNDS {
        let carried = |workers: &str| -> Result<Carried> {
            let mut command = workspace.command(&program);
            let printed = process::output(command.args(["contention", workers]))?;
            Carried::read(&printed).with_context(|| format!("it printed {printed:?}"))
        };
        let (one, two) = (carried("1")?, carried("2")?);
        let times = two.per_second / one.per_second;
        // Somebody else on the machine takes processor time from two workers sooner than from one.
        let times_of_processor = 2.0 * two.per_processor_second / one.per_processor_second;
        println!(
            "{:>24.0} {:>12.0} {times:>8.2} {times_of_processor:>8.2}",
            one.per_second, two.per_second
        );
        by_time.push(times);
        by_processor.push(times_of_processor);
    }
    let (times, times_of_processor) = (median(by_time), median(by_processor));
    println!(
        "median {times:.2}, of the processor time {times_of_processor:.2} (at least {TIMES_MIN})"
    );
    if times < TIMES_MIN {
        bail!("two workers carry {times:.2} times what one does, which is less than {TIMES_MIN}");
    }
    Ok(())
}

/// How fast a run was.
#[derive(Debug, PartialEq)]
struct Carried {
    per_second: f64,
    per_processor_second: f64,
}

impl Carried {
    /// Reads `MESSAGES NANOSECONDS PROCESSOR_NANOSECONDS`.
    fn read(printed: &str) -> Option<Self> {
        let mut numbers = printed.split_whitespace().map(str::parse::<f64>);
        let mut next = || numbers.next()?.ok().filter(|number| *number > 0.0);
        let (messages, nanos, processor_nanos) = (next()?, next()?, next()?);
        Some(Self {
            per_second: messages / nanos * 1e9,
            per_processor_second: messages / processor_nanos * 1e9,
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_prints_is_read() {
        let carried = Carried::read("1000 500000000 1000000000\n");
        let expected = Carried {
            per_second: 2000.0,
            per_processor_second: 1000.0,
        };
        assert_eq!(carried, Some(expected));
        assert_eq!(Carried::read("1000 0 1"), None);
        assert_eq!(Carried::read("nothing"), None);
    }
}
