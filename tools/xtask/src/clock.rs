//! The one place where the build scripting reads a clock.

use std::time::{Duration, Instant};

/// When something started.
#[derive(Clone, Copy)]
pub(crate) struct Started(Instant);

impl Started {
    /// Starts counting.
    #[expect(
        clippy::disallowed_methods,
        reason = "steps are timed for whoever waits for them"
    )]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits a moment before a condition outside of this process is looked at again.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no event for \"the server listens now\""
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
