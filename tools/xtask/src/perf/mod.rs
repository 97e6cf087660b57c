//! What the server's work costs, counted: `cargo xtask perf-check`.
//!
//! Instructions and allocations do not depend on how busy the machine is, so they can be compared with committed
//! figures, and a change that makes one worse is seen when it is made. Nothing here is timed.

mod baseline;
mod callgrind;
mod cases;
mod features;

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Context, Result, bail};

use self::{
    baseline::Baseline,
    cases::{CASES, Case, RATIOS},
};
use crate::{
    machine::{self, Tool},
    process,
    steps::Outcome,
    workspace::Workspace,
};

/// How much more instructions may be than the figure says: compilers lay out the same source in more than one way.
const TOLERANCE: f64 = 0.02;

/// What one unit of a case costs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// `cargo xtask perf-check [--bless | --features]`.
///
/// # Errors
///
/// When a figure got worse, or something can't be measured.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    machine::provide(workspace, &[Tool::C, Tool::Valgrind], &[])?;
    match arguments {
        [] => {
            step(workspace)?;
        }
        [bless] if bless == "--bless" => {
            let costs = measure_all(workspace)?;
            complain(over_allowance(&costs))?;
            Baseline::of(callgrind::environment()?, costs).write(&file(workspace))?;
            println!(
                "{} is written; say in the commit why",
                file(workspace).display()
            );
        }
        [features] if features == "--features" => features::write(workspace)?,
        _ => bail!("usage: cargo xtask perf-check [--bless | --features]"),
    }
    Ok(())
}

/// Measures and compares.
///
/// # Errors
///
/// As [`command`].
pub(crate) fn step(workspace: &Workspace) -> Result<Outcome> {
    let baseline = Baseline::read(&file(workspace))?;
    let costs = measure_all(workspace)?;
    // Another C library copies and allocates with other instructions, but not more often.
    let here = callgrind::environment()?;
    let is_same = here == baseline.environment;
    let mut complaints = over_allowance(&costs);
    complaints.extend(baseline.compare(&costs, is_same));
    complain(complaints)?;
    Ok(match is_same {
        true => Outcome::Passed,
        false => Outcome::PassedWith(format!(
            "instructions were not compared: here is {here}, the figures are of {}",
            baseline.environment
        )),
    })
}

fn file(workspace: &Workspace) -> PathBuf {
    workspace.root().join("tools/xtask/perf.baseline")
}

fn complain(complaints: Vec<String>) -> Result<()> {
    if !complaints.is_empty() {
        bail!(
            "{}\nIf it has to be so: `cargo xtask perf-check --bless`, and the reason in the commit.",
            complaints.join("\n")
        );
    }
    Ok(())
}

/// Builds the programs and runs every case, printing what each costs.
fn measure_all(workspace: &Workspace) -> Result<BTreeMap<&'static str, Cost>> {
    build(workspace, &cases::PROGRAMS)?;
    let mut costs = BTreeMap::new();
    println!(
        "{:<24} {:>14} {:>12}",
        "case", "instructions", "allocations"
    );
    for case in CASES {
        let cost = measure(workspace, case).with_context(|| case.name)?;
        println!(
            "{:<24} {:>14.1} {:>12.2}",
            case.name, cost.instructions, cost.allocations
        );
        costs.insert(case.name, cost);
    }
    Ok(costs)
}

/// Builds programs: package and example.
fn build(workspace: &Workspace, programs: &[(&str, &str)]) -> Result<()> {
    for (package, example) in programs {
        process::run(workspace.cargo().args([
            "build",
            "--quiet",
            "--release",
            "--package",
            package,
            "--example",
            example,
        ]))?;
    }
    Ok(())
}

/// What one unit more costs: a case is run with few and with many rounds, so that the start falls out.
fn measure(workspace: &Workspace, case: &Case) -> Result<Cost> {
    let program = workspace
        .target()
        .join("release/examples")
        .join(case.program);
    let folder = workspace.target().join("perf-check");
    let count = |rounds: u32| {
        callgrind::count(workspace, &program, case.argument, rounds, &folder)
            .with_context(|| format!("{rounds} rounds"))
    };
    let (few, many) = (count(case.rounds)?, count(2 * case.rounds)?);
    let units = f64::from(case.rounds) * case.units_per_round;
    let per_unit = |few: u64, many: u64| many.abs_diff(few) as f64 / units;
    Ok(Cost {
        instructions: per_unit(few.instructions, many.instructions),
        allocations: per_unit(few.allocations, many.allocations),
    })
}

/// What is more than the design allows, blessed or not.
fn over_allowance(costs: &BTreeMap<&'static str, Cost>) -> Vec<String> {
    let mut complaints = Vec::new();
    for case in CASES {
        let Some(cost) = costs.get(case.name) else {
            continue;
        };
        if cost.instructions > case.instructions_max {
            complaints.push(format!(
                "{}: {:.0} instructions, the design allows {:.0}",
                case.name, cost.instructions, case.instructions_max
            ));
        }
        if cost.allocations > case.allocations_max {
            complaints.push(format!(
                "{}: {:.2} allocations, the design allows {:.2}",
                case.name, cost.allocations, case.allocations_max
            ));
        }
    }
    let instructions = |name| {
        costs
            .get(name)
            .map_or(f64::NAN, |cost: &Cost| cost.instructions)
    };
    for ratio in RATIOS {
        let of = instructions(ratio.of) - ratio.without.map_or(0.0, instructions);
        let times = of / instructions(ratio.to);
        println!(
            "{} / {}: {times:.2} times (at most {})",
            ratio.of, ratio.to, ratio.most
        );
        if times.is_nan() || times > ratio.most {
            complaints.push(format!(
                "{} costs {times:.2} times {}, the design allows {}",
                ratio.of, ratio.to, ratio.most
            ));
        }
    }
    complaints
}
