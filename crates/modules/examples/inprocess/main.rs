//! The work of the server in this process, without sockets.
//!
//! `inprocess CASE ROUNDS` does one case so many times, to be counted: `cargo xtask perf-check` runs it under callgrind
//! and compares what a round costs with the committed figures. It prints nothing and measures nothing by itself.
//!
//! `inprocess contention WORKERS` lets so many threads carry messages and prints how many they carried, in how many
//! nanoseconds, and how many of those each thread had a processor: `cargo xtask contention` compares two with one.

mod cases;
mod contention;
mod login;
mod quiet;
mod talk;
mod world;

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [case, workers] if case == "contention" => workers.parse().is_ok_and(contention::run),
        [case, rounds] => rounds.parse().is_ok_and(|rounds| cases::run(case, rounds)),
        _ => false,
    };
    if done {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "usage: inprocess contention WORKERS, or CASE ROUNDS, where CASE is one of {:?}",
        cases::names().collect::<Vec<_>>()
    );
    ExitCode::FAILURE
}
