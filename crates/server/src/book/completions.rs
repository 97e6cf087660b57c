//! What a shell has to know to complete the command line.

use clap::{Command, ValueEnum};

/// A shell that can be told.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// The program's name, as it is typed.
const PROGRAM: &str = "couplet";

/// The script for `shell`.
pub(super) fn write(shell: Shell, line: &Command) -> Vec<u8> {
    let mut script = Vec::new();
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(shell, &mut shown(line), PROGRAM, &mut script);
    script
}

/// The command line without what is hidden, which would be completed otherwise.
fn shown(line: &Command) -> Command {
    let shown = line.get_subcommands().filter(|below| !below.is_hide_set());
    Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .args(line.get_arguments().cloned())
        .subcommands(shown.cloned())
}
