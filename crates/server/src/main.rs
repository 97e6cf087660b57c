//! The `couplet` binary: configuration, assembly, signals and the command line.
//!
//! | file | what |
//! | --- | --- |
//! | `cli/` | the command line: what the binary itself does, and every command of the engine |
//! | `check/` | what would keep a server from working, and what to do about it |
//! | `config/` | the configuration file |
//! | `book/` | the man page, completions, and pages of the operator's book, made of the two above |
//! | `serve.rs`, `signals.rs` | the life of a serving process: start and stop |
//! | `listeners.rs` | what is listened on |
//! | `restart.rs` | going on as another program |
//! | `reload.rs` | what changes while it runs |
//! | `assembly.rs` | from a configuration to a running engine; the same for offline commands |
//! | `admin/` | commands for the running server, over a socket in the data folder |
//! | `metrics.rs` | the page that monitoring reads |
//! | `data_folder.rs`, `certificates.rs`, `first_start.rs` | what a start finds or makes |
//! | `backup.rs` | a copy of all that must survive, while the server runs |
//! | `service_manager.rs` | telling systemd how the server stands |
//! | `expiry.rs` | certificates that expire soon |
//! | `failure.rs` | what went wrong, in one sentence, and the exit code |

mod admin;
mod assembly;
mod backup;
mod book;
mod certificates;
mod check;
mod cli;
mod config;
mod data_folder;
mod expiry;
mod failure;
mod features;
mod first_start;
mod listeners;
mod logging;
mod metrics;
mod password;
mod reload;
mod restart;
mod serve;
mod service_manager;
mod signals;

use std::process::ExitCode;

fn main() -> ExitCode {
    let line = cli::parse();
    let json = line.json();
    match line.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}
