//! The page of the operator's book with every command.

use std::fmt::Write;

use super::{
    exit_codes,
    lines::{Argument, Line},
};

const OPENING: &str = "\
# Every command

This page is written by `cargo xtask book` from the commands themselves; do not edit it. How they are used is told in
[Accounts](accounts.md) and [Backup](backup.md). What stands in brackets may be left out.

Commands about accounts, sessions and hosts are done by the running server, through a socket in its data folder. While
none runs they are done on the data folder itself, except for those that mean something only to a running server.

Behind every command can be written:

";

/// The whole page.
pub(super) fn write(lines: &[Line], global: &[Argument]) -> String {
    let mut page = OPENING.to_owned();
    arguments(&mut page, global);
    page.push_str("\n| exit code | meaning |\n| --- | --- |\n");
    for (code, meaning) in exit_codes() {
        let _ = writeln!(page, "| {code} | {meaning} |");
    }
    let mut group = "";
    for line in lines {
        if line.group() != group {
            group = line.group();
            let _ = writeln!(page, "\n## {group}");
        }
        let _ = writeln!(page, "\n    couplet {}\n\n{}.", line.usage(), line.about);
        if line.needs_running {
            page.push_str("Needs a running server.\n");
        }
        if !line.arguments.is_empty() {
            page.push('\n');
            arguments(&mut page, &line.arguments);
        }
    }
    page
}

fn arguments(page: &mut String, arguments: &[Argument]) {
    for argument in arguments {
        // Writing into a text does not fail.
        let _ = writeln!(page, "- `{}`: {}", argument.written, argument.about);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_with_its_arguments() {
        let user = Argument {
            written: "USER".to_owned(),
            about: "whose sessions to end".to_owned(),
            required: true,
        };
        let line = Line {
            words: "user kick".to_owned(),
            about: "End them".to_owned(),
            arguments: vec![user],
            needs_running: true,
        };
        let page = write(&[line], &[]);
        assert!(
            page.ends_with(
                "## user\n\n    couplet user kick USER\n\nEnd them.\nNeeds a running server.\n\n- `USER`: whose sessions to end\n"
            ),
            "{page}"
        );
    }
}
