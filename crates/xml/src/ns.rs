//! Namespaces: what an element's namespace is seen as, and the names of those that streams are made of.
//!
//! A feature's own namespace stands beside the feature, not here.

/// An element's namespace.
///
/// The *content namespace* is what a stream's stanzas are in: `jabber:client`, `jabber:server` or
/// `jabber:component:accept` ([RFC 6120 §4.8.2]). It means "whatever stream this is written into", so it has
/// no URI here. Compare the local name first, which is cheaper: [`Element::is`](crate::Element::is) does.
///
/// [RFC 6120 §4.8.2]: https://www.rfc-editor.org/rfc/rfc6120#section-4.8.2
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ns<'a> {
    /// The content namespace of the stream that the element came over or goes into.
    Content,
    /// Any other namespace, by its URI; `""` for an element in no namespace at all.
    Uri(&'a str),
}

impl<'a> Ns<'a> {
    /// The URI, with `content` standing for the content namespace.
    pub fn uri_or(self, content: &'a str) -> &'a str {
        match self {
            Self::Content => content,
            Self::Uri(uri) => uri,
        }
    }
}

impl<'a> From<&'a str> for Ns<'a> {
    fn from(uri: &'a str) -> Self {
        Self::Uri(uri)
    }
}

/// A namespace given as a URI never equals [`Ns::Content`].
impl PartialEq<str> for Ns<'_> {
    fn eq(&self, uri: &str) -> bool {
        matches!(self, Self::Uri(own) if *own == uri)
    }
}

impl PartialEq<&str> for Ns<'_> {
    fn eq(&self, uri: &&str) -> bool {
        *self == **uri
    }
}

/// Content namespace of client streams, [RFC 6120 §4.8.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.8.3).
pub const CLIENT: &str = "jabber:client";
/// Content namespace of server streams, [RFC 6120 §4.8.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.8.3).
pub const SERVER: &str = "jabber:server";
/// Content namespace of component streams, [XEP-0114](https://xmpp.org/extensions/xep-0114.html).
pub const COMPONENT: &str = "jabber:component:accept";
/// The stream itself, [RFC 6120 §4.8.1](https://www.rfc-editor.org/rfc/rfc6120#section-4.8.1).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Conditions of stream errors, [RFC 6120 §4.9.2](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.2).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors, [RFC 6120 §8.3.2](https://www.rfc-editor.org/rfc/rfc6120#section-8.3.2).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// STARTTLS, [RFC 6120 §5](https://www.rfc-editor.org/rfc/rfc6120#section-5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL, [RFC 6120 §6](https://www.rfc-editor.org/rfc/rfc6120#section-6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// SASL with more than credentials in it, [XEP-0388](https://xmpp.org/extensions/xep-0388.html).
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// Resource binding, [RFC 6120 §7](https://www.rfc-editor.org/rfc/rfc6120#section-7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Session establishment of RFC 3921, since then without a meaning.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// `<open/>` and `<close/>` of one-document framing, [RFC 7395 §3.3](https://www.rfc-editor.org/rfc/rfc7395#section-3.3).
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// What the prefix `xml` is bound to, [Namespaces §3](https://www.w3.org/TR/xml-names/#ns-decl).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is bound to, [Namespaces §3](https://www.w3.org/TR/xml-names/#ns-decl).
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
