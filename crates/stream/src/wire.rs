//! What a stream writes besides stanzas: headers, features, errors, closing tags, in either framing.
//!
//! Where each element is a document of its own, each is ended by the byte [`DOCUMENT_END`], which XML cannot
//! hold: the driver cuts there.

use jid::{BareJid, Domain};
use sasl::SaslFailure;
use stanza::{Output, Stanza};
use xml::{Fragment, Framing, Ns, escape_attr, escape_text, ns};

use crate::{StreamFault, StreamId};

/// Ends each document of one-document framing in the output. It is no part of the document.
pub const DOCUMENT_END: u8 = 0;

/// The documents of an output of one-document framing, without their ends.
pub fn documents(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output
        .split(|byte| *byte == DOCUMENT_END)
        .filter(|document| !document.is_empty())
}

/// Output that waits to be flushed.
#[derive(Debug)]
pub(crate) struct Wire {
    framing: Framing,
    /// The last failure of a sign-in that was told, until somebody asks for it.
    sasl_failure: Option<SaslFailure>,
    out: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(framing: Framing) -> Self {
        Self {
            framing,
            sasl_failure: None,
            out: Vec::new(),
        }
    }

    /// Hands over what waits and keeps no memory for it. `out` keeps its own: it is the worker's, and used again.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) {
        if !self.out.is_empty() {
            out.append(&mut self.out);
            self.out = Vec::new();
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.out.capacity()
    }

    /// Notes that the client was told of a sign-in that failed.
    pub(crate) fn note_sasl_failure(&mut self, failure: SaslFailure) {
        self.sasl_failure = Some(failure);
    }

