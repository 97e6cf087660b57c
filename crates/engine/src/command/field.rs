//! The arguments of a command as data: what its faces are made of.

use jid::{BareJid, Domain, FullJid};
use serde_json::{Map, Value};

use super::CommandError;

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name: of the struct's field, and of the option or form field.
    pub name: &'static str,
    /// What can stand there.
    pub kind: FieldKind,
    /// What it is, as a phrase.
    pub about: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// On the command line it stands without its name.
    pub positional: bool,
}

/// What an argument can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldKind {
    /// The bare JID of an account.
    Account,
    /// The full JID of a session.
    Session,
    /// A host of ours.
    Host,
    /// A line of text.
    Text,
    /// A password: never an argument of a command line.
    Password,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Set or not.
    Flag,
}

impl Field {
    /// The account that a command is about, for most of them.
    pub const USER: Self = Self::required(
        "user",
        FieldKind::Account,
        "the account, such as juliet@example.org",
    );

    /// The host that it is about.
    pub const HOST: Self = Self::required("host", FieldKind::Host, "the host, such as example.org");

    /// An argument that has to be there and stands by its place.
    #[must_use]
    pub const fn required(name: &'static str, kind: FieldKind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            about,
            required: true,
            positional: true,
        }
    }

    /// An argument that may be left out and stands by its place.
    #[must_use]
    pub const fn last(name: &'static str, kind: FieldKind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            about,
            required: false,
            positional: true,
        }
    }

    /// An argument that may be left out and stands behind its name.
    #[must_use]
    pub const fn option(name: &'static str, kind: FieldKind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            about,
            required: false,
            positional: false,
        }
    }
}

/// Says in words what is wrong with `arguments`, before anything is read from them.
pub(super) fn check(fields: &[Field], arguments: &Map<String, Value>) -> Result<(), CommandError> {
    if let Some(name) = arguments
        .keys()
        .find(|name| !fields.iter().any(|field| field.name == name.as_str()))
    {
        let problem = format!("there is no argument \"{name}\" here");
        return Err(CommandError::Arguments(problem));
    }
    for field in fields {
        match arguments.get(field.name) {
            None | Some(Value::Null) if field.required => {
                let problem = format!("\"{}\" is missing: {}", field.name, field.about);
                return Err(CommandError::Arguments(problem));
            }
            Some(Value::String(text)) => check_text(field, text)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_text(field: &Field, text: &str) -> Result<(), CommandError> {
    let wanted = match field.kind {
        FieldKind::Account => match BareJid::parse(text) {
            Ok(jid) if jid.local().is_some() => return Ok(()),
            _ => "an address such as juliet@example.org".to_owned(),
        },
        FieldKind::Session => match FullJid::parse(text) {
            Ok(_) => return Ok(()),
            Err(_) => "the address of a session, such as juliet@example.org/phone".to_owned(),
        },
        FieldKind::Host => match Domain::parse(text) {
            Ok(_) => return Ok(()),
            Err(_) => "a domain such as example.org".to_owned(),
        },
        FieldKind::Choice(words) if !words.contains(&text) => {
            format!("one of {}", words.join(", "))
        }
        FieldKind::Choice(_) | FieldKind::Text | FieldKind::Password | FieldKind::Flag => {
            return Ok(());
        }
    };
    Err(CommandError::Arguments(format!(
        "\"{text}\" is not {wanted}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::required("user", FieldKind::Account, "whose sessions to end"),
        Field::option("to", FieldKind::Choice(&["all", "online"]), "who gets it"),
    ];

    #[test]
    fn what_is_wrong_is_said_in_words() {
        check(r#"{"user":"a@b"}"#, "");
        check(r#"{"user":"a@b","to":"all"}"#, "");
        check(r#"{"user":"a@b","to":null}"#, "");
        check("{}", "\"user\" is missing: whose sessions to end");
        check(
            r#"{"user":null}"#,
            "\"user\" is missing: whose sessions to end",
        );
        check(
            r#"{"user":"b"}"#,
            "\"b\" is not an address such as juliet@example.org",
        );
        check(
            r#"{"user":"a@b","to":"x"}"#,
            "\"x\" is not one of all, online",
        );
        check(
            r#"{"user":"a@b","why":"x"}"#,
            "there is no argument \"why\" here",
        );
    }

    #[track_caller]
    fn check(arguments: &str, problem: &str) {
        let arguments = serde_json::from_str(arguments).expect("JSON");
        let said = super::check(FIELDS, &arguments)
            .map_or_else(|error| error.to_string(), |()| String::new());
        assert_eq!(said, problem);
    }
}
