//! Puts an XMPP server under load and says what that costs it: `load SCENARIO`, see `README.md`.
//!
//! | file | what |
//! | --- | --- |
//! | `target.rs`, `accounts.rs` | which server, and who signs in |
//! | `wire.rs`, `tls.rs` | a connection without its protocol |
//! | `client/` | a stream, from connecting to being available |
//! | `scenario/` | what is done |
//! | `watch.rs`, `process.rs`, `histogram.rs` | what is measured |
//! | `report.rs` | what is said of it |
//! | `relay.rs` | the floor: what no server can do without |
//! | `plan.rs` | a scenario as a file |
//! | `restart.rs` | a server that is restarted under many sessions |
//! | `alternate.rs` | servers that run already, side by side |
//! | `compare/`, `servers/` | servers that the tool starts, side by side |
//! | `results.rs`, `figures.rs`, `page/` | what many runs say together |
//!
//! It runs on one thread, so that it can be bound to a core and its own share be told.

mod accounts;
mod alternate;
mod client;
mod clock;
mod compare;
mod figures;
mod histogram;
mod limits;
mod page;
mod plan;
mod process;
mod random;
mod relay;
mod report;
mod restart;
mod results;
mod scenario;
mod servers;
mod target;
#[cfg(test)]
mod tests;
mod tls;
mod watch;
mod wire;

use std::{path::PathBuf, process::ExitCode, rc::Rc};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
use tokio::{runtime, task::LocalSet};

use crate::{
    alternate::Alternate,
    client::Client,
    compare::Compare,
    page::Page,
    plan::Plan,
    relay::Relay,
    restart::Restart,
    scenario::{Scenario, gather},
    target::ServerArgs,
};

/// Puts an XMPP server under load and says what that costs it.
#[derive(Debug, Parser)]
#[command(name = "load", args_override_self = true)]
struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON, one line.
    #[arg(long, global = true)]
    json: bool,
    /// Make the rosters and archives first that the scenario needs.
    #[arg(long, global = true)]
    prepare: bool,
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
    /// Do what a file of `tools/load/scenarios` says. Options after it replace those of the file.
    Run {
        /// The file.
        file: PathBuf,
        /// Options, as on the command line of the scenario.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Be the floor: join connections in pairs and look at nothing. Prints where it listens.
    Relay {
        /// Without TLS; 0 is any port that is free.
        #[arg(long, default_value_t = 0)]
        plain_port: u16,
        /// With TLS.
        #[arg(long, default_value_t = 0)]
        tls_port: u16,
    },
    /// Have a server restarted under many sessions, and look what their contacts see of it.
    Restart(Restart),
    /// Do the same to several servers that run already and the relay in turn, and print medians and ratios.
    Alternate(Alternate),
    /// Start Couplet, its peers and the relay, run scenarios against them in turn, and write a page.
    Compare(Compare),
    /// Write the page anew from kept results, without running anything.
    Page(Page),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    limits::raise();
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
            Command::Scenario(scenario) => return once(cli, scenario).await,
            Command::Run { file, options } => {
                let mut arguments = Plan::read(file)?.arguments()?;
                arguments.extend_from_slice(options);
                let inside = Cli::try_parse_from(arguments)?;
                let Command::Scenario(scenario) = &inside.command else {
                    bail!("{} names no scenario", file.display());
                };
                return once(&inside, scenario).await;
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
            Command::Relay {
                plain_port,
                tls_port,
            } => {
                let relay = Relay::bind("127.0.0.1", *plain_port, *tls_port).await?;
                println!("{}", serde_json::to_string(&relay.place()?)?);
                relay.serve().await?;
            }
            Command::Restart(restart) => {
                let target = Rc::new(cli.server.target("server")?);
                let outcome = restart.run(target).await?;
                match cli.json {
                    true => println!("{}", serde_json::to_string(&outcome)?),
                    false => println!("{outcome}"),
                }
                return Ok(outcome.is_good());
            }
            Command::Alternate(alternate) => return alternate.run(&cli.server, cli.json).await,
            Command::Compare(compare) => return compare.run(&cli.server).await,
            Command::Page(page) => page.write()?,
        }
        Ok(true)
    })
}

/// Runs one scenario against a server that runs already; `false` when something failed.
async fn once(cli: &Cli, scenario: &Scenario) -> Result<bool> {
    let target = Rc::new(cli.server.target("server")?);
    if cli.prepare {
        scenario.prepare(&target).await?;
    }
    let report = scenario.run(&target).await?;
    match cli.json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => println!("{report}"),
    }
    Ok(report.failures.is_empty())
}
