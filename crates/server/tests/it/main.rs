//! The binary as an operator meets it: exit codes, sentences, and what is left behind.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod commands;
mod process;
mod starting;
