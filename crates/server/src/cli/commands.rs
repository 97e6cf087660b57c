//! The engine's commands as a command line.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use engine::command::{CommandEntry, Field, FieldKind};
use serde_json::{Map, Value};

use crate::{failure::Failure, features, password};

/// What the first words stand for, where several commands share one.
const GROUPS: &[(&str, &str)] = &[
    ("user", "Make, change and list accounts"),
    ("session", "Look at sessions and end them"),
    ("host", "Look at the hosts that are served"),
    ("motd", "What every user of a host gets to read once"),
    ("group", "Groups of accounts that are each other's contacts"),
    (
        "archive",
        "What accounts keep of their messages, and for how long",
    ),
    ("report", "What users report for spam or abuse"),
];

/// The option that reads a password from standard input.
const PASSWORD_STDIN: &str = "password-stdin";

/// A command of the engine with what was written behind it.
pub(crate) struct Asked {
    pub(crate) entry: &'static CommandEntry,
    matches: ArgMatches,
}

/// The command line with every command of the engine.
pub(super) fn add_all(mut line: Command) -> Command {
    for entry in features::commands() {
        line = match entry.path.split_once(' ') {
            None => line.subcommand(one(entry.path, entry)),
            Some((group, word)) => {
                if line.find_subcommand(group).is_none() {
                    line = line.subcommand(new_group(group));
                }
                line.mut_subcommand(group, |group| group.subcommand(one(word, entry)))
            }
        };
    }
    line
}

fn new_group(name: &'static str) -> Command {
    let known = GROUPS.iter().find(|(group, _)| *group == name);
    let group = Command::new(name)
        .subcommand_required(true)
        .arg_required_else_help(true);
    match known {
        Some((_, about)) => group.about(*about),
        None => group,
    }
}

fn one(word: &'static str, entry: &'static CommandEntry) -> Command {
    Command::new(word)
        .about(entry.about)
        .args(entry.fields.iter().map(argument))
}

fn argument(field: &'static Field) -> Arg {
    let argument = Arg::new(field.name).help(field.about);
    let argument = match field.kind {
        FieldKind::Password => {
            return Arg::new(PASSWORD_STDIN)
                .long(PASSWORD_STDIN)
                .action(ArgAction::SetTrue)
                .help("read the password from standard input instead of asking for it");
        }
        FieldKind::Flag => return argument.long(field.name).action(ArgAction::SetTrue),
        FieldKind::Choice(words) => argument.value_parser(PossibleValuesParser::new(words)),
        FieldKind::Account | FieldKind::Session | FieldKind::Host | FieldKind::Text => argument,
    };
    match field.positional {
        true => argument.required(field.required),
        false => argument.long(field.name).required(field.required),
    }
}

/// The command of the engine that was written, if it is one.
pub(super) fn find(matches: &ArgMatches) -> Option<Asked> {
    let (first, rest) = matches.subcommand()?;
    let (path, matches) = match rest.subcommand() {
        Some((second, rest)) => (format!("{first} {second}"), rest),
        None => (first.to_owned(), rest),
    };
    let entry = features::commands().find(|entry| entry.path == path)?;
    Some(Asked {
        entry,
        matches: matches.clone(),
    })
}

impl Asked {
    /// The arguments as the command takes them. Asks for a password where one is needed.
    ///
    /// # Errors
    ///
    /// A sentence when there is no password.
    pub(crate) fn arguments(&self) -> Result<Map<String, Value>, Failure> {
        let mut arguments = Map::new();
        for field in self.entry.fields {
            let value = match field.kind {
                FieldKind::Password => Some(self.password()?),
                FieldKind::Flag => Some(Value::Bool(self.matches.get_flag(field.name))),
                _ => self.text(field.name).map(Value::from),
            };
            if let Some(value) = value {
                arguments.insert(field.name.to_owned(), value);
            }
        }
        Ok(arguments)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.matches.get_one::<String>(name).map(String::as_str)
    }

    fn password(&self) -> Result<Value, Failure> {
        let first = self.entry.fields.first();
        let whose = first.and_then(|field| self.text(field.name));
        let from_stdin = self.matches.get_flag(PASSWORD_STDIN);
        let password = password::ask(whose.unwrap_or_default(), from_stdin)?;
        Ok(Value::from(password.reveal()))
    }
}