    /// What was noted last by [`Wire::note_sasl_failure`].
    pub(crate) fn take_sasl_failure(&mut self) -> Option<SaslFailure> {
        self.sasl_failure.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The header of our side, [RFC 6120 §4.7](https://www.rfc-editor.org/rfc/rfc6120#section-4.7),
    /// [RFC 7395 §3.4](https://www.rfc-editor.org/rfc/rfc7395#section-3.4).
    pub(crate) fn header(&mut self, id: StreamId, from: Option<&Domain>, to: Option<&BareJid>) {
        let out = &mut self.out;
        match self.framing {
            Framing::Stream => {
                out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
                attr(out, "xmlns", ns::CLIENT);
                attr(out, "xmlns:stream", ns::STREAMS);
            }
            Framing::Document => {
                out.extend_from_slice(b"<open");
                attr(out, "xmlns", ns::FRAMING);
            }
        }
        attr(out, "id", &id.to_string());
        if let Some(from) = from {
            attr(out, "from", from.as_str());
        }
        if let Some(to) = to {
            attr(out, "to", to.as_str());
        }
        attr(out, "version", "1.0");
        attr(out, "xml:lang", "en");
        match self.framing {
            Framing::Stream => out.push(b'>'),
            Framing::Document => {
                out.extend_from_slice(b"/>");
                out.push(DOCUMENT_END);
            }
        }
    }

    /// `<stream:features/>` with what `fill` writes.
    pub(crate) fn features(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.stream_element("features", fill);
    }

    /// `<stream:error/>`, [RFC 6120 §4.9.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.2).
    pub(crate) fn error(&mut self, fault: &StreamFault) {
        self.stream_element("error", |out| write_error(fault, out));
    }

    /// The closing tag, [RFC 6120 §4.4](https://www.rfc-editor.org/rfc/rfc6120#section-4.4),
    /// [RFC 7395 §3.6](https://www.rfc-editor.org/rfc/rfc7395#section-3.6).
    pub(crate) fn close(&mut self) {
        match self.framing {
            Framing::Stream => self.out.extend_from_slice(b"</stream:stream>"),
            Framing::Document => {
                self.out.extend_from_slice(b"<close");
                attr(&mut self.out, "xmlns", ns::FRAMING);
                self.out.extend_from_slice(b"/>");
                self.out.push(DOCUMENT_END);
            }
        }
    }

    /// An element without attributes of its own: `name` in `ns`, with what `fill` writes.
    pub(crate) fn element(&mut self, name: &str, ns: &str, fill: impl FnOnce(&mut Vec<u8>)) {
        write_element(&mut self.out, name, ns, fill);
        end_document(self.framing, &mut self.out);
    }

    /// A space, where the framing allows one between elements.
    pub(crate) fn keepalive(&mut self) {
        if self.framing == Framing::Stream {
            self.out.push(b' ');
        }
    }

    pub(crate) fn stanza(&mut self, stanza: &Stanza) {
        write_stanza(self.framing, stanza, Output::default(), &mut self.out);
    }

    pub(crate) fn nonza(&mut self, nonza: &Fragment) {
        write_nonza(self.framing, nonza, &mut self.out);
    }

    fn stream_element(&mut self, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.out;
        out.extend_from_slice(b"<stream:");
        out.extend_from_slice(name.as_bytes());
        if self.framing == Framing::Document {
            attr(out, "xmlns:stream", ns::STREAMS);
        }
        out.push(b'>');
        fill(out);
        out.extend_from_slice(b"</stream:");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
        end_document(self.framing, out);
    }
}

/// Appends a stanza as its framing wants it; `output` may say more.
pub(crate) fn write_stanza(
    framing: Framing,
    stanza: &Stanza,
    output: Output<'_>,
    out: &mut Vec<u8>,
) {
    let declare_ns = (framing == Framing::Document).then_some(ns::CLIENT);
    stanza.write(
        out,
        Output {
            declare_ns,
            ..output
        },
    );
    end_document(framing, out);
}

/// Appends a first-level element that `write` writes: one in a namespace that it declares itself.
pub(crate) fn write_foreign(framing: Framing, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    write(out);
    end_document(framing, out);
}

/// Appends a first-level element that is no stanza.
pub(crate) fn write_nonza(framing: Framing, nonza: &Fragment, out: &mut Vec<u8>) {
    let default = match framing {
        Framing::Stream => Ns::Content,
        Framing::Document => Ns::Uri(""),
    };
    nonza.write_into(default, ns::CLIENT, out);
    end_document(framing, out);
}

/// Appends `<name xmlns='ns'>…</name>`, or an empty element where `fill` writes nothing.
pub(crate) fn write_element(
    out: &mut Vec<u8>,
    name: &str,
    ns: &str,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    attr(out, "xmlns", ns);
    out.push(b'>');
    let inside = out.len();
    fill(out);
    if out.len() == inside {
        out.pop();
        out.extend_from_slice(b"/>");
    } else {
        out.extend_from_slice(b"</");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
    }
}

/// Appends `<name>text</name>`, in the namespace of what stands around it.
pub(crate) fn write_text_child(out: &mut Vec<u8>, name: &str, text: &str) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
    escape_text(text, out);
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Appends ` name='value'`.
pub(crate) fn attr(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attr(value, out);
    out.push(b'\'');
}

fn end_document(framing: Framing, out: &mut Vec<u8>) {
    if framing == Framing::Document {
        out.push(DOCUMENT_END);
    }
}

/// The condition, the text, and the element of an application, in that order.
fn write_error(fault: &StreamFault, out: &mut Vec<u8>) {
    write_element(out, fault.condition(), ns::STREAM_ERRORS, |out| {
        if let StreamFault::SeeOtherHost(host) = fault {
            escape_text(host, out);
        }
    });
    if let Some(text) = fault.text() {
        out.extend_from_slice(b"<text");
        attr(out, "xmlns", ns::STREAM_ERRORS);
        attr(out, "xml:lang", "en");
        out.push(b'>');
        escape_text(text, out);
        out.extend_from_slice(b"</text>");
    }
    match fault {
        StreamFault::ElementTooLarge { .. } => {
            write_element(out, "stanza-too-big", "urn:xmpp:errors", |_| {});
        }
        StreamFault::HandledCountTooHigh { h, sent } => {
            out.extend_from_slice(b"<handled-count-too-high");
            attr(out, "xmlns", "urn:xmpp:sm:3");
            attr(out, "h", &h.to_string());
            attr(out, "send-count", &sent.to_string());
            out.extend_from_slice(b"/>");
        }
        _ => {}
    }
}
