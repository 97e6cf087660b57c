//! From a [`Stanza`] to bytes: for a stream, inside `<forwarded/>`, and for the store.
//!
//! A child is in detached form and is always copied as it is. Only the stanza's own start tag differs from one place
//! to the other: who it goes to, and whether it declares its namespace.

use jid::Jid;
use thiserror::Error;
use xml::{Fault, Fragment, Tree, escape_attr};

use crate::child::Child;
use crate::{Kind, RejectReason, Stanza};

/// How a stanza is written in one place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output<'a> {
    /// Written as `to` instead of the stanza's own.
    pub to: Option<&'a Jid>,
    /// Written as `from` instead of the stanza's own.
    pub from: Option<&'a Jid>,
    /// Declared as the default namespace. Streams of one-document framing need it; a continuous stream has declared
    /// it in its header.
    pub declare_ns: Option<&'a str>,
    /// Written behind the stanza's children.
    pub added: &'a [Fragment],
}

/// Why stored bytes are no stanza: they were not written by [`Stanza::to_stored`].
#[derive(Debug, Error)]
pub enum StoredError {
    /// They are not XML.
    #[error("a stored stanza is not well-formed: {0}")]
    Xml(#[from] Fault),
    /// They are not a valid stanza.
    #[error("a stored stanza is not valid: {0}")]
    Invalid(RejectReason),
}

impl Stanza {
    /// Appends the stanza.
    pub fn write(&self, out: &mut Vec<u8>, output: Output<'_>) {
        self.write_with(out, output, |_| true);
    }

    /// Appends the stanza with those of its children only whose places `keeps` says so of.
    pub fn write_with(&self, out: &mut Vec<u8>, output: Output<'_>, keeps: impl Fn(usize) -> bool) {
        let name = self.kind.name();
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        self.write_head(out, &output);
        if output.added.is_empty() && !(0..self.children.len()).any(&keeps) {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        let children = self.children.iter().enumerate();
        for (_, child) in children.filter(|(place, _)| keeps(*place)) {
            match child {
                Child::Block(_) => out.extend_from_slice(child.view(&self.block).bytes()),
                Child::Added(fragment) => out.extend_from_slice(fragment.bytes()),
            }
        }
        for fragment in output.added {
            out.extend_from_slice(fragment.bytes());
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
    }

    fn write_head(&self, out: &mut Vec<u8>, output: &Output<'_>) {
        if let Some(ns) = output.declare_ns {
            write_attribute("xmlns", ns, out);
        }
        let unparsed_from = || self.rare.as_ref()?.unparsed_from.as_deref();
        let from = output.from.or(self.from.as_ref()).map(Jid::as_str);
        if let Some(from) = from.or_else(unparsed_from) {
            write_attribute("from", from, out);
        }
        if let Some(to) = output.to.or(self.to.as_ref()) {
            write_attribute("to", to.as_str(), out);
        }
        if let Some(id) = self.id() {
            write_attribute("id", id, out);
        }
        if let Some(name) = self.written_type() {
            write_attribute("type", name, out);
        }
        if let Some(lang) = self.lang() {
            write_attribute("xml:lang", lang, out);
        }
        if let Some(rare) = &self.rare {
            out.extend_from_slice(rare.attributes.as_bytes());
        }
    }

    fn written_type(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Message(crate::MessageType::Normal) if !self.names_normal => None,
            kind => kind.type_name(),
        }
    }

    /// The stanza as one element that declares its namespace, to be put into `<forwarded/>` and the like
    /// ([XEP-0297 §3.2](https://xmpp.org/extensions/xep-0297.html), rule 3): usually `jabber:client`.
    #[must_use]
    pub fn to_fragment(&self, content_ns: &str) -> Fragment {
        let text = self.to_text(Output {
            declare_ns: Some(content_ns),
            ..Output::default()
        });
        Fragment::parse(&text).expect("a stanza is written as well-formed XML")
    }

    /// The stanza for the store: XML without a declaration of its namespace, so that it can be delivered over any
    /// stream later, and an operator can read it.
    #[must_use]
    pub fn to_stored(&self) -> Vec<u8> {
        self.to_text(Output::default()).into_bytes()
    }

    /// Reads what [`Stanza::to_stored`] wrote.
    ///
    /// # Errors
    ///
    /// [`StoredError`] for anything else.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, StoredError> {
        let tree = Tree::parse_fragment(bytes)?;
        Self::accept(&tree.root(), None).map_err(|rejected| StoredError::Invalid(rejected.reason))
    }

    fn to_text(&self, output: Output<'_>) -> String {
        let mut out = Vec::with_capacity(self.bytes_len());
        self.write(&mut out, output);
        String::from_utf8(out).expect("a stanza is made of texts")
    }
}

/// Appends ` name='value'`.
pub(crate) fn write_attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attr(value, out);
    out.push(b'\'');
}
