//! The scan: one pass over the bytes of an element, which may end and go on at any byte.
//!
//! [`Work`] is everything that is known about an unfinished element besides its bytes: where the pass stands, what
//! is open, which declarations are in force, and the [`Tape`] so far. [`Work::scan`] is the pass itself.
//!
//! `pass.rs` has the tokens, `text.rs` what stands between tags, `name.rs` names, `tag.rs` what a complete tag means,
//! `declare.rs` namespaces, `duplicates.rs` attributes given twice, `fast.rs` short cuts for what is usual,
//! `single.rs` those for bytes that come one by one.

mod declare;
mod duplicates;
mod fast;
mod name;
mod pass;
mod single;
mod tag;
mod text;

use crate::{
    limits::Limits,
    tape::{Bindings, NsCode, Span, Tape, Uri},
};

/// What the pass may rely on from outside of the element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'c> {
    pub(crate) limits: &'c Limits,
    /// The URI that is read as the content namespace.
    pub(crate) content_ns: Option<&'c str>,
    /// Prefixes that the stream header declares.
    pub(crate) bindings: &'c Bindings,
    /// The name that an end tag outside of all elements must have: that of the stream.
    pub(crate) root_name: Option<&'c [u8]>,
    /// Only the start tag is asked for.
    pub(crate) header: bool,
}

/// How far the pass came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// To the end of the bytes, which is inside the element.
    More,
    /// To the end of the element: the number of its bytes.
    Element(usize),
    /// To the end of the stream's end tag.
    Close(usize),
}

/// Between which tokens, or in which, the pass stands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mode {
    /// Behind `<`.
    #[default]
    Markup,
    StartName,
    /// Behind a name or value, where white space must come before an attribute.
    Tag,
    /// Behind white space in a start tag.
    TagSpace,
    AttributeName,
    Equals,
    Quote,
    Value,
    /// Behind the `/` of an empty element.
    Slash,
    EndName,
    /// Behind the name in an end tag.
    EndSpace,
    /// Behind `<!`.
    Bang,
    Text,
    Cdata,
    /// Behind `&`, in text or a value.
    Reference,
}

/// An element that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    name: Span,
    /// Its record on the tape.
    element: u32,
    /// What was in force outside of it.
    scope: u32,
    spill: u32,
    default: NsCode,
}

/// A prefix that is declared.
#[derive(Clone, Copy, Debug)]
struct Binding {
    prefix: Span,
    uri: Uri,
    code: NsCode,
    /// It is bound to the content namespace.
    content: bool,
}

/// An attribute of the start tag that the pass is in.
#[derive(Clone, Copy, Debug)]
struct Found {
    name: Span,
    /// Bytes of the prefix and its colon.
    prefix_len: u32,
    value: Span,
    space: Space,
}

/// The namespace of an attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Space {
    None,
    Xml,
    Xmlns,
    /// An index into [`Work::scope`].
    Local(u32),
    /// An index into the stream's bindings.
    Stream(u32),
}

/// A pass over one element, and what it found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    pub(crate) tape: Tape,
    /// The tape is not being written: it had outgrown its room.
    pub(crate) untaped: bool,
    /// The default namespace in force.
    pub(crate) default: NsCode,
    mode: Mode,
    pos: usize,
    /// Where the name or value that the pass is in begins.
    token: usize,
    /// Where the part of the name that the pass is in begins: behind the colon, or the same.
    part: usize,
    /// Bytes of the prefix and its colon in that name.
    prefix_len: u32,
    /// Where the reference that the pass is in begins, behind its `&`.
    reference: usize,
    in_value: bool,
    /// The quote that ends the value; 0 outside of values.
    quote: u8,
    /// The name of the start tag that the pass is in.
    tag_name: Span,
    tag_prefix_len: u32,
    /// The attribute whose value is to come.
    attribute_name: Span,
    attribute_prefix_len: u32,
    /// That start tag has a namespace declaration, or an attribute with a prefix.
    declares: bool,
    prefixed: bool,
    stack: Vec<Open>,
    scope: Vec<Binding>,
    found: Vec<Found>,
    order: Vec<u16>,
}

impl Default for NsCode {
    fn default() -> Self {
        Self::NONE
    }
}

impl Work {
    /// Makes ready for a new element whose `<` stands at the beginning of the bytes.
    pub(crate) fn begin(&mut self, default: NsCode) {
        self.tape.clear();
        self.untaped = false;
        self.default = default;
        self.mode = Mode::Markup;
        self.pos = 1;
        self.token = 0;
        self.quote = 0;
        self.stack.clear();
        self.scope.clear();
        self.found.clear();
    }

    /// The prefixes that the start tag just passed declares, with their URIs.
    pub(crate) fn declared<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.scope
            .iter()
            .map(move |binding| (binding.prefix.of(text), self.tape.uri(text, binding.uri)))
    }

    /// Becomes what reading needs of `other`: the tape and the declarations in force.
    pub(crate) fn copy_result(&mut self, other: &Self) {
        self.tape.copy_from(&other.tape);
        self.default = other.default;
        self.scope.clone_from(&other.scope);
    }

    /// Gives up the tape and its memory. The element is read once more when it is complete.
    pub(crate) fn give_up_tape(&mut self) {
        self.untaped = true;
        self.tape.elements = Vec::new();
        self.tape.declarations = Vec::new();
    }

    /// Bytes of memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.tape.held_bytes()
            + self.stack.capacity() * size_of::<Open>()
            + self.scope.capacity() * size_of::<Binding>()
            + self.found.capacity() * size_of::<Found>()
            + self.order.capacity() * size_of::<u16>()
    }
}
