//! Text that refuses to print.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password. Travels over the admin socket, which is the operator's alone, and nowhere else.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for whoever must use it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
