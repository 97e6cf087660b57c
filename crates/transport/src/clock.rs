//! The one place of this crate that reads the monotonic clock.

use std::time::Instant;

/// The monotonic clock. Everything below the edge gets its time as an argument.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the edge: time enters here"
)]
pub fn now() -> Instant {
    Instant::now()
}
