//! Asking for a password, without showing it.

use std::io::{self, BufRead, IsTerminal, Write};

use engine::command::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::failure::Failure;

/// The longest password that is read.
const PASSWORD_BYTES_MAX: usize = 1023;

/// The new password for `jid`: the first line of standard input, or asked for twice.
///
/// # Errors
///
/// A sentence when there is no terminal to ask on, when the two differ, or when it is empty.
pub(crate) fn ask(jid: &str, from_stdin: bool) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let password = if from_stdin {
        read_line()?
    } else if stdin.is_terminal() {
        let password = prompt(&format!("New password for {jid}: "))?;
        let again = prompt("Once more: ")?;
        if password != again {
            return Err(Failure::refused(
                "the two passwords differ; nothing was changed",
            ));
        }
        password
    } else {
        return Err(Failure::refused(
            "there is no terminal to ask for the password; give it on standard input with --password-stdin",
        ));
    };
    match password.len() {
        0 => Err(Failure::refused(
            "the password is empty; nothing was changed",
        )),
        1..=PASSWORD_BYTES_MAX => Ok(Secret::new(password)),
        _ => Err(Failure::refused(format!(
            "the password is longer than {PASSWORD_BYTES_MAX} bytes; nothing was changed"
        ))),
    }
}

/// Shows `question` on the terminal and reads a line without echo.
fn prompt(question: &str) -> Result<String, Failure> {
    let failed =
        |error: io::Error| Failure::refused(format!("cannot ask for the password: {error}"));
    let mut terminal = io::stderr();
    write!(terminal, "{question}")
        .and_then(|()| terminal.flush())
        .map_err(failed)?;
    let hidden = Hidden::start().map_err(failed)?;
    let line = read_line();
    drop(hidden);
    eprintln!();
    line
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::refused(format!("cannot read the password: {error}")))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// While it lives, the terminal does not show what is typed.
struct Hidden(Termios);

impl Hidden {
    fn start() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
