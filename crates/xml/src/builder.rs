//! The builder: elements that the server makes itself.

use std::fmt;

use crate::{
    escape::{escape_attr, escape_text},
    fragment::Fragment,
    ns::{self, Ns},
    tape::Span,
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
    /// The start tag without its end, as it is where nothing is around the element.
    start: Vec<u8>,
    name: Span,
    /// The value of its `xmlns`; `None` for the content namespace.
    ns: Option<Span>,
    inside: Vec<Node>,
}

/// As long as most start tags are.
const START_BYTES: usize = 96;

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
        Self::with(name, Some(ns))
    }

    /// An element `name` in the content namespace.
    pub fn content(name: &str) -> Self {
        Self::with(name, None)
    }

    fn with(name: &str, ns: Option<&str>) -> Self {
        let mut start = Vec::with_capacity(START_BYTES);
        start.push(b'<');
        start.extend_from_slice(name.as_bytes());
        let name = Span::new(1, start.len());
        let ns = ns.map(|ns| declare(&mut start, |out| escape_attr(ns, out)));
        Self {
            start,
            name,
            ns,
            inside: Vec::new(),
        }
    }

    /// Adds an attribute in no namespace, or `xml:lang`. The caller adds none twice.
    #[must_use]
    pub fn attr(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.start.push(b' ');
        self.start.extend_from_slice(name.as_bytes());
        self.start.extend_from_slice(b"='");
        escape_attr(value.as_ref(), &mut self.start);
        self.start.push(b'\'');
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
        let mut child = Self::with(name, None);
        let ns = self.ns.map(|ns| ns.of_bytes(&self.start));
        child.ns = ns.map(|ns| declare(&mut child.start, |out| out.extend_from_slice(ns)));
        self.child(child.text(text))
    }

    /// The finished element.
    pub fn build(self) -> Fragment {
        let (name, ns) = (self.name, self.ns);
        // Most hold nothing: with nothing around it the start tag is all.
        let out = if self.inside.is_empty() {
            let mut start = self.start;
            start.extend_from_slice(b"/>");
            start
        } else {
            let mut out = Vec::with_capacity(2 * START_BYTES);
            self.write(None, &mut out);
            out
        };
        let text = std::str::from_utf8(&out).expect("it is made of texts");
        Fragment::built(text.into(), name, ns)
    }

    /// Appends it as it is inside of an element of the namespace `outside`, escaped; `None` is the content namespace.
    fn write(&self, outside: Option<&[u8]>, out: &mut Vec<u8>) {
        let own = self.ns.map(|ns| ns.of_bytes(&self.start));
        let attributes_at = self.ns.map_or(self.name.end, |ns| ns.end + 1);
        let (declared, attributes) = self.start.split_at(attributes_at as usize);
        if own == outside || own.is_none() {
            out.push(b'<');
            out.extend_from_slice(self.name.of_bytes(declared));
            if own != outside {
                declare(out, |out| out.extend_from_slice(ns::CLIENT.as_bytes()));
            }
        } else {
            out.extend_from_slice(declared);
        }
        out.extend_from_slice(attributes);
        if self.inside.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        for node in &self.inside {
            match &node.0 {
                Kind::Element(builder) => builder.write(own, out),
                Kind::Fragment(fragment) => {
                    // Which other namespace it is makes no difference.
                    let default = own.map_or(Ns::Content, |_| Ns::Uri(""));
                    fragment.write_into(default, ns::CLIENT, out);
                }
                Kind::Text(text) => escape_text(text, out),
            }
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name.of_bytes(declared));
        out.push(b'>');
    }
}

/// Appends an `xmlns` and says where its value is.
fn declare(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Span {
    out.extend_from_slice(b" xmlns='");
    let begin = out.len();
    write(out);
    let value = Span::new(begin, out.len());
    out.push(b'\'');
    value
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(self.name.of_bytes(&self.start));
        write!(f, "Builder(<{name}/>)")
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
