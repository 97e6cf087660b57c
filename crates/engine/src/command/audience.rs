//! Who hears what a command says before it ends: the command line, not a form.

use std::pin::Pin;

use super::Outcome;

/// Somebody who listens while a command runs.
pub trait Audience: Send + Sync {
    /// Tells one thing. `false` when nobody listens any more.
    fn hear(&self, said: Outcome) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}
