//! The trail that commands leave in the log: who did what to whom, and what came of it.
//!
//! Addresses and choices are told; texts and passwords never are.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::{Command, CommandError, Field, FieldKind, Who};

/// One command on its way.
pub(super) struct Audit {
    by: String,
    command: &'static str,
    on: String,
    reads_only: bool,
}

impl Audit {
    /// The command `C`, asked for by `who` with `arguments`.
    pub(super) fn of<C: Command>(who: &Who, arguments: &Map<String, Value>) -> Self {
        Self {
            by: who.to_string(),
            command: C::PATH,
            on: told(C::FIELDS, arguments),
            reads_only: C::READS_ONLY,
        }
    }

    /// It may not be done by whoever asked: told also of a command that only looks.
    pub(super) fn refused(&self) {
        let Self {
            by, command, on, ..
        } = self;
        tracing::warn!(by, command, on, "a command was refused");
    }

    /// It was done, or failed.
    pub(super) fn ended<T>(&self, result: &Result<T, CommandError>) {
        let Self {
            by, command, on, ..
        } = self;
        match result {
            _ if self.reads_only => {}
            Ok(_) => tracing::info!(by, command, on, "a command was done"),
            Err(error) => tracing::info!(by, command, on, %error, "a command failed"),
        }
    }
}

/// The arguments that may be told, as `name=value`.
fn told(fields: &[Field], arguments: &Map<String, Value>) -> String {
    let mut told = String::new();
    for field in fields {
        let is_told = match field.kind {
            FieldKind::Account
            | FieldKind::Session
            | FieldKind::Host
            | FieldKind::Choice(_)
            | FieldKind::Flag => true,
            FieldKind::Text | FieldKind::Password => false,
        };
        let value = match arguments.get(field.name) {
            Some(Value::String(text)) if is_told => text.clone(),
            Some(Value::Bool(flag)) if is_told => flag.to_string(),
            _ => continue,
        };
        let space = if told.is_empty() { "" } else { " " };
        // Writing into a text does not fail.
        let _ = write!(told, "{space}{}={value}", field.name);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_choices_are_told_texts_and_passwords_are_not() {
        const FIELDS: &[Field] = &[
            Field::required("user", FieldKind::Account, ""),
            Field::required("password", FieldKind::Password, ""),
            Field::option("reason", FieldKind::Text, ""),
            Field::option("to", FieldKind::Choice(&["all", "online"]), ""),
            Field::option("now", FieldKind::Flag, ""),
        ];
        let check = |arguments: &str, expected: &str| {
            let arguments = serde_json::from_str(arguments).expect("JSON");
            assert_eq!(told(FIELDS, &arguments), expected);
        };
        check("{}", "");
        check(
            r#"{"now":true,"to":"all","user":"a@b","password":"p","reason":"r"}"#,
            "user=a@b to=all now=true",
        );
    }
}
