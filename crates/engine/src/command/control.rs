//! What only the serving process can do, asked for by commands.

/// The serving process, as commands see it.
pub trait Control: Send + Sync {
    /// Reads configuration and certificates anew.
    ///
    /// # Errors
    ///
    /// A sentence; then nothing has changed.
    fn reload(&self) -> Result<(), String>;

    /// The process id.
    fn pid(&self) -> u32;
}
