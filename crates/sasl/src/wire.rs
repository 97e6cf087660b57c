//! The messages of an exchange as text of an XML element, [RFC 6120 §6.4], and what else of an offer becomes text.
//!
//! [RFC 6120 §6.4]: https://www.rfc-editor.org/rfc/rfc6120#section-6.4

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::limits::MESSAGE_BYTES_MAX;
use crate::{Hash, SaslFailure};

/// Writes a message: base64, and `=` for one of no bytes.
pub fn encode(message: &[u8]) -> String {
    if message.is_empty() {
        return "=".to_owned();
    }
    STANDARD.encode(message)
}

/// Reads the text of `<response/>`: base64; an empty text and `=` are a message of no bytes.
///
/// # Errors
///
/// [`SaslFailure::MalformedRequest`] past [`MESSAGE_BYTES_MAX`], [`SaslFailure::IncorrectEncoding`] for broken
/// base64, which white space is part of.
pub fn decode(text: &str) -> Result<Vec<u8>, SaslFailure> {
    if text.len() > MESSAGE_BYTES_MAX.div_ceil(3) * 4 {
        return Err(SaslFailure::MalformedRequest);
    }
    if text == "=" {
        return Ok(Vec::new());
    }
    STANDARD
        .decode(text)
        .map_err(|_| SaslFailure::IncorrectEncoding)
}

/// Reads the text of `<auth/>`: as [`decode`], but an empty text means that there is no initial response.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_initial(text: &str) -> Result<Option<Vec<u8>>, SaslFailure> {
    if text.is_empty() {
        return Ok(None);
    }
    decode(text).map(Some)
}

/// A short text that is another one as soon as one byte of an offer is: 108 bits of its hash.
pub fn fingerprint(offer: &[u8]) -> String {
    let hash = Hash::Sha256.digest(offer);
    let mut text = URL_SAFE_NO_PAD.encode(hash.bytes());
    text.truncate(18);
    text
}
