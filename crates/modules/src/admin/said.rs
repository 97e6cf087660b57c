//! What commands answer when there is nothing to list: a sentence, or the moment something happened.

use std::fmt;

use serde::Serialize;
use stanza::Timestamp;

/// Something was done; a sentence says what.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Done {
    done: String,
}

impl Done {
    pub(super) fn new(sentence: String) -> Self {
        Self { done: sentence }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.done)
    }
}

/// Microseconds UTC in the form of XEP-0082.
pub(super) fn moment(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

/// `1 session`, `2 sessions`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
