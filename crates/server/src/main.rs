//! The `couplet` binary: configuration, assembly, signals and the command line.
//!
//! | file | what |
//! | --- | --- |
//! | `cli/` | the command line: what the binary itself does, and every command of the engine |
//! | `check/` | what would keep a server from working, and what to do about it |
//! | `config/` | the configuration file |
//! | `serve.rs` | the life of a serving process: start and stop |
//! | `reload.rs` | what changes while it runs |
//! | `assembly.rs` | from a configuration to a running engine; the same for offline commands |
//! | `admin/` | commands for the running server, over a socket in the data folder |
//! | `metrics.rs` | the page that monitoring reads |
//! | `data_folder.rs`, `certificates.rs`, `first_start.rs` | what a start finds or makes |
//! | `expiry.rs` | certificates that expire soon |
//! | `failure.rs` | what went wrong, in one sentence, and the exit code |

mod admin;
mod assembly;
mod certificates;
mod check;
mod cli;
mod config;
mod data_folder;
mod expiry;
mod failure;
mod features;
mod first_start;
mod logging;
mod metrics;
mod password;
mod reload;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let line = cli::parse();
    let json = line.json();
    match line.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
