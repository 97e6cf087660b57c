//! A fragment.
use crate::{element::Element, fault::Fault, ns::Ns, tape::Scratch, tree::Tree};
use std::sync::Arc;
/// One element in detached form, shared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fragment {
    text: Arc<str>,
}
impl Fragment {
    /// Reads one element; unqualified names are in the content namespace.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        Ok(Self { text: text.into() })
    }
    /// The local name.
    pub fn name(&self) -> &str {
        &self.text
    }
    /// The namespace.
    pub fn ns(&self) -> Ns<'_> {
        Ns::Uri(&self.text)
    }
    /// Whether it has this name and namespace.
    pub fn is<'n>(&self, name: &str, ns: impl Into<Ns<'n>>) -> bool {
        self.name() == name && self.ns() == ns.into()
    }
    /// The bytes, in detached form.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
    /// The text, in detached form.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// A view, made in the worker's scratch.
    pub fn element<'a>(&'a self, scratch: &'a mut Scratch) -> Element<'a> {
        let _ = scratch;
        unimplemented!()
    }
    /// A view that owns its bytes.
    pub fn tree(&self) -> Tree {
        unimplemented!()
    }
    /// Appends the fragment to be read inside an element whose default namespace is `default`:
    /// a content element inside a foreign one gets `xmlns='content_ns'`.
    pub fn write_into(&self, default: Ns<'_>, content_ns: &str, out: &mut Vec<u8>) {
        let _ = (default, content_ns, out);
        unimplemented!()
    }
}
impl From<Element<'_>> for Fragment {
    fn from(element: Element<'_>) -> Self {
        let _ = element;
        unimplemented!()
    }
}
