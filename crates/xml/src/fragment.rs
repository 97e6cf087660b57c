//! One element in detached form, shared: what a server adds to stanzas and builds them from.

use std::{fmt, sync::Arc};

use crate::{
    attributes::RawAttributes,
    element::Element,
    escape::escape_attr,
    fault::Fault,
    ns::Ns,
    reference,
    scan::Work,
    tape::{NsCode, Scratch, Span},
    tree::{Tree, scan_whole},
};

/// One element in detached form ([`Element::write_detached`]). A clone shares its bytes.
///
/// Equality is that of bytes; [`same`](crate::same) compares as XML. Its `Debug` form shows no content.
#[derive(Clone, Eq, PartialEq)]
pub struct Fragment {
    text: Arc<str>,
    name: Span,
    ns: Home,
    /// The start tag declares a default namespace.
    declares_default: bool,
}

/// Where a fragment's namespace is to be found.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Home {
    Content,
    Text(Span),
    /// It stands escaped in the text.
    Own(Arc<str>),
}

impl Fragment {
    /// Reads one element; names without a prefix are in the content namespace. White space around it is left out.
    ///
    /// # Errors
    ///
    /// Any [`Fault`] of the text but those of limits.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let span = scan_whole(text.as_bytes(), NsCode::CONTENT, None, &mut Work::default())?;
        Ok(Self::from_detached(span.of(text).into()))
    }

    /// Takes an element that is known to be in detached form.
    pub(crate) fn from_detached(text: Arc<str>) -> Self {
        let name_len = text
            .bytes()
            .position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>'))
            .unwrap_or(text.len());
        let qualified = Span::new(1, name_len);
        let colon = qualified.of(&text).find(':');
        let name = Span::new(colon.map_or(1, |colon| colon + 2), name_len);
        let wanted = colon.map(|colon| Span::new(1, 1 + colon).of(&text));
        let mut declares_default = false;
        let mut ns = Home::Content;
        for raw in RawAttributes::new(&text, name_len) {
            declares_default |= raw.name == "xmlns";
            let declared = match wanted {
                None => raw.name == "xmlns",
                Some(prefix) => raw.prefix() == Some("xmlns") && raw.local_name() == prefix,
            };
            if declared {
                let value = reference::value(raw.value);
                ns = if value == raw.value {
                    Home::Text(Span::new(raw.end - 1 - raw.value.len(), raw.end - 1))
                } else {
                    Home::Own(value.as_ref().into())
                };
            }
        }
        if wanted == Some("xml") {
            ns = Home::Own(crate::ns::XML.into());
        }
        Self {
            text,
            name,
            ns,
            declares_default,
        }
    }

    /// Takes an element that the builder made: where its name is, and the value of its `xmlns`.
    pub(crate) fn built(text: Arc<str>, name: Span, ns: Option<Span>) -> Self {
        let is_plain = |ns: Span| !ns.of(&text).contains('&');
        if name.of(&text).contains(':') || !ns.is_none_or(is_plain) {
            return Self::from_detached(text);
        }
        Self {
            text,
            name,
            ns: ns.map_or(Home::Content, Home::Text),
            declares_default: ns.is_some(),
        }
    }

    /// The name without its prefix.
    pub fn name(&self) -> &str {
        self.name.of(&self.text)
    }

    /// The namespace.
    pub fn ns(&self) -> Ns<'_> {
        match &self.ns {
            Home::Content => Ns::Content,
            Home::Text(span) => Ns::Uri(span.of(&self.text)),
            Home::Own(uri) => Ns::Uri(uri),
        }
    }

    /// Whether it has this name and namespace; a `&str` is a URI.
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

    /// A view of it, made in `scratch`.
    pub fn element<'a>(&'a self, scratch: &'a mut Scratch) -> Element<'a> {
        // What a fragment holds was checked when it was made, so that this can't fail.
        let _ = scan_whole(self.bytes(), NsCode::CONTENT, None, &mut scratch.work);
        Element::root(&self.text, &scratch.work.tape)
    }

    /// A view of it that owns its bytes.
    pub fn tree(&self) -> Tree {
        // What a fragment holds was checked when it was made, so that this can't fail.
        Tree::parse_fragment(self.bytes()).unwrap_or_else(|_| Tree::nothing())
    }

    /// Appends the fragment to be read inside an element whose default namespace is `default`. What is in the
    /// content namespace stays so: inside of a foreign default it gets `xmlns='content_ns'`.
    pub fn write_into(&self, default: Ns<'_>, content_ns: &str, out: &mut Vec<u8>) {
        if default == Ns::Content || self.declares_default {
            out.extend_from_slice(self.bytes());
            return;
        }
        let (head, rest) = self
            .text
            .split_at_checked(self.name.end as usize)
            .unwrap_or((&self.text, ""));
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b" xmlns='");
        escape_attr(content_ns, out);
        out.push(b'\'');
        out.extend_from_slice(rest.as_bytes());
    }
}

impl From<Element<'_>> for Fragment {
    fn from(element: Element<'_>) -> Self {
        let text = if element.is_detached_already() {
            element.as_str().into()
        } else {
            let mut bytes = Vec::with_capacity(element.bytes().len() + 64);
            element.write_detached(&mut bytes);
            String::from_utf8_lossy(&bytes).into()
        };
        Self::from_detached(text)
    }
}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ns() {
            Ns::Content => write!(f, "<{}/>", self.name()),
            Ns::Uri(uri) => write!(f, "<{} xmlns='{uri}'/>", self.name()),
        }
    }
}
