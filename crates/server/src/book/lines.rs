//! The command line as data: each command with what can be written behind it.

use clap::{Arg, Command};

use crate::features;

/// One command.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The words it is called by, without the program's name.
    pub(super) words: String,
    /// What it does, as a sentence without its full stop.
    pub(super) about: String,
    /// What can be written behind it, in order.
    pub(super) arguments: Vec<Argument>,
    /// Whether it means something only while the server runs.
    pub(super) needs_running: bool,
}

/// Something that can be written behind a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Argument {
    /// How it is written: `--reason TEXT`, `USER`.
    pub(super) written: String,
    /// What it is, as a phrase.
    pub(super) about: String,
    /// Whether it has to be there.
    pub(super) required: bool,
}

impl Line {
    /// Every command of `line` that is not hidden, groups left out.
    pub(super) fn all(line: &Command) -> Vec<Self> {
        let mut lines = Vec::new();
        collect(line, "", &mut lines);
        lines
    }

    /// The options that can be written behind every command.
    pub(super) fn global(line: &Command) -> Vec<Argument> {
        line.get_arguments().map(Argument::read).collect()
    }

    /// How the command is written, after the program's name.
    pub(super) fn usage(&self) -> String {
        let mut usage = self.words.clone();
        for argument in &self.arguments {
            usage.push(' ');
            match argument.required {
                true => usage.push_str(&argument.written),
                false => usage.push_str(&format!("[{}]", argument.written)),
            }
        }
        usage
    }

    /// The first of its words, which it may share with others.
    pub(super) fn group(&self) -> &str {
        self.words.split(' ').next().unwrap_or_default()
    }
}

fn collect(command: &Command, before: &str, lines: &mut Vec<Line>) {
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        let words = format!("{before}{}", below.get_name());
        if below.has_subcommands() {
            collect(below, &format!("{words} "), lines);
            continue;
        }
        let entry = features::commands().find(|entry| entry.path == words);
        lines.push(Line {
            about: below
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default(),
            arguments: below.get_arguments().map(Argument::read).collect(),
            needs_running: entry.is_some_and(|entry| entry.needs_running),
            words,
        });
    }
}

impl Argument {
    fn read(argument: &Arg) -> Self {
        let values: Vec<_> = argument
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
        let value = match values.is_empty() || !argument.get_action().takes_values() {
            true => value_name(argument),
            false => values.join("|"),
        };
        let written = match (argument.get_long(), argument.get_action().takes_values()) {
            (None, _) => value,
            (Some(long), true) => format!("--{long} {value}"),
            (Some(long), false) => format!("--{long}"),
        };
        Self {
            written,
            about: argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default(),
            required: argument.is_required_set(),
        }
    }
}

/// What stands for a value: in capitals, as in the rest of the book.
fn value_name(argument: &Arg) -> String {
    let named = argument.get_value_names().and_then(|names| names.first());
    let name = named.map_or_else(|| argument.get_id().to_string(), ToString::to_string);
    name.to_uppercase()
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, builder::PossibleValuesParser};

    use super::*;

    #[test]
    fn commands_are_read_with_what_is_written_behind_them() {
        let role = Arg::new("role")
            .required(true)
            .value_parser(PossibleValuesParser::new(["admin", "member"]));
        let line = Command::new("couplet")
            .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
            .subcommand(Command::new("hidden").hide(true))
            .subcommand(
                Command::new("user").subcommand(
                    Command::new("role")
                        .about("Set it")
                        .arg(Arg::new("user").required(true).help("whose"))
                        .arg(role)
                        .arg(Arg::new("reason").long("reason")),
                ),
            );
        let lines = Line::all(&line);
        let [only] = &*lines else {
            panic!("one command: {lines:?}");
        };
        assert_eq!(
            only.usage(),
            "user role USER admin|member [--reason REASON]"
        );
        assert_eq!((only.group(), &*only.about), ("user", "Set it"));
        assert_eq!(Line::global(&line).first().unwrap().written, "--json");
    }
}
