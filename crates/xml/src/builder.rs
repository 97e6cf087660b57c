//! The builder: elements that the server makes itself.

use std::fmt;

use crate::{
    escape::{escape_attr, escape_text},
    fragment::Fragment,
    ns::{self, Ns},
};

/// Makes a [`Fragment`].
///
/// ```
/// use xml::{Builder, ns};
///
/// let bind = Builder::new("bind", ns::BIND).child_text("jid", "juliet@example/balcony");
/// assert_eq!(
///     bind.build().as_str(),
///     "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example/balcony</jid></bind>",
/// );
/// ```
///
/// Names and namespaces are the program's own and are written as they are; everything else is escaped.
#[derive(Clone)]
pub struct Builder {
    name: String,
    /// `None` for the content namespace.
    ns: Option<String>,
    /// The attributes as they will be written.
    attributes: Vec<u8>,
    inside: Vec<Node>,
}

/// What can stand inside of a [`Builder`]: made from a builder or a fragment.
#[derive(Clone)]
pub struct Node(Kind);

#[derive(Clone)]
enum Kind {
    Element(Builder),
    Fragment(Fragment),
    Text(String),
}

impl Builder {
    /// An element `name` in the namespace `ns`.
    pub fn new(name: &str, ns: &str) -> Self {
        Self::with(name, Some(ns.to_owned()))
    }

    /// An element `name` in the content namespace.
    pub fn content(name: &str) -> Self {
        Self::with(name, None)
    }

    fn with(name: &str, ns: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            ns,
            attributes: Vec::new(),
            inside: Vec::new(),
        }
    }

    /// Adds an attribute in no namespace, or `xml:lang`. The caller adds none twice.
    #[must_use]
    pub fn attr(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.attributes.push(b' ');
        self.attributes.extend_from_slice(name.as_bytes());
        self.attributes.extend_from_slice(b"='");
        escape_attr(value.as_ref(), &mut self.attributes);
        self.attributes.push(b'\'');
        self
    }

    /// Adds an attribute when there is a value.
    #[must_use]
    pub fn attr_opt(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Adds a child: a builder or a fragment.
    ///
    /// A child in the content namespace inside of an element in another one gets `xmlns='jabber:client'`.
    #[must_use]
    pub fn child(mut self, child: impl Into<Node>) -> Self {
        self.inside.push(child.into());
        self
    }

    /// Adds a child when there is one.
    #[must_use]
    pub fn child_opt(self, child: Option<impl Into<Node>>) -> Self {
        self.children(child)
    }

    /// Adds children in order.
    #[must_use]
    pub fn children<C: Into<Node>>(mut self, children: impl IntoIterator<Item = C>) -> Self {
        self.inside.extend(children.into_iter().map(Into::into));
        self
    }

    /// Adds text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.inside.push(Node(Kind::Text(text.to_owned())));
        self
    }

    /// Adds a child in this element's own namespace that holds `text`.
    #[must_use]
    pub fn child_text(self, name: &str, text: &str) -> Self {
        let child = Self::with(name, self.ns.clone()).text(text);
        self.child(child)
    }

    /// The finished element.
    pub fn build(self) -> Fragment {
        let mut out = Vec::new();
        self.write(Ns::Content, &mut out);
        Fragment::from_detached(String::from_utf8_lossy(&out).into())
    }

    fn write(&self, outside: Ns<'_>, out: &mut Vec<u8>) {
        let own = self.ns.as_deref().map_or(Ns::Content, Ns::Uri);
        out.push(b'<');
        out.extend_from_slice(self.name.as_bytes());
        if own != outside {
            out.extend_from_slice(b" xmlns='");
            escape_attr(own.uri_or(ns::CLIENT), out);
            out.push(b'\'');
        }
        out.extend_from_slice(&self.attributes);
        if self.inside.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for node in &self.inside {
            match &node.0 {
                Kind::Element(builder) => builder.write(own, out),
                Kind::Fragment(fragment) => fragment.write_into(own, ns::CLIENT, out),
                Kind::Text(text) => escape_text(text, out),
            }
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'>');
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder(<{}/>)", self.name)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Element(builder) => builder.fmt(f),
            Kind::Fragment(fragment) => fragment.fmt(f),
            Kind::Text(text) => write!(f, "{} bytes of text", text.len()),
        }
    }
}

impl From<Builder> for Node {
    fn from(builder: Builder) -> Self {
        Self(Kind::Element(builder))
    }
}

impl From<Fragment> for Node {
    fn from(fragment: Fragment) -> Self {
        Self(Kind::Fragment(fragment))
    }
}

impl From<&Fragment> for Node {
    fn from(fragment: &Fragment) -> Self {
        Self(Kind::Fragment(fragment.clone()))
    }
}
