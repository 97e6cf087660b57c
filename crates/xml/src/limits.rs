//! How much one element may ask for. Everything from the network meets one of these.

/// Bounds on one element of a stream, kept while its bytes arrive.
///
/// Meeting one is a [`Fault`](crate::Fault) that ends the stream with `policy-violation`
/// ([RFC 6120 §4.9.3.14](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3.14)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes from the `<` of an element to its last `>`. An unfinished element holds no more memory than this
    /// (apart from small records, at most [`depth_max`](Self::depth_max) for what is open and as many on the tape);
    /// announced by XEP-0478.
    /// Default 262,144, as Prosody's for clients; RFC 6120 §13.12 asks for at least 10,000.
    pub element_bytes_max: usize,
    /// Elements open at a time, the stanza included. Default 64; no protocol nests past 20.
    pub depth_max: usize,
    /// Attributes of one element, its namespace declarations included. Default 128.
    pub attributes_max: usize,
    /// Namespace declarations in force at one point of an element, those of the stream header apart. Default 64.
    pub declarations_max: usize,
    /// Bytes of one name, its prefix included, and of one namespace URI. Default 1,024.
    pub name_bytes_max: usize,
    /// Bytes of the stream header's start tag. What it declares is kept as long as the stream, so it is
    /// bounded apart. Default 4,096.
    pub header_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            element_bytes_max: 262_144,
            depth_max: 64,
            attributes_max: 128,
            declarations_max: 64,
            name_bytes_max: 1024,
            header_bytes_max: 4096,
        }
    }
}

impl Limits {
    /// For what this server wrote itself (stored stanzas, fragments): only what the formats of the tape ask for.
    pub(crate) const OWN: Self = Self {
        element_bytes_max: 0x3fff_ffff,
        depth_max: 4096,
        attributes_max: 4096,
        declarations_max: 4096,
        name_bytes_max: 4096,
        header_bytes_max: 4096,
    };
}
