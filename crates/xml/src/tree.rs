//! A tree.
use crate::{element::Element, fault::Fault};
/// One owned element.
#[derive(Clone, Debug)]
pub struct Tree {}
impl Tree {
    /// Reads a whole document: unqualified names are in no namespace.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the document.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<Self, Fault> {
        let _ = bytes;
        unimplemented!()
    }
    /// Reads an element in detached form: unqualified names are in the content namespace.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text.
    pub fn parse_fragment(bytes: impl AsRef<[u8]>) -> Result<Self, Fault> {
        let _ = bytes;
        unimplemented!()
    }
    /// Reads an element that declares its content namespace `content_ns`, such as what is in `<forwarded/>`: that becomes [`Ns::Content`](crate::Ns::Content).
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text.
    pub fn parse_content(bytes: impl AsRef<[u8]>, content_ns: &str) -> Result<Self, Fault> {
        let _ = (bytes, content_ns);
        unimplemented!()
    }
    /// The element.
    pub fn root(&self) -> Element<'_> {
        unimplemented!()
    }
}
