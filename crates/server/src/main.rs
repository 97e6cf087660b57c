//! The `couplet` binary: configuration, assembly, signals and the command line.
//!
//! | file | what |
//! | --- | --- |
//! | `cli.rs` | the command line as a type |
//! | `config/` | the configuration file |
//! | `serve.rs` | the life of a serving process: start, reload, stop |
//! | `assembly.rs` | from a configuration to a running engine; the same for offline commands |
//! | `admin/` | commands for the running server, over a socket in the data folder |
//! | `data_folder.rs`, `certificates.rs`, `first_start.rs` | what a start finds or makes |
//! | `failure.rs` | what went wrong, in one sentence, and the exit code |

mod admin;
mod assembly;
mod certificates;
mod cli;
mod config;
mod data_folder;
mod failure;
mod features;
mod first_start;
mod logging;
mod password;
mod secret;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
