//! Detached form: an element that stands for itself, so that its bytes mean the same wherever they are spliced in.
//!
//! * What is in the content namespace has no prefix and no declaration: it means whatever it is written into.
//! * Declarations made outside that it uses are written into its start tag, once.
//! * Everything else stays as it was sent. Below an element of another default namespace `xmlns='jabber:client'`
//!   is a namespace like any other, as in `<forwarded/>`, and stays.

use crate::{
    element::Element,
    escape::escape_attr,
    ns::Ns,
    tape::{NsCode, NsRef, Span},
};

impl<'a> Element<'a> {
    /// Whether [`bytes`](Self::bytes) are in detached form as they are. Nearly always, and cheap to say.
    pub fn is_detached_already(&self) -> bool {
        let record = self.record();
        !record.redundant
            && self.outer_default().is_none()
            && (!self.tape.intricate
                || self.descend().all(|inner| {
                    inner.prefix_as_content().is_none()
                        && !inner.record().redundant
                        && inner.outer_prefixes(self.at).next().is_none()
                }))
    }

    /// Appends the element in detached form: it no longer needs what was declared outside of it, and carries no
    /// declaration of the content namespace.
    pub fn write_detached(&self, out: &mut Vec<u8>) {
        if self.is_detached_already() {
            out.extend_from_slice(self.bytes());
            return;
        }
        let mut edits = Vec::new();
        for inner in self.descend() {
            inner.unprefix(&mut edits);
            if inner.record().redundant {
                inner.drop_declaration(&mut edits);
            }
        }
        let record = self.record();
        let behind_name = record.start as usize + 1 + usize::from(record.name_len);
        edits.push(Edit {
            start: behind_name,
            end: behind_name,
            insert: self.outer_declarations(),
        });
        // Behind a name: what is put in stands before what is dropped.
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut at = record.start as usize;
        for edit in &edits {
            out.extend_from_slice(self.text.get(at..edit.start).unwrap_or_default().as_bytes());
            out.extend_from_slice(&edit.insert);
            at = edit.end;
        }
        let rest = self.text.get(at..record.end as usize).unwrap_or_default();
        out.extend_from_slice(rest.as_bytes());
    }

    /// This element and all below it, in document order.
    fn descend(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let root = *self;
        (root.at..root.record().next).map(move |at| Element { at, ..root })
    }

    /// The default namespace that comes from outside and would get lost.
    fn outer_default(&self) -> Option<NsCode> {
        let code = self.record().default;
        let comes_from_outside = match code.to_ref() {
            NsRef::Content | NsRef::Xml => false,
            NsRef::None => !self.raw_attributes().any(|raw| raw.name == "xmlns"),
            NsRef::Declared(index) => self
                .tape
                .declarations
                .get(index as usize)
                .is_some_and(|declaration| declaration.element < self.at),
            NsRef::Inherited(_) => true,
        };
        comes_from_outside.then_some(code)
    }

    /// The prefixes used in this start tag that are declared outside of the element at `top`.
    fn outer_prefixes(&self, top: u32) -> impl Iterator<Item = &'a str> + use<'a> {
        let element = *self;
        let own = self.prefix().filter(|_| self.prefix_as_content().is_none());
        own.into_iter()
            .filter(|prefix| *prefix != "xml")
            .chain(self.raw_attributes().filter_map(|raw| raw.foreign_prefix()))
            .filter(move |prefix| {
                element
                    .prefix_declaration(prefix)
                    .and_then(|index| element.tape.declarations.get(index))
                    .is_none_or(|declaration| declaration.element < top)
            })
    }

    /// All that has to be declared on this element when it leaves its place.
    fn outer_declarations(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(code) = self.outer_default()
            && let Ns::Uri(uri) = self.resolve(code)
        {
            out.extend_from_slice(b" xmlns='");
            escape_attr(uri, &mut out);
            out.push(b'\'');
        }
        let mut written: Vec<&str> = Vec::new();
        for inner in self.descend() {
            for prefix in inner.outer_prefixes(self.at) {
                if written.contains(&prefix) {
                    continue;
                }
                written.push(prefix);
                out.extend_from_slice(b" xmlns:");
                out.extend_from_slice(prefix.as_bytes());
                out.extend_from_slice(b"='");
                escape_attr(inner.prefix_uri(prefix), &mut out);
                out.push(b'\'');
            }
        }
        out
    }

    fn prefix(&self) -> Option<&'a str> {
        let record = self.record();
        let len = u32::from(record.prefix_len).checked_sub(1)?;
        let start = record.start + 1;
        Some(
            Span {
                start,
                end: start + len,
            }
            .of(self.text),
        )
    }

    /// The prefix, when it is bound to the content namespace and so has to go.
    fn prefix_as_content(&self) -> Option<&'a str> {
        self.prefix()
            .filter(|_| self.record().ns == NsCode::CONTENT)
    }

    fn unprefix(&self, edits: &mut Vec<Edit>) {
        let Some(prefix) = self.prefix_as_content() else {
            return;
        };
        let record = self.record();
        let drop = |start| Edit {
            start,
            end: start + prefix.len() + 1,
            insert: Vec::new(),
        };
        edits.push(drop(record.start as usize + 1));
        let inside = Span {
            start: record.tag_end,
            end: record.end,
        };
        if let Some(end_tag) = inside.of(self.text).rfind("</") {
            edits.push(drop(record.tag_end as usize + end_tag + 2));
        }
    }

    fn drop_declaration(&self, edits: &mut Vec<Edit>) {
        if let Some(raw) = self.raw_attributes().find(|raw| raw.name == "xmlns") {
            edits.push(Edit {
                start: raw.start,
                end: raw.end,
                insert: Vec::new(),
            });
        }
    }
}

/// Bytes to leave out, and others to put in their place.
struct Edit {
    start: usize,
    end: usize,
    insert: Vec<u8>,
}
