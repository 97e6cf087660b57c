//! The peer's stream header: what it says and what is wrong with it,
//! [RFC 6120 §4.7](https://www.rfc-editor.org/rfc/rfc6120#section-4.7).

use std::sync::Arc;

use jid::{BareJid, Domain, Jid};
use xml::{Element, Framing, Ns, ns};

use crate::StreamFault;

/// An `xml:lang` longer than this is ignored; language tags in use have at most 35 characters
/// ([RFC 5646 §4.4.1](https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1)).
const LANG_BYTES_MAX: usize = 64;

/// A stream header that can be answered.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) host: Domain,
    pub(crate) from: Option<BareJid>,
    pub(crate) lang: Option<Arc<str>>,
}

/// A stream header that ends the stream, with what our own header needs nevertheless.
#[derive(Debug)]
pub(crate) struct BadHeader {
    pub(crate) fault: StreamFault,
    pub(crate) host: Option<Domain>,
}

impl Header {
    /// Reads a header of a client's stream.
    pub(crate) fn read(element: &Element<'_>, framing: Framing) -> Result<Self, BadHeader> {
        let to = element.attr("to");
        let host = to.as_deref().map(Domain::parse);
        let checked = check_form(element, framing).and_then(|()| {
            let from = element.attr("from").as_deref().map(Jid::parse).transpose();
            from.map_err(|_| StreamFault::FromMalformed)
        });
        match (host, checked) {
            (Some(Ok(host)), Ok(from)) => Ok(Self {
                host,
                from: from.map(|from| from.bare()),
                lang: lang(element),
            }),
            (host, Err(fault)) => Err(BadHeader {
                fault,
                host: host.and_then(Result::ok),
            }),
            (None, Ok(_)) => Err(StreamFault::ToMissing.into()),
            (Some(Err(_)), Ok(_)) => Err(StreamFault::ToMalformed.into()),
        }
    }
}

impl From<StreamFault> for BadHeader {
    fn from(fault: StreamFault) -> Self {
        Self { fault, host: None }
    }
}

/// Name, namespaces and version. An absent version means one before 1.0, which we do not speak
/// ([§4.7.5](https://www.rfc-editor.org/rfc/rfc6120#section-4.7.5)); a later one is answered with 1.0.
fn check_form(element: &Element<'_>, framing: Framing) -> Result<(), StreamFault> {
    let is_known = match framing {
        Framing::Stream => element.is("stream", ns::STREAMS) && element.default_ns() == Ns::Content,
        Framing::Document => element.is("open", ns::FRAMING),
    };
    if !is_known {
        return Err(StreamFault::InvalidNamespace);
    }
    let version = element.attr("version");
    match version.as_deref().and_then(major) {
        Some(1..) => Ok(()),
        Some(0) | None => Err(StreamFault::UnsupportedVersion),
    }
}

/// The major number of a version.
fn major(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    minor.parse::<u32>().ok()?;
    major.parse().ok()
}

fn lang(element: &Element<'_>) -> Option<Arc<str>> {
    let lang = element.lang()?;
    let is_tag = (1..=LANG_BYTES_MAX).contains(&lang.len())
        && lang
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_tag.then(|| lang.into())
}
