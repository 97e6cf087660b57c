//! `cargo xtask interop`: suites and servers that others wrote, to test ours and our tests.
//!
//! What differs stands in a page of `docs/interop`, each difference with its reason; a difference that does not stand
//! there fails the run.

mod page;
mod results;
mod smack;

use anyhow::{Result, bail};

use crate::{
    machine::{self, Tool},
    process::{self, Tests},
    steps::Outcome,
    workspace::Workspace,
};

/// Runs the suite that the command line names; `false` when something failed.
///
/// # Errors
///
/// When there is no such suite, or it can't run.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<bool> {
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tests = match names.as_slice() {
        ["smack"] => {
            machine::provide(workspace, &[Tool::C, Tool::Java, Tool::Maven], &[])?;
            smack::run(workspace)?
        }
        ["prosody"] => prosody(workspace)?,
        _ => bail!("`interop` takes one of smack, prosody"),
    };
    println!("{} passed, {} failed", tests.passed, tests.failed);
    Ok(tests.failed == 0)
}

/// Smack's suite as a step, which is skipped where it can't be had.
///
/// # Errors
///
/// When the suite or the server can't be started, or the suite does not come to its end.
pub(crate) fn step(workspace: &Workspace) -> Result<Outcome> {
    for (tool, name) in [(Tool::Java, "Java"), (Tool::Maven, "Maven")] {
        if !tool.is_there() {
            return Ok(Outcome::Skipped(format!("{name} is not installed")));
        }
    }
    if let Err(error) = smack::fetch(workspace) {
        eprintln!("{error:#}");
        return Ok(Outcome::Skipped(
            "Maven can't get the suite from Maven Central".to_owned(),
        ));
    }
    Ok(Outcome::Tests(smack::run(workspace)?))
}

/// Plays our transcripts on Debian's Prosody.
fn prosody(workspace: &Workspace) -> Result<Tests> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "couplet", "--test", "transcripts"]);
    cargo.args(["--", "--ignored", "--nocapture", "prosody"]);
    process::tests(&mut cargo)
}
