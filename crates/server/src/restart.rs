//! A restart in place: this process goes on as the program that is installed now.
//!
//! The program is asked first whether it takes the configuration. Then the server stops as it always does, but keeps
//! its listeners, and the process executes the program, which finds them open. Clients that connect in between wait,
//! and whoever watches the process sees the same one.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;
use transport::Bound;

use crate::failure::Failure;

/// How this process was started, and whether it is to be started so again.
#[derive(Debug)]
pub(crate) struct Restart {
    /// Where the program was found. Another one may be there by now: that is what a restart is for.
    program: io::Result<PathBuf>,
    arguments: Vec<OsString>,
    config: Option<PathBuf>,
    is_wanted: AtomicBool,
    wanted: Notify,
}

impl Restart {
    /// Remembers how this process was started. `config` is the file it has read.
    pub(crate) fn remember(config: Option<PathBuf>) -> Self {
        Self {
            program: env::current_exe(),
            arguments: env::args_os().skip(1).collect(),
            config,
            is_wanted: AtomicBool::new(false),
            wanted: Notify::new(),
        }
    }

    /// Has the server restart, if the program that is there now takes the configuration that is there now.
    ///
    /// # Errors
    ///
    /// A sentence; then everything goes on.
    pub(crate) async fn want(&self) -> Result<(), String> {
        if self.is_wanted.swap(true, Ordering::Relaxed) {
            return Err("the server restarts already".to_owned());
        }
        let checked = self.check().await;
        match &checked {
            Ok(()) => self.wanted.notify_one(),
            Err(_) => self.is_wanted.store(false, Ordering::Relaxed),
        }
        checked
    }

    /// Completes when a restart is wanted.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    async fn check(&self) -> Result<(), String> {
        let mut command = self.command().map_err(|error| error.to_string())?;
        transport::hide_inherited(&mut command);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.args(["check", "config"]);
        let program = command.get_program().to_string_lossy().into_owned();
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        let output = match ran.map_err(io::Error::other).flatten() {
            Ok(output) => output,
            Err(error) => return Err(format!("cannot run {program}: {error}")),
        };
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().strip_prefix("couplet: ").unwrap_or(said.trim());
        Err(format!("{program} would not start: {said}"))
    }

    fn command(&self) -> Result<Command, Failure> {
        match &self.program {
            Ok(program) => Ok(Command::new(program)),
            Err(error) => Err(Failure::start(format!(
                "cannot tell which program this is: {error}"
            ))),
        }
    }

    /// Becomes the program that is there now. Returns only if that fails.
    pub(crate) fn replace(&self, listeners: &[Bound]) -> Failure {
        let mut command = match self.command() {
            Ok(command) => command,
            Err(failure) => return failure,
        };
        command.args(&self.arguments);
        let handed_on = transport::hand_on(listeners, &mut command);
        let error = match handed_on {
            Ok(_open) => command.exec(),
            Err(error) => error,
        };
        let program = command.get_program().to_string_lossy();
        Failure::start(format!("cannot restart as {program}: {error}"))
    }
}
