//! The view of one element: its names, attributes, text and children.

use std::{borrow::Cow, fmt};

use memchr::{memchr3, memrchr};

use crate::{
    attributes::{Attributes, RawAttributes},
    ns::Ns,
    reference,
    tape::{NsCode, Record, Tape},
};

/// A complete, checked element: a view of its bytes, cheap to copy.
///
/// Its `Debug` form names the element and shows nothing of its content.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub(crate) text: &'a str,
    pub(crate) tape: &'a Tape,
    pub(crate) at: u32,
}

/// Stands in for a record that is not there, which no view refers to.
static NOTHING: Record = Record {
    start: 0,
    tag_end: 0,
    end: 0,
    next: 0,
    ns: NsCode::NONE,
    default: NsCode::NONE,
    name_len: 0,
    prefix_len: 0,
    redundant: false,
};

impl<'a> Element<'a> {
    pub(crate) fn root(text: &'a str, tape: &'a Tape) -> Self {
        Self { text, tape, at: 0 }
    }

    pub(crate) fn record(&self) -> &'a Record {
        self.tape.elements.get(self.at as usize).unwrap_or(&NOTHING)
    }

    /// The name without its prefix.
    pub fn name(&self) -> &'a str {
        let record = self.record();
        let start = record.start as usize + 1;
        self.text
            .get(start + usize::from(record.prefix_len)..start + usize::from(record.name_len))
            .unwrap_or_default()
    }

    /// The namespace.
    pub fn ns(&self) -> Ns<'a> {
        self.resolve(self.record().ns)
    }

    /// Whether this element has this name and namespace; a `&str` is a URI.
    pub fn is<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> bool {
        self.name() == name && self.ns() == ns.into()
    }

    /// The value of the attribute `name` that is in no namespace, unescaped.
    pub fn attr(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw_attributes()
            .find(|raw| raw.name == name)
            .map(|raw| reference::value(raw.value))
    }

    /// The value of the attribute `name` in the namespace `ns`, unescaped.
    pub fn attr_ns(&self, name: &str, ns: &str) -> Option<Cow<'a, str>> {
        self.attrs()
            .find(|attribute| attribute.name() == name && attribute.ns() == ns)
            .map(|attribute| attribute.value())
    }

    /// All attributes but namespace declarations, in the order sent.
    pub fn attrs(&self) -> Attributes<'a> {
        Attributes::new(*self)
    }

    /// The element's own `xml:lang`, not an inherited one.
    pub fn lang(&self) -> Option<Cow<'a, str>> {
        self.raw_attributes()
            .find(|raw| raw.name == "xml:lang")
            .map(|raw| reference::value(raw.value))
    }

    /// The child elements in order.
    pub fn children(&self) -> Children<'a> {
        Children {
            parent: *self,
            next: self.at + 1,
        }
    }

    /// The first child with this name and namespace.
    pub fn child<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> Option<Self> {
        let ns = ns.into();
        self.children().find(|child| child.is(name, ns))
    }

    /// The text of the first child with this name and namespace.
    pub fn child_text<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> Option<Cow<'a, str>> {
        self.child(name, ns).map(|child| child.text())
    }

    /// The text directly in this element, unescaped; that in its children is left out.
    pub fn text(&self) -> Cow<'a, str> {
        let mut pieces = self.pieces().filter(|piece| !piece.is_empty());
        let Some(first) = pieces.next() else {
            return Cow::Borrowed("");
        };
        let second = pieces.next();
        if second.is_none() && memchr3(b'&', b'\r', b'<', first.as_bytes()).is_none() {
            return Cow::Borrowed(first);
        }
        let mut out = String::with_capacity(first.len());
        for piece in std::iter::once(first).chain(second).chain(pieces) {
            push_piece(piece, &mut out);
        }
        Cow::Owned(out)
    }

    /// Whether text that is not only white space stands directly in this element. A reference counts as such.
    pub fn has_non_whitespace_text(&self) -> bool {
        self.pieces()
            .any(|piece| piece.contains(|char| !matches!(char, ' ' | '\t' | '\r' | '\n')))
    }

    /// The bytes as sent, from the first `<` to the last `>`. They may need declarations made outside;
    /// [`write_detached`](Self::write_detached) gives those that don't.
    pub fn bytes(&self) -> &'a [u8] {
        self.as_str().as_bytes()
    }

    /// The same as [`bytes`](Self::bytes), as text.
    pub fn as_str(&self) -> &'a str {
        let record = self.record();
        self.text
            .get(record.start as usize..record.end as usize)
            .unwrap_or_default()
    }

    /// The default namespace in force inside: that of a child without a prefix. On a stream header it tells
    /// the content namespace.
    pub fn default_ns(&self) -> Ns<'a> {
        self.resolve(self.record().default)
    }

    pub(crate) fn resolve(&self, code: NsCode) -> Ns<'a> {
        self.tape
            .resolve(self.text, code)
            .map_or(Ns::Content, Ns::Uri)
    }

    pub(crate) fn raw_attributes(&self) -> RawAttributes<'a> {
        let record = self.record();
        RawAttributes::new(
            self.text,
            record.start as usize + 1 + usize::from(record.name_len),
        )
    }

    /// What stands between the start tag, the children and the end tag, as sent: always one more than there
    /// are children.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (text, record) = (self.text, self.record());
        let inside = text
            .get(record.tag_end as usize..record.end as usize)
            .unwrap_or_default();
        let end = record.tag_end as usize + memrchr(b'<', inside.as_bytes()).unwrap_or(0);
        let mut from = Some(record.tag_end as usize);
        let mut children = self.children();
        std::iter::from_fn(move || {
            let start = from?;
            let (stop, next) = match children.next() {
                Some(child) => {
                    let child = child.record();
                    (child.start as usize, Some(child.end as usize))
                }
                None => (end, None),
            };
            from = next;
            Some(text.get(start..stop).unwrap_or_default())
        })
    }
}

/// Appends what a piece of text stands for. A `<` in it can only begin a CDATA section.
pub(crate) fn push_piece(piece: &str, out: &mut String) {
    let mut rest = piece;
    while let Some((before, section)) = rest.split_once("<![CDATA[") {
        reference::push_text(before, out);
        let (cdata, after) = section.split_once("]]>").unwrap_or((section, ""));
        reference::push_cdata(cdata, out);
        rest = after;
    }
    reference::push_text(rest, out);
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ns() {
            Ns::Content => write!(f, "<{}/>", self.name()),
            Ns::Uri(uri) => write!(f, "<{} xmlns='{uri}'/>", self.name()),
        }
    }
}

/// The child elements of an element, in order.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    parent: Element<'a>,
    next: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        if self.next >= self.parent.record().next {
            return None;
        }
        let child = Element {
            at: self.next,
            ..self.parent
        };
        self.next = child.record().next;
        Some(child)
    }
}
