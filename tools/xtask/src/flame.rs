//! Where the server's time goes: `cargo xtask flame SCENARIO...` puts the binary under load and draws a flame graph.
//!
//! What follows `flame` is what `load` takes, such as `messages --pairs 50 --window 16`. `perf` samples the server, and
//! inferno draws; it is installed below the target folder when it is first needed. It is no dependency: it would be
//! built with every use of this tool, and its licence is not one of those that the project takes in.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use anyhow::{Context, Result, bail};

use crate::{
    machine::{self, Tool},
    process,
    server::{Build, Setup, TestServer},
    workspace::Workspace,
};

/// The version of inferno that is installed.
const INFERNO: &str = "0.12.8";

/// Samples per second: no divisor of what timers do.
const FREQUENCY: &str = "499";

/// Makes the picture and prints where it is.
///
/// # Errors
///
/// When a program that it needs is missing or fails.
pub(crate) fn run(workspace: &Workspace, scenario: &[String]) -> Result<()> {
    let Some(name) = scenario.first() else {
        bail!("usage: cargo xtask flame SCENARIO..., as `load` takes it: messages --pairs 50");
    };
    machine::provide(workspace, &[Tool::C, Tool::Perf], &[])?;
    let inferno = inferno(workspace)?;
    process::run(
        workspace
            .cargo()
            .args(["build", "--quiet", "--release", "--package", "load"]),
    )?;
    let folder = workspace.target().join("flame");
    let server = TestServer::start_as(
        workspace,
        &folder.join("server"),
        &Setup::of(Build::Release),
    )?;
    let samples = folder.join("perf.data");
    let recorded = record(workspace, &server, scenario, &samples);
    let stopped = server.stop();
    recorded?;
    stopped?;
    let picture = folder.join(format!("{name}.svg"));
    draw(workspace, &inferno, &samples, &picture)?;
    println!("{}", picture.display());
    Ok(())
}

/// Samples the server while `load` does the scenario.
fn record(
    workspace: &Workspace,
    server: &TestServer,
    scenario: &[String],
    samples: &Path,
) -> Result<()> {
    let load = || {
        let mut load = workspace.command(workspace.target().join("release/load"));
        load.args(["--address", &format!("127.0.0.1:{}", server.tls_port)])
            .args(["--pid", &server.id().to_string()]);
        load
    };
    process::run(load().args(["register", "--count", "200"]))?;
    let mut perf = workspace.command("perf");
    perf.args([
        "record",
        "--quiet",
        "--call-graph",
        "dwarf,16384",
        "--freq",
        FREQUENCY,
    ])
    .args(["--pid", &server.id().to_string(), "--output"])
    .arg(samples);
    let recording = perf.spawn().context("can't start perf")?;
    let done = process::run(load().args(scenario));
    interrupt(recording)?;
    done
}

/// perf writes what it has when it is interrupted.
fn interrupt(mut recording: Child) -> Result<()> {
    process::run(Command::new("kill").args(["-INT", &recording.id().to_string()]))?;
    recording.wait()?;
    Ok(())
}

fn draw(workspace: &Workspace, inferno: &Path, samples: &Path, picture: &Path) -> Result<()> {
    let (script, folded) = (
        samples.with_extension("script"),
        samples.with_extension("folded"),
    );
    let into = |command: &mut Command, file: &Path| -> Result<()> {
        process::run(command.stdout(File::create(file)?))
    };
    let mut perf = workspace.command("perf");
    into(
        perf.args(["script", "--no-inline", "--input"]).arg(samples),
        &script,
    )?;
    let mut collapse = workspace.command(inferno.join("inferno-collapse-perf"));
    into(collapse.arg(&script), &folded)?;
    let mut graph = workspace.command(inferno.join("inferno-flamegraph"));
    into(graph.arg(&folded), picture)
}

/// The folder with inferno's programs.
fn inferno(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target().join("inferno");
    let programs = root.join("bin");
    if !programs.join("inferno-flamegraph").exists() {
        fs::create_dir_all(&root)?;
        let mut cargo = workspace.cargo();
        cargo
            .args([
                "install",
                "inferno",
                "--locked",
                "--version",
                INFERNO,
                "--root",
            ])
            .arg(&root);
        process::run(&mut cargo)?;
    }
    Ok(programs)
}
