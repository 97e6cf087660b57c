//! Credentials for accounts that do not exist.

use std::fmt;
use std::num::NonZeroU32;

use crate::limits::SALT_BYTES;
use crate::secret::Secret;
use crate::{Hash, ScramKeys};

/// Makes credentials for names that have no account, so that a sign-in to them goes as any other until it
/// fails. The same name always gets the same salt, across restarts too if the secret is stored.
#[derive(Clone)]
pub struct FakeCredentials(Secret);

impl FakeCredentials {
    /// Takes the secret: random once, then stored with the server.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(Secret::from(secret.as_slice()))
    }

    /// Keys for a prepared name, to be used with [`Credentials::refused`](crate::Credentials::refused). `iterations` is what new accounts of
    /// the host get, so that the name looks like one of them. Make them for every sign-in, known or not,
    /// and drop them if the account is there: then the work is the same as well.
    pub fn for_name(&self, name: &str, hash: Hash, iterations: NonZeroU32) -> ScramKeys {
        let salt = self.draw("salt", name, hash);
        ScramKeys {
            hash,
            iterations,
            salt: salt.bytes().iter().copied().take(SALT_BYTES).collect(),
            stored_key: self.draw("stored key", name, hash),
            server_key: self.draw("server key", name, hash),
        }
    }

    /// As many bytes as the hash yields, that only the holder of the secret can foretell.
    fn draw(&self, purpose: &str, name: &str, hash: Hash) -> Secret {
        let input = [purpose, hash.name(), name].join("\0");
        hash.hmac(self.0.bytes(), input.as_bytes())
    }
}

impl fmt::Debug for FakeCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeCredentials(..)")
    }
}
