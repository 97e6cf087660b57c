//! The tape: what the scanner leaves behind about an element, as offsets into its bytes.
//!
//! Attributes and text are not on it: they are found again from the start tag and from between the children,
//! which have been checked. Only what would cost a search is kept.

use crate::ns;

/// A worker's reusable memory for scanning. Keep one per worker and lend it to every
/// [`Scanner::receive`](crate::Scanner::receive); what it holds between calls means nothing.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) work: crate::scan::Work,
}

impl Scratch {
    /// Takes over what was held of an element that is complete now.
    pub(crate) fn take(&mut self, bytes: Vec<u8>, work: &crate::scan::Work) {
        self.bytes = bytes;
        self.work.copy_result(work);
    }

    /// Bytes of memory held, whether in use or not. It grows to what the largest element needed and stays there,
    /// so a worker that has warmed up allocates nothing.
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.work.held_bytes()
    }
}

/// A range of bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: offset(start),
            end: offset(end),
        }
    }

    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    pub(crate) fn of_bytes(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// An offset as the tape keeps it. An element is smaller than 2^30 bytes, see [`Limits`](crate::Limits).
#[inline]
pub(crate) fn offset(at: usize) -> u32 {
    at as u32
}

/// Which namespace a name is in, as the tape keeps it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NsCode(u32);

/// Where a [`NsCode`] leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NsRef {
    Content,
    None,
    Xml,
    /// A declaration inside the element: an index into [`Tape::declarations`].
    Declared(u32),
    /// A declaration of the stream header: an index into [`Tape::inherited`].
    Inherited(u32),
}

impl NsCode {
    pub(crate) const CONTENT: Self = Self(0);
    pub(crate) const NONE: Self = Self(1);
    pub(crate) const XML: Self = Self(2);
    const FIRST: u32 = 3;
    const INHERITED: u32 = 1 << 31;

    pub(crate) fn declared(index: usize) -> Self {
        Self(offset(index) + Self::FIRST)
    }

    pub(crate) fn inherited(index: usize) -> Self {
        Self(offset(index) | Self::INHERITED)
    }

    pub(crate) fn is_inherited(self) -> bool {
        self.0 & Self::INHERITED != 0
    }

    pub(crate) fn to_ref(self) -> NsRef {
        match self.0 {
            0 => NsRef::Content,
            1 => NsRef::None,
            2 => NsRef::Xml,
            code if code & Self::INHERITED != 0 => NsRef::Inherited(code & !Self::INHERITED),
            code => NsRef::Declared(code - Self::FIRST),
        }
    }
}

/// One element: where its parts are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Its `<`.
    pub(crate) start: u32,
    /// Behind the `>` of its start tag.
    pub(crate) tag_end: u32,
    /// Behind its last `>`.
    pub(crate) end: u32,
    /// The index of the first record behind its descendants.
    pub(crate) next: u32,
    pub(crate) ns: NsCode,
    /// The default namespace inside it.
    pub(crate) default: NsCode,
    pub(crate) name_len: u16,
    /// Bytes of the prefix and its colon; 0 without one.
    pub(crate) prefix_len: u16,
    /// It declares the content namespace where that is in force anyway.
    pub(crate) redundant: bool,
}

/// A namespace declaration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declaration {
    /// Empty for a default namespace.
    pub(crate) prefix: Span,
    pub(crate) uri: Uri,
    /// The index of the element that makes it.
    pub(crate) element: u32,
}

/// Where the text of a namespace URI is: in the bytes as sent or, where unescaping changed it, in [`Tape::spill`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uri {
    pub(crate) span: Span,
    pub(crate) spilled: bool,
}

/// Offsets of the elements of one document or child, in document order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    pub(crate) elements: Vec<Record>,
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) spill: String,
    /// What the stream header declared, when the element uses it.
    pub(crate) inherited: Bindings,
    /// Somewhere inside is what a copy elsewhere may have to rewrite: a prefix, or a redundant declaration
    /// below the top element.
    pub(crate) intricate: bool,
}

impl Tape {
    pub(crate) fn clear(&mut self) {
        self.elements.clear();
        self.declarations.clear();
        self.spill.clear();
        self.inherited.clear();
        self.intricate = false;
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.elements.clone_from(&other.elements);
        self.declarations.clone_from(&other.declarations);
        self.spill.clone_from(&other.spill);
        self.inherited.clear();
        self.intricate = other.intricate;
    }

    pub(crate) fn uri<'a>(&'a self, text: &'a str, uri: Uri) -> &'a str {
        uri.span.of(if uri.spilled { &self.spill } else { text })
    }

    /// The URI behind `code`; `None` for the content namespace.
    pub(crate) fn resolve<'a>(&'a self, text: &'a str, code: NsCode) -> Option<&'a str> {
        match code.to_ref() {
            NsRef::Content => None,
            NsRef::None => Some(""),
            NsRef::Xml => Some(ns::XML),
            NsRef::Declared(index) => Some(
                self.declarations
                    .get(index as usize)
                    .map_or("", |declaration| self.uri(text, declaration.uri)),
            ),
            NsRef::Inherited(index) => Some(self.inherited.uri(index as usize)),
        }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.elements.capacity() * size_of::<Record>()
            + self.declarations.capacity() * size_of::<Declaration>()
            + self.spill.capacity()
            + self.inherited.held_bytes()
    }
}

/// Prefixes and the URIs they are bound to, in one text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Bindings {
    text: String,
    /// Where the prefix begins, the URI begins, the URI ends.
    entries: Vec<[u32; 3]>,
}

impl Bindings {
    pub(crate) fn push(&mut self, prefix: &str, uri: &str) {
        let start = self.text.len();
        self.text.push_str(prefix);
        let middle = self.text.len();
        self.text.push_str(uri);
        self.entries
            .push([start, middle, self.text.len()].map(offset));
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.text.clone_from(&other.text);
        self.entries.clone_from(&other.entries);
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn find(&self, prefix: &[u8]) -> Option<usize> {
        (0..self.len()).find(|&index| self.prefix(index).as_bytes() == prefix)
    }

    pub(crate) fn prefix(&self, index: usize) -> &str {
        self.entries.get(index).map_or("", |&[start, middle, _]| {
            Span { start, end: middle }.of(&self.text)
        })
    }

    pub(crate) fn uri(&self, index: usize) -> &str {
        self.entries
            .get(index)
            .map_or("", |&[_, start, end]| Span { start, end }.of(&self.text))
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<[u32; 3]>()
    }
}
