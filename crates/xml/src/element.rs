//! The view of one element.
use crate::{attributes::Attributes, ns::Ns, tape::Tape};
use std::borrow::Cow;

/// A complete, checked element: a view of its bytes, cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    pub(crate) text: &'a str,
    pub(crate) tape: &'a Tape,
    pub(crate) at: u32,
}
fn stub<T>(_: &Element<'_>) -> T {
    unimplemented!()
}
impl<'a> Element<'a> {
    /// The name without its prefix.
    pub fn name(&self) -> &'a str {
        stub(self)
    }
    /// The namespace.
    pub fn ns(&self) -> Ns<'a> {
        stub(self)
    }
    /// Whether this element has this name and namespace.
    pub fn is<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> bool {
        let _ = (name, ns.into());
        stub(self)
    }
    /// The unescaped value of the attribute `name` that is in no namespace.
    pub fn attr(&self, name: &str) -> Option<Cow<'a, str>> {
        let _ = name;
        stub(self)
    }
    /// The unescaped value of the attribute `name` in the namespace `ns`.
    pub fn attr_ns(&self, name: &str, ns: &str) -> Option<Cow<'a, str>> {
        let _ = (name, ns);
        stub(self)
    }
    /// All attributes but namespace declarations, in the order sent.
    pub fn attrs(&self) -> Attributes<'a> {
        stub(self)
    }
    /// The child elements in order.
    pub fn children(&self) -> Children<'a> {
        stub(self)
    }
    /// The first child with this name and namespace.
    pub fn child<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> Option<Element<'a>> {
        let _ = (name, ns.into());
        stub(self)
    }
    /// The text of the first child with this name and namespace.
    pub fn child_text<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> Option<Cow<'a, str>> {
        let _ = (name, ns.into());
        stub(self)
    }
    /// The unescaped text directly in this element.
    pub fn text(&self) -> Cow<'a, str> {
        stub(self)
    }
    /// Whether text that is not only white space stands directly in this element.
    pub fn has_non_whitespace_text(&self) -> bool {
        stub(self)
    }
    /// The element's `xml:lang`, not an inherited one.
    pub fn lang(&self) -> Option<Cow<'a, str>> {
        stub(self)
    }
    /// The bytes as sent, from `<` to the last `>`. They may use declarations made outside.
    pub fn bytes(&self) -> &'a [u8] {
        stub(self)
    }
    /// The default namespace in force inside the element: that of an unprefixed child.
    pub fn default_ns(&self) -> Ns<'a> {
        stub(self)
    }
    /// Whether [`bytes`](Self::bytes) are in detached form as they are.
    pub fn is_detached_already(&self) -> bool {
        stub(self)
    }
    /// Appends the element in detached form.
    pub fn write_detached(&self, out: &mut Vec<u8>) {
        out.clear();
        stub(self)
    }
}

/// The child elements of an element, in order.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    pub(crate) element: Element<'a>,
    pub(crate) next: u32,
}
impl<'a> Iterator for Children<'a> {
    type Item = Element<'a>;
    fn next(&mut self) -> Option<Element<'a>> {
        stub(&self.element)
    }
}
