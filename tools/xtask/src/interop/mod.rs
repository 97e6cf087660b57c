//! `cargo xtask interop`: suites and servers that others wrote, to test ours and our tests.
//!
//! What differs stands in a page of `docs/interop`, each difference with its reason; a difference that does not stand
//! there fails the run.

mod page;
mod results;
mod smack;

pub(crate) use smack::{NEEDS as SMACK_NEEDS, step as smack_step};

use anyhow::{Result, bail};

use crate::{
    machine,
    process::{self, Tests},
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
            machine::provide(workspace, &SMACK_NEEDS, &[])?;
            smack::run(workspace, smack::Which::All)?
        }
        ["prosody"] => prosody(workspace)?,
        _ => bail!("`interop` takes one of smack, prosody"),
    };
    println!("{} passed, {} failed", tests.passed, tests.failed);
    Ok(tests.failed == 0)
}

/// Plays our transcripts on Debian's Prosody.
fn prosody(workspace: &Workspace) -> Result<Tests> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "couplet", "--test", "transcripts"]);
    cargo.args(["--", "--ignored", "--nocapture", "prosody"]);
    process::tests(&mut cargo)
}
