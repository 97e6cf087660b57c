//! The command line: what the binary itself does is here, every other command comes from the engine's list
//! (`commands.rs`).

mod commands;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use engine::command::Outcome;

use self::commands::Asked;
use crate::{
    admin, backup, book, check,
    config::{Config, write_manual},
    failure::{EXIT_CODES, Exit, Failure},
    features::Known,
    serve,
};

/// The configuration files used when none is named: the first that is there.
const CONFIGS: [&str; 2] = ["couplet.toml", "/etc/couplet/couplet.toml"];

/// An XMPP server. Without a command, it serves.
#[derive(Debug, Parser)]
#[command(name = "couplet", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The configuration file [default: couplet.toml in this folder or else /etc/couplet/couplet.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until stopped by SIGINT or SIGTERM; SIGHUP reloads
    Serve,
    /// Look for whatever would keep a server from working, and say what to do about it
    Check {
        /// One part only
        #[command(subcommand)]
        part: Option<Check>,
    },
    /// Show the configuration
    #[command(subcommand)]
    Config(Show),
    /// Copy everything that must survive into a new folder, while the server runs or not
    Backup {
        /// where to; it must not exist yet, or be empty
        folder: PathBuf,
    },
    /// Print a script with which a shell completes the command line
    Completions {
        /// the shell
        shell: book::Shell,
    },
    /// Print the man page
    Man,
    /// Print a page of the operator's book, for whoever builds the server
    #[command(hide = true)]
    Book {
        /// which one
        page: book::Page,
    },
}

#[derive(Debug, Subcommand)]
enum Check {
    /// Check the configuration file and the certificates it names
    Config,
}

#[derive(Debug, Subcommand)]
enum Show {
    /// Print the configuration in force for the next start, defaults included
    Show,
    /// Print every key with its documentation and default, as a file to begin with
    Default,
}

/// A command line that was understood.
pub(crate) enum Line {
    /// What the binary itself does.
    Own(Cli),
    /// A command for the server, running or not.
    Asked {
        config: Option<PathBuf>,
        json: bool,
        command: Asked,
    },
}

/// The whole command line.
fn whole() -> clap::Command {
    commands::add_all(Cli::command())
}

/// Reads the command line; ends the process with a message when it is not understood.
pub(crate) fn parse() -> Line {
    let matches = whole().get_matches();
    match commands::find(&matches) {
        Some(command) => Line::Asked {
            config: matches.get_one("config").cloned(),
            json: matches.get_flag("json"),
            command,
        },
        None => match Cli::from_arg_matches(&matches) {
            Ok(cli) => Line::Own(cli),
            Err(error) => error.exit(),
        },
    }
}

impl Line {
    /// Whether the answer shall be JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Own(cli) => cli.json,
            Self::Asked { json, .. } => *json,
        }
    }

    /// Does what was asked.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Own(cli) => cli.run(),
            Self::Asked {
                config,
                json,
                command,
            } => {
                let config = load(config)?;
                let print = |outcome: &Outcome| print_or_end(outcome, json);
                let outcome = admin::ask(&config, command.entry, command.arguments()?, print)?;
                print(&outcome);
                Ok(())
            }
        }
    }
}

/// Prints what a command said. Whoever reads it and has gone has seen enough: then the process ends.
fn print_or_end(outcome: &Outcome, json: bool) {
    let mut out = io::stdout();
    let printed = match json {
        true => writeln!(out, "{}", outcome.data),
        false => write!(out, "{}", outcome.text),
    };
    if printed.and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The file that is named, or the first that is where files are looked for, if there is one.
fn file_to_read(file: Option<PathBuf>) -> Option<PathBuf> {
    file.or_else(|| {
        let mut places = CONFIGS.iter().map(Path::new);
        places.find(|file| file.exists()).map(Path::to_owned)
    })
}

/// Reads the file that is named, or the first that is where files are looked for, or none.
fn load(file: Option<PathBuf>) -> Result<Config, Failure> {
    let file = file_to_read(file);
    Config::load(file.as_deref(), &Known).map_err(|error| Failure::new(Exit::Config, error))
}

impl Cli {
    fn run(self) -> Result<(), Failure> {
        match self.command {
            None | Some(Command::Serve) => serve::run(load(self.config)?),
            Some(Command::Check { part: None }) => check_all(self.config, self.json),
            Some(Command::Check {
                part: Some(Check::Config),
            }) => check_config(&load(self.config)?, self.json),
            Some(Command::Config(Show::Show)) => show(&load(self.config)?, self.json),
            Some(Command::Config(Show::Default)) => {
                let config = Config::load(None, &Known)
                    .map_err(|error| Failure::new(Exit::Config, error))?;
                say(write_manual(&config, &Known, true).as_bytes())
            }
            Some(Command::Backup { folder }) => {
                let made = backup::make(&load(self.config)?, &folder)?;
                match self.json {
                    true => println!("{}", serde_json::json!(made)),
                    false => print!("{made}"),
                }
                Ok(())
            }
            Some(Command::Completions { shell }) => say(&book::completions(shell, &whole())),
            Some(Command::Man) => say(book::man(&whole()).as_bytes()),
            Some(Command::Book { page }) => say(book::page(page, &whole()).as_bytes()),
        }
    }
}

/// Writes a long text to standard output. Who reads only its beginning, as `head` does, wants no more.
fn say(text: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::refused(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells everything that was found; fails when something has to be mended first.
fn check_all(file: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let file = file_to_read(file);
    let report = check::run(file.as_deref(), Config::load(file.as_deref(), &Known));
    if json {
        let value = serde_json::to_value(&report).map_err(Failure::refused)?;
        println!("{value}");
    } else {
        print!("{report}");
    }
    report.outcome()
}

fn check_config(config: &Config, json: bool) -> Result<(), Failure> {
    serve::check(config)?;
    let place = config
        .file
        .as_deref()
        .map_or("no file, only defaults".to_owned(), |file| {
            file.display().to_string()
        });
    if json {
        println!("{}", serde_json::json!({ "ok": { "config": place } }));
    } else {
        println!("The configuration is good ({place}).");
    }
    Ok(())
}

fn show(config: &Config, json: bool) -> Result<(), Failure> {
    let text = write_manual(config, &Known, false);
    if json {
        let value: serde_json::Value = toml::from_str(&text).map_err(Failure::refused)?;
        println!("{value}");
    } else {
        print!("{text}");
    }
    Ok(())
}
