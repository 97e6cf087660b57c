//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::{
    admin::{self, Request},
    config::{Config, write_manual},
    failure::{EXIT_CODES, Exit, Failure},
    features::Known,
    password, serve,
};

/// The configuration file used when none is named.
const CONFIG_HERE: &str = "couplet.toml";

/// An XMPP server. Without a command, it serves.
#[derive(Debug, Parser)]
#[command(name = "couplet", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The configuration file [default: couplet.toml in this folder, if there is one]
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
    /// Look for mistakes
    #[command(subcommand)]
    Check(Check),
    /// Show the configuration
    #[command(subcommand)]
    Config(Show),
    /// Make, change and list accounts
    #[command(subcommand)]
    User(User),
    /// Look at sessions
    #[command(subcommand)]
    Session(Session),
    /// Let the running server read its configuration and certificates anew
    Reload,
    /// Print the process id of the running server
    Pid,
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

#[derive(Debug, Subcommand)]
enum User {
    /// Make an account
    Add(WithPassword),
    /// Set an account's password and end its sessions
    Passwd(WithPassword),
    /// Delete an account with everything it owns
    Delete {
        /// The account, such as juliet@example.org
        jid: String,
    },
    /// List accounts
    List {
        /// Only those of this host
        host: Option<String>,
    },
}

#[derive(Args, Debug)]
struct WithPassword {
    /// The account, such as juliet@example.org
    jid: String,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Debug, Subcommand)]
enum Session {
    /// List sessions
    List,
}

impl Cli {
    /// Does what was asked.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let file = self.config.or_else(|| {
            let here = Path::new(CONFIG_HERE);
            here.exists().then(|| here.to_owned())
        });
        let load = || {
            Config::load(file.as_deref(), &Known).map_err(|error| Failure::new(Exit::Config, error))
        };
        let request = match self.command {
            None | Some(Command::Serve) => return serve::run(load()?),
            Some(Command::Check(Check::Config)) => return check(&load()?, self.json),
            Some(Command::Config(Show::Show)) => return show(&load()?, self.json),
            Some(Command::Config(Show::Default)) => {
                let config = Config::load(None, &Known)
                    .map_err(|error| Failure::new(Exit::Config, error))?;
                print!("{}", write_manual(&config, &Known, true));
                return Ok(());
            }
            Some(Command::User(user)) => user.request()?,
            Some(Command::Session(Session::List)) => Request::SessionList,
            Some(Command::Reload) => Request::Reload,
            Some(Command::Pid) => Request::Pid,
        };
        let answer = admin::ask(&load()?, request)?;
        if self.json {
            println!(
                "{}",
                serde_json::to_string(&answer).map_err(Failure::refused)?
            );
        } else {
            print!("{answer}");
        }
        Ok(())
    }
}

impl User {
    fn request(self) -> Result<Request, Failure> {
        Ok(match self {
            Self::Add(WithPassword {
                jid,
                password_stdin,
            }) => {
                let password = password::ask(&jid, password_stdin)?;
                Request::UserAdd { jid, password }
            }
            Self::Passwd(WithPassword {
                jid,
                password_stdin,
            }) => {
                let password = password::ask(&jid, password_stdin)?;
                Request::UserPasswd { jid, password }
            }
            Self::Delete { jid } => Request::UserDelete { jid },
            Self::List { host } => Request::UserList { host },
        })
    }
}

fn check(config: &Config, json: bool) -> Result<(), Failure> {
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
