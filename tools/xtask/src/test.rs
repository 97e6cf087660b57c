//! `cargo xtask test`: the steps one after another, each timed, and a table at the end.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::{
    clock::Started,
    machine,
    steps::{Outcome, STEPS, Step},
    workspace::Workspace,
};

/// Whether a step is called that.
pub(crate) fn is_step(name: &str) -> bool {
    STEPS.iter().any(|step| step.name == name)
}

/// Runs the steps that the arguments name, or all. `false` when one failed.
///
/// # Errors
///
/// When the arguments make no sense.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<bool> {
    let order = Order::parse(arguments)?;
    if order.list {
        for step in STEPS {
            println!("{:12} {}", step.name, step.what);
        }
        return Ok(true);
    }
    let started = Started::now();
    let mut rows = Vec::new();
    for step in order.steps {
        let row = run_step(workspace, step);
        let failed = row.failed > 0;
        rows.push(row);
        if failed && !order.keep_going {
            break;
        }
    }
    report(&rows, started.elapsed());
    Ok(rows.iter().all(|row| row.failed == 0))
}

/// What to run and how.
struct Order {
    steps: Vec<&'static Step>,
    keep_going: bool,
    list: bool,
}

impl Order {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut order = Self {
            steps: Vec::new(),
            keep_going: false,
            list: false,
        };
        for argument in arguments {
            match argument.as_str() {
                "--keep-going" => order.keep_going = true,
                "--list" => order.list = true,
                name => match STEPS.iter().find(|step| step.name == name) {
                    Some(step) => order.steps.push(step),
                    None => {
                        bail!("there is no step {name:?}; `cargo xtask test --list` names them")
                    }
                },
            }
        }
        if order.steps.is_empty() {
            order.steps = STEPS.iter().collect();
        }
        Ok(order)
    }
}

/// One line of the table.
struct Row {
    name: &'static str,
    took: Duration,
    passed: u64,
    failed: u64,
    note: String,
}

fn run_step(workspace: &Workspace, step: &'static Step) -> Row {
    println!("== {}: {}", step.name, step.what);
    let started = Started::now();
    let outcome =
        machine::provide(workspace, step.needs, step.wants).and_then(|()| (step.run)(workspace));
    let took = started.elapsed();
    let (passed, failed, note) = match outcome {
        Ok(Outcome::Passed) => (1, 0, String::new()),
        Ok(Outcome::PassedWith(note)) => (1, 0, note),
        Ok(Outcome::Tests(tests)) => (
            tests.passed,
            tests.failed,
            format!("{} tests", tests.passed + tests.failed),
        ),
        Ok(Outcome::Skipped(why)) => (0, 0, format!("skipped: {why}")),
        Err(error) => {
            eprintln!("{error:#}");
            (0, 1, String::new())
        }
    };
    let word = if failed == 0 { "done" } else { "FAILED" };
    println!("== {} {word} in {:.1} s\n", step.name, took.as_secs_f64());
    Row {
        name: step.name,
        took,
        passed,
        failed,
        note,
    }
}

fn report(rows: &[Row], took: Duration) {
    for row in rows {
        let word = match (row.passed, row.failed) {
            (0, 0) => "-",
            (_, 0) => "ok",
            _ => "FAILED",
        };
        let line = format!(
            "{:12} {word:7} {:7.1} s  {}",
            row.name,
            row.took.as_secs_f64(),
            row.note
        );
        println!("{}", line.trim_end());
    }
    println!("{:12} {:7} {:7.1} s", "all", "", took.as_secs_f64());
    let passed: u64 = rows.iter().map(|row| row.passed).sum();
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    println!("{passed} passed, {failed} failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_all_steps_run_and_the_first_failure_ends_it() {
        let order = Order::parse(&[]).unwrap();
        assert_eq!(order.steps.len(), STEPS.len());
        assert!(!order.keep_going);
    }

    #[test]
    fn named_steps_run_in_the_order_named() {
        let order = Order::parse(&[
            "tidy".to_owned(),
            "--keep-going".to_owned(),
            "fmt".to_owned(),
        ])
        .unwrap();
        assert_eq!(
            order.steps.iter().map(|step| step.name).collect::<Vec<_>>(),
            ["tidy", "fmt"]
        );
        assert!(order.keep_going);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(Order::parse(&["tidi".to_owned()]).is_err());
    }
}
