//! Attributes of one element.
use crate::element::Element;
use std::borrow::Cow;

/// One attribute. Namespace declarations are no attributes.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) raw_value: &'a str,
    pub(crate) element: Element<'a>,
}

impl<'a> Attribute<'a> {
    /// The name without its prefix.
    pub fn name(&self) -> &'a str {
        self.name
    }
    /// The namespace URI; `""` for an attribute without a prefix, which is in none.
    pub fn ns(&self) -> &'a str {
        stub(self.element)
    }
    /// The prefix and name as sent.
    pub fn qualified_name(&self) -> &'a str {
        self.name
    }
    /// The value, unescaped.
    pub fn value(&self) -> Cow<'a, str> {
        Cow::Borrowed(self.raw_value)
    }
    /// The value between its quotes as sent, still escaped.
    pub fn raw_value(&self) -> &'a str {
        self.raw_value
    }
}
/// The attributes of an element in the order sent.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    pub(crate) element: Element<'a>,
}
impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;
    fn next(&mut self) -> Option<Attribute<'a>> {
        stub(self.element)
    }
}
fn stub<T>(_: Element<'_>) -> T {
    unimplemented!()
}
