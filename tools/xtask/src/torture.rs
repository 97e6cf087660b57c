//! `cargo xtask torture`: the no-loss test over real sockets and processes, for as long as it is asked for.
//!
//! The test itself is the one of the suite (`crates/server/tests/it/torture`), which reads how much to do from its
//! environment.

use anyhow::{Result, bail};

use crate::{process, workspace::Workspace};

/// The test's name.
const TEST: &str = "torture::nothing_acknowledged_is_lost_and_nothing_comes_twice";

/// What can be said, with the variable the test reads, and what it is unless said otherwise.
const OPTIONS: &[(&str, &str, Option<&str>)] = &[
    ("--messages", "COUPLET_TORTURE_MESSAGES", Some("50000")),
    ("--kills", "COUPLET_TORTURE_KILLS", Some("100")),
    ("--restarts", "COUPLET_TORTURE_RESTARTS", Some("20")),
    ("--seed", "COUPLET_SEED", None),
    ("--binary", "COUPLET_TORTURE_BINARY", None),
];

/// Runs it.
///
/// # Errors
///
/// When something was promised and not kept, which the test names with its seed; or when an option is not known.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "couplet", "--test", "it"]);
    cargo.args(["--", "--exact", "--nocapture", TEST]);
    for (variable, value) in variables(arguments)? {
        cargo.env(variable, value);
    }
    process::run(&mut cargo)
}

fn variables(arguments: &[String]) -> Result<Vec<(&'static str, String)>> {
    let defaults = OPTIONS.iter().filter_map(|(_, variable, default)| {
        let default = default.as_ref()?;
        Some((*variable, (*default).to_owned()))
    });
    let mut variables: Vec<_> = defaults.collect();
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let known = OPTIONS.iter().find(|(name, ..)| name == option);
        let (Some((_, variable, _)), Some(value)) = (known, arguments.next()) else {
            let names: Vec<&str> = OPTIONS.iter().map(|(name, ..)| *name).collect();
            bail!(
                "{option:?} is no option with a value; there are {}",
                names.join(", ")
            );
        };
        // The test runs elsewhere.
        let value = match *option == "--binary" {
            true => std::fs::canonicalize(value)?.display().to_string(),
            false => value.clone(),
        };
        variables.push((variable, value));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_after_what_is_so_otherwise() {
        let said = ["--kills", "3"].map(str::to_owned);
        let variables = variables(&said).unwrap();
        assert_eq!(
            variables.last(),
            Some(&("COUPLET_TORTURE_KILLS", "3".to_owned()))
        );
        assert!(super::variables(&["--kills".to_owned()]).is_err());
        assert!(super::variables(&["--nonsense".to_owned(), "1".to_owned()]).is_err());
    }
}
