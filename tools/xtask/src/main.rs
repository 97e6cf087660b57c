//! The project's build scripting: `cargo xtask COMMAND`.
//!
//! `test` is what a contributor runs before a change and what the build machine runs after it. Everything a shell
//! script would do elsewhere is a module here, so that it is typed, tested and the same on every machine.

mod book;
mod clients;
mod clock;
mod contention;
mod dist;
mod flame;
mod fuzz;
mod interop;
mod machine;
mod metadata;
mod perf;
mod process;
mod restart;
mod server;
mod specs;
mod steps;
mod test;
mod tidy;
mod torture;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  test [STEP...] [--keep-going]   run all steps, or those named; stop at the first that fails unless told otherwise
  test --list                     name the steps
  STEP                            the same as `test STEP`
  perf-check [--bless]            count what the server's work costs and compare, or make this the new figures
  perf-check --features           count what each feature costs and write it into docs/performance.md
  contention                      whether two workers carry nearly twice what one does; takes half a minute
  torture [--messages N] [--kills N] [--restarts N] [--seed N] [--binary PATH]
                                  the long no-loss test: clients that chat while the server is killed again and again
  restart [--sessions N] [--binary PATH]
                                  `couplet restart` under many sessions; nobody may see a resumed one change
  flame SCENARIO...               put the server under load, as `load SCENARIO...` does, and draw where its time goes
  interop smack                   run all of Smack's integration tests, also those that can fail by themselves
  interop prosody                 play the transcripts on the machine's Prosody; takes five minutes
  specs                           write SPECS.md from what the modules declare
  book                            write docs/admin/keys.md and commands.md from what the server declares
  dist                            build the binary as it is released, run it in an empty root folder, print where it is
  deb [--version V] [--try]       build the Debian package; install, upgrade and remove it on a clean system
  help                            this text
";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says; `false` when steps ran and one failed.
fn run() -> Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let workspace = Workspace::find()?;
    match command {
        "test" => return test::run(&workspace, rest),
        "perf-check" => perf::command(&workspace, rest)?,
        "contention" => contention::run(&workspace)?,
        "restart" => restart::run(&workspace, rest)?,
        "torture" => torture::run(&workspace, rest)?,
        "flame" => flame::run(&workspace, rest)?,
        "interop" => return interop::command(&workspace, rest),
        "specs" => specs::write(&workspace)?,
        "book" => book::write(&workspace)?,
        "dist" => dist::command(&workspace)?,
        "deb" => dist::deb_command(&workspace, rest)?,
        "help" | "--help" | "-h" => print!("{HELP}"),
        step if test::is_step(step) => return test::run(&workspace, &arguments),
        unknown => bail!("there is no command {unknown:?}\n\n{HELP}"),
    }
    Ok(true)
}
