//! The client's SCRAM messages, read as [RFC 5802 §7] writes them.
//!
//! [RFC 5802 §7]: https://www.rfc-editor.org/rfc/rfc5802#section-7

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::SaslFailure;
use crate::limits::{AUTHZID_BYTES_MAX, NONCE_BYTES_MAX};
use crate::nonce::Nonce;

/// What the client says about channel binding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flag<'a> {
    /// `n`: it cannot.
    Unsupported,
    /// `y`: it could, but thinks that we cannot.
    NotOffered,
    /// `p=`: it does, with the binding of this name.
    Used(&'a str),
}

/// `client-first-message`
pub(crate) struct ClientFirst<'a> {
    /// With both its commas: what the final message repeats.
    pub(crate) gs2_header: &'a str,
    pub(crate) flag: Flag<'a>,
    pub(crate) authzid: Option<String>,
    /// Unescaped, not prepared.
    pub(crate) username: String,
    pub(crate) nonce: &'a str,
    /// `client-first-message-bare`
    pub(crate) bare: &'a str,
}

/// `client-final-message`
pub(crate) struct ClientFinal<'a> {
    /// `client-final-message-without-proof`
    pub(crate) without_proof: &'a str,
    /// Of `c=`, decoded.
    pub(crate) binding: Vec<u8>,
    pub(crate) nonce: &'a str,
    /// Of `p=`, decoded.
    pub(crate) proof: Vec<u8>,
}

impl<'a> ClientFirst<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, SaslFailure> {
        Self::read(message).ok_or(SaslFailure::MalformedRequest)
    }

    fn read(message: &'a [u8]) -> Option<Self> {
        let message = text(message)?;
        let (flag, rest) = message.split_once(',')?;
        let flag = match flag {
            "n" => Flag::Unsupported,
            "y" => Flag::NotOffered,
            _ => Flag::Used(flag.strip_prefix("p=").filter(|name| !name.is_empty())?),
        };
        let (authzid, bare) = rest.split_once(',')?;
        let authzid = match authzid {
            "" => None,
            _ => Some(unescape(authzid.strip_prefix("a=")?)?),
        };
        if authzid
            .as_ref()
            .is_some_and(|authzid| authzid.len() > AUTHZID_BYTES_MAX)
        {
            return None;
        }
        let gs2_header = message.strip_suffix(bare)?;

        // A leading `m=` asks for an extension that must be understood; none is, so nothing but `n=` will do.
        let mut attributes = bare.split(',');
        let username = unescape(attributes.next()?.strip_prefix("n=")?)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        if !Nonce::is_valid(nonce) || nonce.len() > NONCE_BYTES_MAX {
            return None;
        }
        attributes.all(is_extension).then_some(Self {
            gs2_header,
            flag,
            authzid,
            username,
            nonce,
            bare,
        })
    }
}

impl<'a> ClientFinal<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, SaslFailure> {
        Self::read(message).ok_or(SaslFailure::MalformedRequest)
    }

    fn read(message: &'a [u8]) -> Option<Self> {
        let (without_proof, proof) = text(message)?.rsplit_once(",p=")?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next()?.strip_prefix("c=")?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        attributes.all(is_extension).then_some(Self {
            without_proof,
            binding: STANDARD.decode(binding).ok()?,
            nonce,
            proof: STANDARD.decode(proof).ok()?,
        })
    }
}

/// UTF-8 without NUL.
fn text(message: &[u8]) -> Option<&str> {
    let message = std::str::from_utf8(message).ok()?;
    (!message.contains('\0')).then_some(message)
}

/// An extension that may be ignored: one letter that is not `m`, `=`, a value.
fn is_extension(attribute: &str) -> bool {
    let Some((name, value)) = attribute.split_once('=') else {
        return false;
    };
    matches!(name.as_bytes(), [letter] if letter.is_ascii_alphabetic() && *letter != b'm')
        && !value.is_empty()
}

/// Reads a `saslname`: not empty, `=2C` for a comma and `=3D` for `=`, any other `=` an error.
fn unescape(name: &str) -> Option<String> {
    let mut pieces = name.split('=');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (escaped, rest) = piece.split_at_checked(2)?;
        out.push(match escaped {
            "2C" => ',',
            "3D" => '=',
            _ => return None,
        });
        out.push_str(rest);
    }
    (!out.is_empty()).then_some(out)
}

/// Writes a `saslname`.
pub(crate) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}
