//! Running the binary in a folder of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;

/// How long a line of the log may take. Far more than any needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub(crate) const COUPLET: &str = env!("CARGO_BIN_EXE_couplet");

/// A folder with a `couplet.toml` whose listeners are free ports.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        place.configure("");
        place
    }

    /// Writes the configuration: the listeners, then `more`.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!(
            "data = \"data\"\nlisten.c2s = [\"127.0.0.1:{}\"]\nlisten.c2s_tls = []\nscram.iterations = 4096\n{more}",
            self.port
        );
        fs::write(self.path("couplet.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end, with `input` on standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = here(Command::new(COUPLET), self.folder.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read it may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What a command prints, which must succeed.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let output = self.run(arguments, input);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command fails with this code and sentence, and prints nothing else.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, sentence: &str) {
        let output = self.run(arguments, "password\n");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let last = said.lines().last().unwrap_or_default();
        assert_eq!(last, format!("couplet: {sentence}"));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(output.stdout.is_empty());
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn serve(&self) -> Serving {
        self.start(Command::new(COUPLET), &["serve"])
    }

    /// Starts `command`, which serves, here, and waits until the server is ready.
    pub(crate) fn start(&self, command: Command, arguments: &[&str]) -> Serving {
        let mut child = here(command, self.folder.path(), arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        while !seen.contains("\"ready\"") {
            assert!(log.read_line(&mut seen).unwrap() > 0, "it ended: {seen}");
        }
        let (lines, later) = mpsc::channel();
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                // Nobody has to listen.
                let _ = lines.send(line);
            }
        });
        Serving {
            child,
            log: seen,
            later,
        }
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn here(mut command: Command, folder: &Path, arguments: &[&str]) -> Command {
    command
        .current_dir(folder)
        .args(arguments)
        .env_remove("COUPLET_LOG");
    command
}

/// A running server; killed when dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// What it logged until it was ready.
    pub(crate) log: String,
    /// What it logs from then on.
    later: mpsc::Receiver<String>,
}

impl Serving {
    /// The next line of the log that has `part`.
    #[track_caller]
    pub(crate) fn logs(&self, part: &str) -> String {
        loop {
            let line = self.later.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it did not log {part:?}"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
