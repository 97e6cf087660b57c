//! What is stored of a password: SCRAM keys.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::limits::ITERATIONS_MAX;
use crate::secret::Secret;
use crate::{Hash, Password};

/// How many iterations new keys get unless the configuration says otherwise, as Prosody's.
pub const ITERATIONS_DEFAULT: NonZeroU32 = NonZeroU32::new(10_000).expect("it is not zero");

/// What is stored of a password, for one hash: from it a proof or a password can be checked, but neither made.
/// Refuses to print.
#[derive(Clone, Debug)]
pub struct ScramKeys {
    pub(crate) hash: Hash,
    pub(crate) iterations: NonZeroU32,
    pub(crate) salt: Box<[u8]>,
    pub(crate) stored_key: Secret,
    pub(crate) server_key: Secret,
}

/// Why a stored text is not [`ScramKeys`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeysError {
    /// It does not name one of our hashes.
    #[error("stored keys are of an unknown hash")]
    UnknownHash,
    /// It has not the form `SCRAM-<hash>$<iterations>:<salt>$<stored key>:<server key>`.
    #[error("stored keys are broken")]
    Broken,
}

impl ScramKeys {
    /// Derives the keys to store, [RFC 5802 §3]. Takes as long as there are iterations, milliseconds as a rule:
    /// not for a worker's thread. `salt` is random, of [`SALT_BYTES`](crate::limits::SALT_BYTES), another one for each hash.
    ///
    /// [RFC 5802 §3]: https://www.rfc-editor.org/rfc/rfc5802#section-3
    pub fn derive(hash: Hash, password: &Password, salt: &[u8], iterations: NonZeroU32) -> Self {
        let salted = hash.salted(password.bytes(), salt, iterations);
        Self::of_salted(hash, salted.bytes(), salt, iterations)
    }

    /// The keys of a password that a client salted itself: `SaltedPassword` of [RFC 5802 §3].
    ///
    /// [RFC 5802 §3]: https://www.rfc-editor.org/rfc/rfc5802#section-3
    pub(crate) fn of_salted(
        hash: Hash,
        salted: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
    ) -> Self {
        let client_key = hash.hmac(salted, b"Client Key");
        Self {
            hash,
            iterations,
            salt: salt.into(),
            stored_key: hash.digest(client_key.bytes()),
            server_key: hash.hmac(salted, b"Server Key"),
        }
    }

    /// Of which hash they are.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// With how many iterations they were derived.
    pub fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// Whether they were derived from this password.
    pub(crate) fn are_of(&self, password: &Password) -> bool {
        let theirs = Self::derive(self.hash, password, &self.salt, self.iterations);
        self.stored_key.is(theirs.stored_key.bytes())
    }

    /// The keys as text to store, in the form of [RFC 5803]: `SCRAM-SHA-256$10000:<salt>$<stored key>:<server key>`.
    ///
    /// [RFC 5803]: https://www.rfc-editor.org/rfc/rfc5803
    pub fn encode(&self) -> String {
        format!(
            "SCRAM-{}${}:{}${}:{}",
            self.hash.name(),
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.stored_key.bytes()),
            STANDARD.encode(self.server_key.bytes()),
        )
    }

    /// Reads keys from their stored text.
    ///
    /// # Errors
    ///
    /// [`KeysError`]; the text itself is not repeated there.
    pub fn decode(text: &str) -> Result<Self, KeysError> {
        let (mechanism, rest) = text.split_once('$').ok_or(KeysError::Broken)?;
        let hash = mechanism
            .strip_prefix("SCRAM-")
            .and_then(Hash::from_name)
            .ok_or(KeysError::UnknownHash)?;
        let (cost, keys) = rest.split_once('$').ok_or(KeysError::Broken)?;
        let (iterations, salt) = cost.split_once(':').ok_or(KeysError::Broken)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or(KeysError::Broken)?;

        let iterations: NonZeroU32 = iterations.parse().map_err(|_| KeysError::Broken)?;
        if iterations.get() > ITERATIONS_MAX {
            return Err(KeysError::Broken);
        }
        Ok(Self {
            hash,
            iterations,
            salt: bytes(salt)?.into(),
            stored_key: key(hash, stored_key)?,
            server_key: key(hash, server_key)?,
        })
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, KeysError> {
    STANDARD.decode(text).map_err(|_| KeysError::Broken)
}

fn key(hash: Hash, text: &str) -> Result<Secret, KeysError> {
    let bytes = bytes(text)?;
    if bytes.len() == hash.output_bytes() {
        Ok(Secret::from(bytes.as_slice()))
    } else {
        Err(KeysError::Broken)
    }
}
