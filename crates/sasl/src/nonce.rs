//! The server's half of a SCRAM nonce.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The server's half of a SCRAM nonce: printable ASCII without commas, unguessable.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Nonce(String);

impl Nonce {
    /// Makes a nonce of random bytes, of which there should be
    /// [`NONCE_RANDOM_BYTES`](crate::limits::NONCE_RANDOM_BYTES).
    pub fn from_bytes(random: &[u8]) -> Self {
        Self(STANDARD.encode(random))
    }

    /// Takes a nonce as it is, for test vectors. `None` unless [`Nonce::is_valid`].
    pub fn from_text(text: &str) -> Option<Self> {
        Self::is_valid(text).then(|| Self(text.to_owned()))
    }

    /// Whether a text may be a nonce: printable ASCII without commas, and not empty, [RFC 5802 §5.1].
    ///
    /// [RFC 5802 §5.1]: https://www.rfc-editor.org/rfc/rfc5802#section-5.1
    pub fn is_valid(text: &str) -> bool {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',')
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
