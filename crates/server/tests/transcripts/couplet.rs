//! Our own binary, with the configuration of the in-process bench.

use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use testkit::{
    sockets::{Addresses, Target},
    transcript::{Need, Restart, words},
};
use toml::{Table, Value};

use crate::ports;

/// A server in a folder of its own. It is killed when this is dropped.
pub(crate) struct Couplet {
    folder: PathBuf,
    child: Option<Child>,
}

impl Couplet {
    /// One that has not been started yet.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            child: None,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.join("couplet.toml")
    }

    fn couplet(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_couplet"));
        command.arg("--config").arg(self.config()).args(words);
        command
    }

    fn serve(&mut self) -> Result<(), String> {
        let log = self.folder.join("log");
        let file = fs::File::create(&log).map_err(text)?;
        let mut child = self
            .couplet(&["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(text)?;
        // Where clients are listened to is settled first, the admin socket is made last.
        let socket = self.folder.join("data/couplet.sock");
        let up = ports::wait_for(&mut child, || UnixStream::connect(&socket).is_ok());
        self.child = Some(child);
        up.map_err(|error| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{error}: {log}")
        })
    }

    /// Gives the operator's command and `input`.
    fn tell(&self, words: &[&str], input: &str) -> Result<(), String> {
        let mut child = self
            .couplet(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(text)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(text)?;
        }
        let output = child.wait_with_output().map_err(text)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Failure means that it has ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// As an operator stops it.
    fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let id = child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .map_err(text)?;
        child.wait().map_err(text)?;
        Ok(())
    }
}

impl Drop for Couplet {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Target for Couplet {
    fn offers(&self, need: Need) -> bool {
        matches!(
            need,
            Need::Couplet | Need::Config | Need::Restart | Need::Commands
        )
    }

    fn start(&mut self, toml: &str) -> Result<Addresses, String> {
        let addresses = ports::free()?;
        let mut config = bench(addresses, &self.folder)?;
        let over: Table = toml.parse().map_err(|error| format!("{error}"))?;
        lay_over(&mut config, over);
        fs::write(self.config(), config.to_string()).map_err(text)?;
        self.serve()?;
        Ok(addresses)
    }

    fn create_account(&mut self, bare_jid: &str, password: &str) -> Result<(), String> {
        self.tell(&["user", "add", bare_jid, "--password-stdin"], password)
    }

    fn restart(&mut self, restart: Restart) -> Result<(), String> {
        match restart {
            Restart::InOrder => self.stop()?,
            Restart::Killed | Restart::PowerCut => self.kill(),
        }
        self.serve()
    }

    /// A password is the last word in a transcript, but never an argument of a program.
    fn command(&mut self, command: &str) -> Result<(), String> {
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["user", "passwd", jid, password] => {
                self.tell(&["user", "passwd", jid, "--password-stdin"], password)
            }
            words => self.tell(words, ""),
        }
    }
}

/// What every transcript may count on. Nothing is archived where it does not say so, and so no ids are added. Passwords cost as little as is allowed, and what is
/// written survives a kill.
fn bench(addresses: Addresses, folder: &Path) -> Result<Table, String> {
    let text = format!(
        r#"
        data = "{data}"
        admins = ["admin@example"]
        durability = "process"
        workers = 2
        [listen]
        c2s = ["{plain}"]
        c2s_tls = ["{tls}"]
        [tls]
        self_signed = "always"
        [scram]
        iterations = 4096
        [log]
        level = "warn"
        [defaults]
        archive = "never"
        [host."example"]
        [host."other.example"]
        [host."anon.example"]
        authentication = "anonymous"
        "#,
        data = folder.join("data").display(),
        plain = addresses.plain,
        tls = addresses.tls,
    );
    text.parse().map_err(|error| format!("{error}"))
}

/// Puts `over` into `table`, key by key.
fn lay_over(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay_over(under, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
