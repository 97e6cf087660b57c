//! The one place of the tool that reads the clock.

use std::time::Instant;

/// The monotonic clock.
#[expect(
    clippy::disallowed_methods,
    reason = "to take time is what this tool is for"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
