//! The man page: what the program does, every command, files, signals, exit codes.

use std::fmt::Write;

use super::{
    exit_codes,
    lines::{Argument, Line},
};

const ABOUT: &str = "\
.SH NAME
couplet \\- an XMPP server
.SH SYNOPSIS
.B couplet
.RB [ \\-\\-config
.IR FILE ]
.RB [ \\-\\-json ]
.RI [ COMMAND ]
.SH DESCRIPTION
.B couplet
serves XMPP: people with accounts on it sign in with their clients, keep contacts, see presence and exchange messages.
It needs no database and no other service. Without a command, it serves.
.PP
All other commands are for the operator. Those about accounts, sessions and hosts are done by the running server,
through a socket in its data folder, so they are to be run by the user that runs the server, with the same
.IR FILE .
While no server runs they are done on the data folder itself.
";

const SIGNALS: &str = "\
.SH SIGNALS
.TP
.BR SIGTERM ,\\  SIGINT
Stop: take no new connections, end all sessions, write what is held, and exit. A second one skips waiting for sessions.
.TP
.B SIGHUP
Read the configuration and the certificates anew. With a mistake in them, nothing changes and the log says why.
.SH ENVIRONMENT
.TP
.B COUPLET_LOG
Overrides the key
.B log.level
of the configuration.
.TP
.BR NOTIFY_SOCKET ,\\  WATCHDOG_USEC
Set by
.BR systemd (1):
where to tell that the server is ready, is reloading, is stopping and is alive.
.SH FILES
.TP
.IR couplet.toml ,\\  /etc/couplet/couplet.toml
The configuration, if no other is named: the one in the current folder, or else the system's.
.B couplet config default
prints one with every key and its meaning.
.TP
.I /var/lib/couplet
The data of the packaged service.
.SH EXAMPLES
.TP
.B couplet user add juliet@example.org
Makes an account; asks for the password.
.TP
.B couplet backup /var/backups/couplet/monday
Copies everything that is needed to go on elsewhere, while the server runs.
";

/// The whole page.
pub(super) fn write(lines: &[Line], global: &[Argument]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(".TH COUPLET 1 \"\" \"couplet {version}\" \"User Commands\"\n{ABOUT}");
    page.push_str(".SH OPTIONS\n");
    for argument in global {
        tagged(&mut page, argument);
    }
    page.push_str(".SH COMMANDS\n");
    for line in lines {
        let running = match line.needs_running {
            true => " Needs a running server.",
            false => "",
        };
        let (usage, about) = (escaped(&line.usage()), escaped(&line.about));
        // Writing into a text does not fail.
        let _ = writeln!(page, ".TP\n.B {usage}\n{about}.{running}");
        if !line.arguments.is_empty() {
            page.push_str(".RS\n");
            for argument in &line.arguments {
                tagged(&mut page, argument);
            }
            page.push_str(".RE\n");
        }
    }
    page.push_str(SIGNALS);
    page.push_str(".SH EXIT STATUS\n");
    for (code, meaning) in exit_codes() {
        let _ = writeln!(page, ".TP\n.B {code}\n{}", escaped(meaning));
    }
    page
}

fn tagged(page: &mut String, argument: &Argument) {
    let (written, about) = (escaped(&argument.written), escaped(&argument.about));
    let _ = writeln!(page, ".TP\n.B {written}\n{about}");
}

/// `text` as roff shows it: a hyphen that can be copied, nothing taken for a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_a_request() {
        assert_eq!(escaped("--json"), "\\-\\-json");
        assert_eq!(escaped(".toml"), "\\&.toml");
        assert_eq!(escaped("a\\b"), "a\\eb");
    }
}
