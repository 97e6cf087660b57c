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
    use std::{
        fmt,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[test]
    fn what_is_done_fails_or_is_refused_leaves_a_line() {
        let changes = audit(false);
        check(
            &changes,
            |audit| audit.ended(&Ok(())),
            "INFO a command was done",
        );
        check(
            &changes,
            |audit| audit.ended::<()>(&Err(CommandError::NotRunning)),
            "INFO a command failed no server is running",
        );
        check(&changes, Audit::refused, "WARN a command was refused");
        let reads = audit(true);
        check(&reads, |audit| audit.ended(&Ok(())), "");
        check(&reads, Audit::refused, "WARN a command was refused");
    }

    fn audit(reads_only: bool) -> Audit {
        Audit {
            by: "admin@example".to_owned(),
            command: "user kick",
            on: "user=romeo@example".to_owned(),
            reads_only,
        }
    }

    #[track_caller]
    fn check(audit: &Audit, act: impl FnOnce(&Audit), expected: &str) {
        let heard = Heard::default();
        tracing::subscriber::with_default(heard.clone(), || act(audit));
        let line = heard.0.lock().unwrap().clone();
        assert_eq!(line.contains("admin@example"), !expected.is_empty());
        assert_eq!(line.contains("user=romeo@example"), !expected.is_empty());
        for word in expected.split(' ') {
            assert!(line.contains(word), "{word} in {line}");
        }
    }

    /// What was logged.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<String>>);

    impl tracing::Subscriber for Heard {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = self.0.lock().unwrap();
            line.push_str(event.metadata().level().as_str());
            event.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| {
                line.push_str(&format!(" {value:?}"));
            });
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

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
