//! The fuzz step: every target of `fuzz/` runs for a while, from its committed corpus.
//!
//! libFuzzer needs the coverage counters of LLVM. They are switched on with code generation flags that stable Rust
//! has, so that no nightly toolchain and no `cargo-fuzz` is needed. There is no address sanitizer on stable; our code
//! has no `unsafe`, so what is looked for are panics, failed assertions and time.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{process, steps::Outcome, workspace::Workspace};

/// How long each target runs; `COUPLET_FUZZ_SECONDS` overrides it.
const SECONDS: u64 = 30;

const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 \
    --cfg fuzzing";

/// How many lines of a failed target's log are shown.
const LOG_LINES_SHOWN: usize = 40;

const MANIFEST: &str = "fuzz/Cargo.toml";

/// Builds and runs all targets, as many at a time as there are cores.
///
/// # Errors
///
/// When one does not build or finds something; the text says which input to look at.
pub(crate) fn smoke(workspace: &Workspace) -> Result<Outcome> {
    if !workspace.root().join(MANIFEST).exists() {
        return Ok(Outcome::Skipped(format!("there is no {MANIFEST}")));
    }
    let targets = targets(workspace)?;
    let folder = build(workspace)?;
    let seconds = env::var("COUPLET_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SECONDS);
    let cores = std::thread::available_parallelism()?.get();
    let mut executions = 0;
    for batch in targets.chunks(cores) {
        let started = batch
            .iter()
            .map(|name| Run::start(workspace, &folder, name, seconds))
            .collect::<Result<Vec<_>>>()?;
        // All of a batch are waited for, also when the first of them found something.
        let ended: Vec<Result<u64>> = started.into_iter().map(Run::end).collect();
        for result in ended {
            executions += result?;
        }
    }
    Ok(Outcome::PassedWith(format!(
        "{} targets, {executions} executions",
        targets.len()
    )))
}

#[derive(Deserialize)]
struct Manifests {
    packages: Vec<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--manifest-path",
        MANIFEST,
    ]);
    let manifests: Manifests = serde_json::from_str(&process::output(&mut cargo)?)?;
    let targets = manifests
        .packages
        .into_iter()
        .flat_map(|package| package.targets);
    Ok(targets
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| target.name)
        .collect())
}

/// Gives the folder of the built targets.
///
/// With `--target`, the flags reach what runs in the fuzzer and spare build scripts and macros, which would not link.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let version = process::output(workspace.command("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?
        .to_owned();
    let mut cargo = workspace.cargo();
    cargo.args([
        "build",
        "--release",
        "--bins",
        "--manifest-path",
        MANIFEST,
        "--target",
        &host,
    ]);
    cargo.env("RUSTFLAGS", FLAGS);
    process::run(&mut cargo)?;
    Ok(workspace.target().join(host).join("release"))
}

/// One target at work.
struct Run {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Run {
    fn start(workspace: &Workspace, binaries: &Path, name: &str, seconds: u64) -> Result<Self> {
        let folder = workspace.target().join("fuzz-runs").join(name);
        let found = folder.join("found");
        fs::create_dir_all(&found)?;
        let log = folder.join("log");
        let file = File::create(&log)?;
        let mut command: Command = workspace.command(binaries.join(name));
        command
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/", folder.display()))
            // The first folder takes what is new; the committed one is only read.
            .arg(&found)
            // What failed is said before the backtrace, which would push it out of what is shown.
            .env("RUST_BACKTRACE", "0")
            .stdout(file.try_clone()?)
            .stderr(file);
        let corpus = workspace.root().join("fuzz/corpus").join(name);
        if corpus.is_dir() {
            command.arg(corpus);
        }
        let child = command
            .spawn()
            .with_context(|| format!("can't start {}", process::shown(&command)))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
        })
    }

    /// How often the target was called.
    fn end(mut self) -> Result<u64> {
        let status = self.child.wait()?;
        let log = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        if !status.success() {
            let lines: Vec<&str> = log.lines().collect();
            let start = lines.len().saturating_sub(LOG_LINES_SHOWN);
            println!("{}", lines.get(start..).unwrap_or_default().join("\n"));
            bail!(
                "the fuzz target {} ended with {status}; the input is beside {}: run the target with it, then add it \
                 to fuzz/corpus/{} with the correction",
                self.name,
                self.log.display(),
                self.name
            );
        }
        let executions = executions(&log);
        println!("{}: {executions} executions", self.name);
        Ok(executions)
    }
}

fn executions(log: &str) -> u64 {
    log.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_final_statistics() {
        assert_eq!(
            executions("Done\nstat::number_of_executed_units: 4711\nstat::x: 1\n"),
            4711
        );
        assert_eq!(executions("#2 INITED"), 0);
    }
}
