//! What is made of the command line and the declarations of the configuration, so that it can't be out of date:
//! pages of the operator's book, the man page, completions for shells.
//!
//! `lines.rs` reads the command line as data; `commands.rs` is the page of commands, `man.rs` the man page,
//! `completions.rs` what shells are told. The page of keys is beside the keys, in `config/page.rs`.

mod commands;
mod completions;
mod lines;
mod man;

use clap::Command;

use crate::{config::write_page, failure::EXIT_CODES, features::Known};
pub(crate) use completions::Shell;
use lines::Line;

/// A page of the operator's book.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Page {
    /// Every key of the configuration.
    Keys,
    /// Every command.
    Commands,
}

/// The text of `page`, for the command line `line`.
pub(crate) fn page(page: Page, line: &Command) -> String {
    match page {
        Page::Keys => write_page(&Known),
        Page::Commands => commands::write(&Line::all(line), &Line::global(line)),
    }
}

/// The man page of the command line `line`.
pub(crate) fn man(line: &Command) -> String {
    man::write(&Line::all(line), &Line::global(line))
}

/// What `shell` has to know to complete the command line `line`.
pub(crate) fn completions(shell: Shell, line: &Command) -> Vec<u8> {
    completions::write(shell, line)
}

/// Each exit code with its meaning, from the text of `couplet --help`.
fn exit_codes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = EXIT_CODES.lines().skip(1);
    lines.filter_map(|line| line.trim().split_once("  "))
}
