//! What went wrong, in one sentence, and the exit code that says which kind it was.

use std::{fmt::Display, process::ExitCode};

/// The exit codes, as `couplet --help` lists them. 0 is success, and 2 is clap's for a command
/// line that is not understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// The command was understood and could not be done.
    Refused = 1,
    /// The configuration is wrong.
    Config = 3,
    /// The server cannot start.
    Start = 4,
    /// The command needs a running server, and there is none.
    NotRunning = 5,
}

/// The text of `couplet --help` about exit codes.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the command was refused; the sentence says why
  2  the command line was not understood
  3  the configuration is wrong
  4  the server could not start (port, data folder, certificate)
  5  no server is running";

/// Why the process ends without success.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// For the operator: what is wrong and what to do.
    sentence: String,
}

impl Failure {
    /// A failure with its sentence.
    pub(crate) fn new(exit: Exit, sentence: impl Display) -> Self {
        Self {
            exit,
            sentence: sentence.to_string(),
        }
    }

    /// For `map_err` of what keeps the server from starting.
    pub(crate) fn start(sentence: impl Display) -> Self {
        Self::new(Exit::Start, sentence)
    }

    /// For `map_err` of what a command cannot do.
    pub(crate) fn refused(sentence: impl Display) -> Self {
        Self::new(Exit::Refused, sentence)
    }

    /// Tells the operator, on standard error, and gives the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        if json {
            eprintln!("{}", serde_json::json!({ "error": self.sentence }));
        } else {
            eprintln!("couplet: {}", self.sentence);
        }
        ExitCode::from(self.exit as u8)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}
