//! What an operator reads when the configuration is wrong: the file, the line, the key, and what
//! to write instead, in one sentence each.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration file {}: {error}; check the path given with --config",
        .path.display()
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file can be read, but not understood; a line for each mistake.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Complaint>),
}

/// One mistake in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Complaint {
    /// The file as the operator named it, and the line if it is known.
    pub(crate) file: PathBuf,
    /// Counted from 1.
    pub(crate) line: Option<usize>,
    /// What is wrong and what to do.
    pub(crate) sentence: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.sentence)
    }
}

/// The file being read, and the mistakes found so far.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
    pub(super) complaints: Vec<Complaint>,
}

impl Source<'_> {
    /// Notes a mistake at the byte `at` of the text.
    pub(super) fn complain(&mut self, at: Option<usize>, sentence: String) {
        let line = at
            .and_then(|at| self.text.get(..at))
            .map(|before| before.matches('\n').count() + 1);
        self.complaints.push(Complaint {
            file: self.file.to_owned(),
            line,
            sentence,
        });
    }
}

/// `; did you mean "x"?` for a misspelt word, or what there is when nothing is near.
pub(crate) fn suggestion<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let nearest = known
        .clone()
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((_, name)) => format!("; did you mean \"{name}\"?"),
        None => format!("; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}
