//! The steps of `cargo xtask test`, in their order: what a change can break most cheaply comes first.

use std::process::Command;

use anyhow::Result;

use crate::{
    clients, fuzz, interop,
    machine::Tool,
    perf,
    process::{self, Tests},
    tidy,
    workspace::Workspace,
};

/// How the paths of tests begin that a step of their own runs, because what they print is worth a look.
const TRANSCRIPTS: &str = "transcripts_";
const SIMULATION: &str = "simulation::";

/// The package that builds some of the server's files with loom's locks and atomics.
const LOOM_MANIFEST: &str = "loom/Cargo.toml";

/// The crates whose documentation has examples that are run. Elsewhere an example is a test.
const WITH_EXAMPLES: [&str; 4] = ["xml", "jid", "stanza", "engine"];

/// One step.
pub(crate) struct Step {
    /// How it is called on the command line.
    pub(crate) name: &'static str,
    /// What it checks, in a phrase.
    pub(crate) what: &'static str,
    /// Programs it can't do without.
    pub(crate) needs: &'static [Tool],
    /// Programs without which it does less.
    pub(crate) wants: &'static [Tool],
    /// Does it.
    pub(crate) run: fn(&Workspace) -> Result<Outcome>,
}

/// How a step ended that did not fail.
pub(crate) enum Outcome {
    /// Nothing to say.
    Passed,
    /// With a remark for the table.
    PassedWith(String),
    /// It ran tests; some may have failed.
    Tests(Tests),
    /// There was nothing to do, and why.
    Skipped(String),
}

/// All steps.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "the code is formatted",
        needs: &[],
        wants: &[],
        run: fmt,
    },
    Step {
        name: "clippy",
        what: "no warning, in any target",
        needs: &[Tool::C],
        wants: &[],
        run: clippy,
    },
    Step {
        name: "tests",
        what: "unit and integration tests of all crates",
        needs: &[Tool::C],
        wants: &[Tool::Strace],
        run: tests,
    },
    Step {
        name: "transcripts",
        what: "the protocol, as written down beside the features",
        needs: &[Tool::C],
        wants: &[],
        run: transcripts,
    },
    Step {
        name: "simulation",
        what: "the whole server with many users, from seeds, with faults",
        needs: &[Tool::C],
        wants: &[],
        run: simulation,
    },
    Step {
        name: "doctests",
        what: "the examples in the documentation",
        needs: &[Tool::C],
        wants: &[],
        run: doctests,
    },
    Step {
        name: "tidy",
        what: "what the compiler can't see: edges between crates, features, licences, words",
        needs: &[Tool::C, Tool::Git],
        wants: &[],
        run: tidy,
    },
    Step {
        name: "docs",
        what: "the documentation builds, and its links lead somewhere",
        needs: &[Tool::C],
        wants: &[],
        run: docs,
    },
    Step {
        name: "perf-check",
        what: "what the server's work costs, in instructions and allocations",
        needs: &[Tool::C, Tool::Valgrind],
        wants: &[],
        run: perf::step,
    },
    Step {
        name: "loom",
        what: "where threads meet, under every interleaving",
        needs: &[Tool::C],
        wants: &[],
        run: interleavings,
    },
    Step {
        name: "fuzz",
        what: "half a minute of hostile input per target",
        needs: &[Tool::C, Tool::Cxx],
        wants: &[],
        run: fuzz::smoke,
    },
    Step {
        name: "clients",
        what: "clients that people use, against the binary, over TCP and TLS",
        needs: &[Tool::C, Tool::Python, Tool::Node, Tool::Npm],
        wants: &[],
        run: clients::run,
    },
    Step {
        name: "smack",
        what: "the integration tests of a client library in Java, but for those that fail by themselves",
        needs: &interop::SMACK_NEEDS,
        wants: &[],
        run: interop::smack_step,
    },
];

fn fmt(workspace: &Workspace) -> Result<Outcome> {
    process::run(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in ["fuzz/Cargo.toml", LOOM_MANIFEST] {
        if workspace.root().join(manifest).exists() {
            process::run(
                workspace
                    .cargo()
                    .args(["fmt", "--manifest-path", manifest, "--check"]),
            )?;
        }
    }
    Ok(Outcome::Passed)
}

fn clippy(workspace: &Workspace) -> Result<Outcome> {
    process::run(workspace.cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Outcome::Passed)
}

fn tests(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = test_programs(workspace);
    cargo.args(["--skip", TRANSCRIPTS, "--skip", SIMULATION]);
    Ok(Outcome::Tests(process::tests(&mut cargo)?))
}

fn transcripts(workspace: &Workspace) -> Result<Outcome> {
    tests_of(workspace, TRANSCRIPTS)
}

fn simulation(workspace: &Workspace) -> Result<Outcome> {
    tests_of(workspace, SIMULATION)
}

/// Runs the tests whose paths have `part`, and shows what they print.
fn tests_of(workspace: &Workspace, part: &str) -> Result<Outcome> {
    let tests = process::tests(test_programs(workspace).args([part, "--show-output"]))?;
    if tests == Tests::default() {
        return Ok(Outcome::Skipped(format!("no test is called `{part}...`")));
    }
    Ok(Outcome::Tests(tests))
}

/// All test programs; what is added goes to each of them. The steps name the same ones, so they are built once.
fn test_programs(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--workspace",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
        "--",
    ]);
    cargo
}

fn doctests(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--doc", "--no-fail-fast"]);
    for name in WITH_EXAMPLES {
        cargo.args(["--package", name]);
    }
    Ok(Outcome::Tests(process::tests(&mut cargo)?))
}

fn tidy(workspace: &Workspace) -> Result<Outcome> {
    tidy::run(workspace)?;
    Ok(Outcome::Passed)
}

fn docs(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["doc", "--quiet", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    process::run(&mut cargo)?;
    Ok(Outcome::Passed)
}

/// Optimised, because each test runs some ten thousand times.
fn interleavings(workspace: &Workspace) -> Result<Outcome> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "test",
        "--release",
        "--lib",
        "--manifest-path",
        LOOM_MANIFEST,
    ]);
    Ok(Outcome::Tests(process::tests(&mut cargo)?))
}
