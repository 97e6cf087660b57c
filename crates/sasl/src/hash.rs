//! The hash functions of the SCRAM family and what is built on them.

use std::num::NonZeroU32;

use ring::{digest, hmac, pbkdf2};

use crate::secret::Secret;

/// A hash function of the SCRAM family.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Hash {
    /// SHA-1, of SCRAM-SHA-1: as a key derivation still sound, and all that old clients have.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

impl Hash {
    /// Every hash, the weakest first.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name as in mechanisms and in the configuration: `SHA-1`, `SHA-256`, `SHA-512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The hash of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }

    /// How many bytes it yields.
    pub(crate) const fn output_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// `H(input)`
    pub(crate) fn digest(self, input: &[u8]) -> Secret {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        Secret::from(digest::digest(algorithm, input).as_ref())
    }

    /// `HMAC(key, input)`
    pub(crate) fn hmac(self, key: &[u8], input: &[u8]) -> Secret {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        let key = hmac::Key::new(algorithm, key);
        Secret::from(hmac::sign(&key, input).as_ref())
    }

    /// `Hi(password, salt, iterations)`: PBKDF2 with one block.
    pub(crate) fn salted(self, password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Secret {
        let algorithm = match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        let mut out = vec![0; self.output_bytes()];
        pbkdf2::derive(algorithm, iterations, salt, password, &mut out);
        Secret::from(out.as_slice())
    }
}
