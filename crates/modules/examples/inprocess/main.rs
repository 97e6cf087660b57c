//! The work of the server in this process, without sockets, so that it can be counted.
//!
//! `inprocess CASE ROUNDS` does one case so many times; `cargo xtask perf-check` runs it under callgrind and compares
//! what a round costs with the committed figures. It prints nothing and measures nothing by itself.

mod cases;
mod world;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [case, rounds] => rounds.parse().is_ok_and(|rounds| cases::run(case, rounds)),
        _ => false,
    };
    if done {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "usage: inprocess CASE ROUNDS, where CASE is one of {:?}",
        cases::NAMES
    );
    ExitCode::FAILURE
}
