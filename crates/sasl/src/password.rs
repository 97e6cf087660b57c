//! A password in the clear, for as short as may be.

use std::fmt;

use crate::limits::PASSWORD_BYTES_MAX;
use crate::{PrepareError, saslprep};

/// A prepared password. Refuses to print.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Prepares a password with SASLprep.
    ///
    /// # Errors
    ///
    /// As [`saslprep`], [`PrepareError::Empty`] when nothing is left, and [`PrepareError::TooLong`] past
    /// [`PASSWORD_BYTES_MAX`].
    pub fn prepare(password: &str) -> Result<Self, PrepareError> {
        let prepared = saslprep::prepare_bounded(password, PASSWORD_BYTES_MAX)?;
        Ok(Self(prepared.into_owned()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
