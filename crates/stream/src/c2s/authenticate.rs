//! `<authenticate/>` of [XEP-0388](https://xmpp.org/extensions/xep-0388.html#initiation), read.

use sasl::{SaslFailure, wire::decode};
use xml::{Element, Fragment, ns};

use crate::limits::INLINE_ELEMENTS_MAX;
use crate::{SignInRequest, UserAgent};

/// The namespace of [XEP-0509](https://xmpp.org/extensions/xep-0509.html).
pub(crate) const PIPELINING: &str = "urn:xmpp:iap:0";

/// The element, taken apart.
#[derive(Debug)]
pub(crate) struct Authenticate {
    pub(crate) mechanism: String,
    pub(crate) initial: Option<Vec<u8>>,
    /// The version of our offer that the client goes by, where it did not wait for it.
    pub(crate) version: Option<String>,
    pub(crate) request: SignInRequest,
}

impl Authenticate {
    /// Reads it. Each part of SASL2 itself is there once at most; of what is others' business, the first counts.
    pub(crate) fn read(element: &Element<'_>) -> Result<Self, SaslFailure> {
        let mut read = Self {
            mechanism: element.attr("mechanism").unwrap_or_default().into_owned(),
            initial: None,
            version: None,
            request: SignInRequest::default(),
        };
        let mut has_user_agent = false;
        for child in element.children() {
            if child.is("initial-response", ns::SASL2) && read.initial.is_none() {
                read.initial = Some(decode(&text(&child)?)?);
            } else if child.is("user-agent", ns::SASL2) && !has_user_agent {
                has_user_agent = true;
                read.request.user_agent =
                    UserAgent::read(&child).ok_or(SaslFailure::MalformedRequest)?;
            } else if child.ns() == ns::SASL2 {
                return Err(SaslFailure::MalformedRequest);
            } else if child.is("config-version", PIPELINING) {
                let value = child.attr("value").unwrap_or_default();
                read.version.get_or_insert_with(|| value.into_owned());
            } else if read.request.inline.len() < INLINE_ELEMENTS_MAX {
                read.request.inline.push(Fragment::from(child));
            } else {
                return Err(SaslFailure::MalformedRequest);
            }
        }
        Ok(read)
    }

    /// Whether the client may have sent more behind it that only makes sense if it succeeds.
    pub(crate) fn leads_others(&self) -> bool {
        self.version.is_some() || !self.request.inline.is_empty()
    }
}

/// The text of an element of SASL, in which no element has a place. White space around it is no part of the
/// message: the examples of XEP-0388 have it.
pub(crate) fn text(element: &Element<'_>) -> Result<String, SaslFailure> {
    if element.children().next().is_some() {
        return Err(SaslFailure::MalformedRequest);
    }
    Ok(element.text().trim().to_owned())
}
