//! Upgrade tasks: a client that proved to know its password gives the server the keys of a further hash,
//! [XEP-0480](https://xmpp.org/extensions/xep-0480.html), without anybody setting the password again.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Hash, SaslFailure, ScramKeys};

/// What every task's name begins with.
const PREFIX: &str = "UPGR-SCRAM-";

/// One upgrade task: what the client is told, and what is made of its answer.
#[derive(Clone, Debug)]
pub struct ScramUpgrade {
    hash: Hash,
    salt: Box<[u8]>,
    iterations: NonZeroU32,
}

impl ScramUpgrade {
    /// The name of the task for a hash: that of the mechanism, without channel binding.
    #[must_use]
    pub const fn task_name(hash: Hash) -> &'static str {
        match hash {
            Hash::Sha1 => "UPGR-SCRAM-SHA-1",
            Hash::Sha256 => "UPGR-SCRAM-SHA-256",
            Hash::Sha512 => "UPGR-SCRAM-SHA-512",
        }
    }

    /// The hash that a task of this name is for.
    #[must_use]
    pub fn from_task_name(name: &str) -> Option<Hash> {
        Hash::from_name(name.strip_prefix(PREFIX)?)
    }

    /// Begins a task. `salt` is random, of [`SALT_BYTES`](crate::limits::SALT_BYTES).
    #[must_use]
    pub fn new(hash: Hash, salt: &[u8], iterations: NonZeroU32) -> Self {
        Self {
            hash,
            salt: salt.into(),
            iterations,
        }
    }

    /// Which hash it is for.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The text of `<salt/>`.
    #[must_use]
    pub fn salt(&self) -> String {
        STANDARD.encode(&self.salt)
    }

    /// How often the client has to hash.
    #[must_use]
    pub fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// Makes keys of the text of `<hash/>`: the salted password. That it is the one the client signed in with cannot be
    /// checked, and need not be: who knows the password may set another one.
    ///
    /// # Errors
    ///
    /// [`SaslFailure::IncorrectEncoding`] for broken base64, [`SaslFailure::MalformedRequest`] for a value of another length
    /// than the hash has.
    pub fn finish(&self, text: &str) -> Result<ScramKeys, SaslFailure> {
        if text.len() > self.hash.output_bytes().div_ceil(3) * 4 {
            return Err(SaslFailure::MalformedRequest);
        }
        let salted = STANDARD
            .decode(text)
            .map_err(|_| SaslFailure::IncorrectEncoding)?;
        if salted.len() != self.hash.output_bytes() {
            return Err(SaslFailure::MalformedRequest);
        }
        let keys = ScramKeys::of_salted(self.hash, &salted, &self.salt, self.iterations);
        Ok(keys)
    }
}
