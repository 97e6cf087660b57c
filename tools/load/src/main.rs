//! Puts an XMPP server under load and says what that costs it: `load SCENARIO`, see `README.md`.
//!
//! | file | what |
//! | --- | --- |
//! | `target.rs`, `accounts.rs` | which server, and who signs in |
//! | `wire.rs`, `tls.rs` | a connection without its protocol |
//! | `client/` | a stream, from connecting to being available |
//! | `scenario/` | what is done |
//! | `watch.rs`, `process.rs`, `histogram.rs` | what is measured |
//! | `report.rs`, `compare.rs` | what is said of it |
//! | `relay.rs` | the floor: what no server can do without |
//!
//! It runs on one thread, so that it can be bound to a core and its own share be told.

mod accounts;
mod client;
mod clock;
mod compare;
mod histogram;
mod process;
mod random;
mod relay;
mod report;
mod scenario;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod watch;
mod wire;

use std::{process::ExitCode, rc::Rc};

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::{runtime, task::LocalSet};

use crate::{
    client::Client,
    compare::Compare,
    relay::Relay,
    scenario::{Scenario, gather},
    target::ServerArgs,
};

/// Puts an XMPP server under load and says what that costs it.
#[derive(Debug, Parser)]
#[command(name = "load")]
struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON, one line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Make accounts by in-band registration.
    Register {
        /// How many.
        #[arg(long)]
        count: u32,
    },
    /// Print the addresses of accounts, one a line, for a server's own way to make them.
    Accounts {
        /// How many.
        #[arg(long)]
        count: u32,
    },
    /// Be the floor: join connections in pairs and look at nothing. Prints where it listens.
    Relay,
    /// Do the same to several servers and the relay in turn, and print medians and ratios.
    Compare(Compare),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line says; `false` when the server failed under it.
fn run(cli: &Cli) -> Result<bool> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async {
        match &cli.command {
            Command::Scenario(scenario) => {
                let target = Rc::new(cli.server.target("server")?);
                let report = scenario.run(&target).await?;
                match cli.json {
                    true => println!("{}", serde_json::to_string(&report)?),
                    false => println!("{report}"),
                }
                return Ok(report.failures.is_empty());
            }
            Command::Register { count } => {
                let target = Rc::new(cli.server.target("server")?);
                let make = move |place| {
                    let target = Rc::clone(&target);
                    async move { Client::register(&target, place).await }
                };
                gather(*count, 8, make).await?;
            }
            Command::Accounts { count } => {
                let target = cli.server.target("server")?;
                for place in 0..*count {
                    println!("{}", target.accounts.address(place));
                }
            }
            Command::Relay => {
                let relay = Relay::bind("127.0.0.1").await?;
                println!("{}", serde_json::to_string(&relay.place()?)?);
                relay.serve().await?;
            }
            Command::Compare(compare) => return compare.run(&cli.server, cli.json).await,
        }
        Ok(true)
    })
}
