//! Running programs: with their output shown, taken, or filtered down to what deserves a look.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Runs a program to its end, its output going where ours goes.
///
/// # Errors
///
/// When it can't be started or does not succeed; the error names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("can't start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a program and gives what it printed.
///
/// # Errors
///
/// When it can't be started or does not succeed; the error has what it wrote to its error output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("can't start {}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} ended with {}\n{}",
            shown(command),
            output.status,
            said.trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", shown(command)))
}

/// How many tests a run of test programs passed and failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tests {
    /// Tests that ran and passed.
    pub(crate) passed: u64,
    /// Tests that failed; 1 when the run failed without naming one, as when it does not compile.
    pub(crate) failed: u64,
}

/// Runs `cargo test`, shows all but the tests that pass, and counts.
///
/// # Errors
///
/// When the command can't be started or its output can't be read. Failing tests are a count.
pub(crate) fn tests(command: &mut Command) -> Result<Tests> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("can't start {}", shown(command)))?;
    let output = child.stdout.take().context("the output was asked for")?;
    let mut tests = Tests::default();
    let mut blank = true;
    for line in BufReader::new(output).lines() {
        let line = line.with_context(|| format!("{} printed no UTF-8", shown(command)))?;
        tests.count(&line);
        if is_worth_showing(&line) && !(blank && line.is_empty()) {
            println!("{line}");
            blank = line.is_empty();
        }
    }
    let status = child.wait()?;
    if !status.success() && tests.failed == 0 {
        tests.failed = 1;
    }
    Ok(tests)
}

impl Tests {
    /// Adds what a closing line of a test program says: `test result: ok. 3 passed; 0 failed; ...`.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = result.split_once(". ").map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            match count.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
}

fn is_worth_showing(line: &str) -> bool {
    let passed = line.starts_with("test ") && line.ends_with(" ... ok");
    let announced =
        line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test"));
    !passed && !announced && !line.starts_with("test result: ok.")
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    if let Some(name) = text.rsplit('/').next() {
        text = name.to_owned();
    }
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            12,
            0,
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out",
            3,
            2,
        );
        check("test closing_lines_are_counted ... ok", 0, 0);
        check("12 passed", 0, 0);
    }

    #[test]
    fn only_what_passed_is_hidden() {
        assert!(!is_worth_showing("test a::b ... ok"));
        assert!(!is_worth_showing("running 12 tests"));
        assert!(is_worth_showing("test a::b ... FAILED"));
        assert!(is_worth_showing("test result: FAILED. 3 passed; 2 failed"));
        assert!(is_worth_showing("assertion `left == right` failed"));
    }

    #[track_caller]
    fn check(line: &str, passed: u64, failed: u64) {
        let mut tests = Tests::default();
        tests.count(line);
        assert_eq!(tests, Tests { passed, failed }, "{line}");
    }
}
