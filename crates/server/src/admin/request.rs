//! What goes over the admin socket: a command with its arguments, and what came of it.

use std::fmt;

use engine::command::{AdminContext, CommandEntry, CommandError, Outcome, Who};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::features;

/// A command with its arguments: `{"command": "user kick", "user": "juliet@example.org"}`.
#[derive(Deserialize, Serialize)]
pub(crate) struct Request {
    command: String,
    #[serde(flatten)]
    arguments: Map<String, Value>,
}

/// Arguments may be passwords.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.command)
    }
}

impl Request {
    pub(super) fn new(command: &str, arguments: Map<String, Value>) -> Self {
        Self {
            command: command.to_owned(),
            arguments,
        }
    }

    fn entry(&self) -> Option<&'static CommandEntry> {
        features::commands().find(|entry| entry.path == self.command)
    }

    /// Whether it goes on until the one who asked has seen enough.
    pub(super) fn is_live(&self) -> bool {
        self.entry().is_some_and(|entry| entry.live)
    }

    /// Does it, in the operator's name.
    pub(super) async fn run(self, cx: AdminContext) -> Answer {
        debug_assert!(
            matches!(cx.who(), Who::Operator),
            "the socket is the operator's"
        );
        let Some(entry) = self.entry() else {
            return Answer::Error(format!("there is no command \"{}\"", self.command));
        };
        Answer::of(entry.run(self.arguments, cx).await)
    }
}

/// What came of a request.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// Something on the way; more comes.
    Said {
        /// For people.
        text: String,
        /// For programs.
        data: Value,
    },
    /// Done.
    Ok {
        /// For people.
        text: String,
        /// For programs.
        data: Value,
    },
    /// Refused; why, and what to do.
    Error(String),
}

impl Answer {
    fn of(result: Result<Outcome, CommandError>) -> Self {
        match result {
            Ok(Outcome { text, data }) => Self::Ok { text, data },
            Err(error) => Self::Error(error.to_string()),
        }
    }

    pub(super) fn said(Outcome { text, data }: Outcome) -> Self {
        Self::Said { text, data }
    }

    /// The outcome, or the sentence.
    pub(super) fn into_result(self) -> Result<Outcome, String> {
        match self {
            Self::Ok { text, data } | Self::Said { text, data } => Ok(Outcome { text, data }),
            Self::Error(sentence) => Err(sentence),
        }
    }
}
