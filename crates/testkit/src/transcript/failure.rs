//! Why a transcript failed, for the one who has to find out.

use std::error::Error;
use std::fmt;

use thiserror::Error;

use super::tree;
use super::{Actor, Mismatch, Pattern, Received, TemplateError};

/// A line that did not go as written.
#[derive(Clone, Debug)]
pub struct Failure<E> {
    /// The file.
    pub script: String,
    /// The line, from one.
    pub line: usize,
    /// What was wrong.
    pub problem: Problem<E>,
}

/// What was wrong with it.
#[derive(Clone, Debug, Error)]
pub enum Problem<E> {
    /// The test bench failed.
    #[error("{0}")]
    Bench(E),
    /// What is to be sent names something that was not received.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Something else came.
    #[error(
        "{actor} received something else\n  expected  {expected}\n  received  {received}\n  {mismatch}"
    )]
    Differs {
        /// Who received it.
        actor: Actor,
        /// As the file has it.
        expected: String,
        /// On one line.
        received: String,
        /// Where they differ.
        mismatch: Box<Mismatch>,
    },
    /// Something came, but no such thing was to be received.
    #[error("{actor} received something else\n  expected  {expected}\n  received  {received}")]
    Other {
        /// Who received it.
        actor: Actor,
        /// What should have come.
        expected: String,
        /// On one line, or in words.
        received: String,
    },
    /// Nothing came.
    #[error("{actor} received nothing\n  expected  {expected}")]
    Nothing {
        /// Who should have received it.
        actor: Actor,
        /// What should have come.
        expected: String,
    },
    /// Something came after all.
    #[error("{actor} should have received nothing\n  received  {received}")]
    Something {
        /// Who received it.
        actor: Actor,
        /// On one line, or in words.
        received: String,
    },
    /// A session ended while it was being brought online.
    #[error("{actor} was disconnected")]
    Disconnected {
        /// Whose session it was.
        actor: Actor,
    },
}

impl<E: Error> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.script, self.line, self.problem)
    }
}

impl<E: Error> Error for Failure<E> {}

/// What came, on one line.
pub(super) fn show(received: &Received) -> String {
    match received {
        Received::Header(tree) | Received::Element(tree) => tree::show(tree.root()),
        Received::Closed => "the end of the stream".to_owned(),
        Received::Cut => "the end of the transport".to_owned(),
    }
}

/// Several expected elements, on one line.
pub(super) fn show_all(patterns: &[&Pattern]) -> String {
    let all: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    all.join(" ")
}
