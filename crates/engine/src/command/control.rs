//! What only the serving process can do, asked for by commands.

use std::{
    future::{Future, ready},
    pin::Pin,
};

/// The serving process, as commands see it. What has a body here is what a process can do that has nothing of the kind.
pub trait Control: Send + Sync {
    /// Reads configuration and certificates anew.
    ///
    /// # Errors
    ///
    /// A sentence; then nothing has changed.
    fn reload(&self) -> Result<(), String>;

    /// Has the process go on as the program that is installed now: it ends in good order and keeps its ports open.
    /// Completes when that is certain; it happens after the answer to the command.
    ///
    /// # Errors
    ///
    /// A sentence when that program would not start; then everything goes on.
    fn restart(&self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(ready(Err("this process can't be restarted".to_owned())))
    }

    /// The process id.
    fn pid(&self) -> u32;

    /// Keys for which the configuration has another value by now than the process was started with, and that are read
    /// at a start only.
    fn needs_restart(&self) -> Vec<String> {
        Vec::new()
    }

    /// Logs what is at least as severe as `level` from now on, everywhere or in one module: one of
    /// [`LOG_LEVELS`]. Says in a sentence what is logged now.
    ///
    /// # Errors
    ///
    /// A sentence when that can't be.
    fn set_log(&self, _level: &str, _module: Option<&str>) -> Result<String, String> {
        Err("this process has no log".to_owned())
    }

    /// Completes when each worker has done something; gives how many there are.
    fn ask_workers(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(ready(0))
    }
}

/// How much can be logged, and what gives it back to the configuration.
pub const LOG_LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace", "default"];
