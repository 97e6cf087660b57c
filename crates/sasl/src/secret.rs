//! Bytes that are compared in constant time and never printed.

use std::fmt;

use subtle::ConstantTimeEq;

/// Key material: refuses to print, and is compared without telling where it differs.
#[derive(Clone)]
pub(crate) struct Secret(Box<[u8]>);

impl Secret {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same, in time that depends on the length only.
    pub(crate) fn is(&self, other: &[u8]) -> bool {
        self.0.ct_eq(other).into()
    }

    /// `self XOR other`, byte by byte; of the shorter one's length.
    pub(crate) fn xor(&self, other: &[u8]) -> Self {
        Self(self.0.iter().zip(other).map(|(a, b)| a ^ b).collect())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
