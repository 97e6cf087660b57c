//! The two forms in which XMPP carries SASL: that of [RFC 6120 §6.4](https://www.rfc-editor.org/rfc/rfc6120#section-6.4)
//! and that of [XEP-0388](https://xmpp.org/extensions/xep-0388.html), SASL2. What a mechanism says is the same in both.

use sasl::{
    SaslFailure,
    wire::{decode, encode},
};
use xml::{Element, Fragment, Ns, escape_text, ns};

use super::authenticate;
use crate::wire::Wire;

/// In which form a sign-in runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    Rfc6120,
    Sasl2,
}

impl Profile {
    fn ns(self) -> &'static str {
        match self {
            Self::Rfc6120 => ns::SASL,
            Self::Sasl2 => ns::SASL2,
        }
    }

    /// Writes a challenge. Neither form says one of no bytes with more than an empty element.
    pub(crate) fn challenge(self, challenge: &[u8], wire: &mut Wire) {
        wire.element("challenge", self.ns(), |out| write_message(challenge, out));
    }

    /// Reads the text of `<response/>`.
    pub(crate) fn response(self, element: &Element<'_>) -> Result<Vec<u8>, SaslFailure> {
        match self {
            Self::Rfc6120 => decode(&text(element)?),
            Self::Sasl2 => decode(&authenticate::text(element)?),
        }
    }

    /// Says that a sign-in failed, and what `why` has to say besides.
    pub(crate) fn failure(self, failure: SaslFailure, why: Option<&Fragment>, wire: &mut Wire) {
        wire.element("failure", self.ns(), |out| {
            out.push(b'<');
            out.extend_from_slice(failure.condition().as_bytes());
            if self == Self::Sasl2 {
                crate::wire::attr(out, "xmlns", ns::SASL);
            }
            out.extend_from_slice(b"/>");
            if let Some(why) = why {
                why.write_into(Ns::Uri(self.ns()), ns::CLIENT, out);
            }
        });
    }
}

/// Writes a message of a mechanism; one of no bytes is no text.
pub(crate) fn write_message(message: &[u8], out: &mut Vec<u8>) {
    if !message.is_empty() {
        escape_text(&encode(message), out);
    }
}

/// The text of an element of RFC 6120, in which no element has a place.
pub(crate) fn text(element: &Element<'_>) -> Result<String, SaslFailure> {
    if element.children().next().is_some() {
        return Err(SaslFailure::MalformedRequest);
    }
    Ok(element.text().into_owned())
}
