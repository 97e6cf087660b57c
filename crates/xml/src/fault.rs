//! Why a document is refused, and which stream error that is.

use thiserror::Error;

/// Why the scanner refuses its input. Each variant is something the peer did.
///
/// After a fault the stream is over: the scanner repeats it.
#[derive(Clone, Copy, Debug, Eq, Error, Hash, PartialEq)]
pub enum Fault {
    /// Bytes that are no UTF-8, [RFC 6120 §11.6](https://www.rfc-editor.org/rfc/rfc6120#section-11.6).
    #[error("the bytes are not UTF-8")]
    InvalidUtf8,
    /// The XML declaration names another encoding, [RFC 6120 §11.6](https://www.rfc-editor.org/rfc/rfc6120#section-11.6).
    #[error("the XML declaration names an encoding other than UTF-8")]
    UnsupportedEncoding,
    /// A code point that XML 1.0 forbids, written out or as a reference, [XML §2.2](https://www.w3.org/TR/xml/#charsets).
    #[error("a character that XML 1.0 does not allow")]
    ForbiddenCharacter,
    /// The XML declaration is malformed or names another version than 1.0, [XML §2.8](https://www.w3.org/TR/xml/#sec-prolog-dtd).
    #[error("the XML declaration is malformed or not of version 1.0")]
    BadDeclaration,
    /// Something that is no name where one must stand, [XML §2.3](https://www.w3.org/TR/xml/#NT-Name).
    #[error("a name was expected")]
    BadName,
    /// Markup that is put together wrongly, [XML §3.1](https://www.w3.org/TR/xml/#sec-starttags).
    #[error("malformed markup: expected {expected}")]
    BadMarkup {
        /// What could have stood there.
        expected: &'static str,
    },
    /// `<` inside an attribute value, [XML §3.1](https://www.w3.org/TR/xml/#CleanAttrVals).
    #[error("'<' in an attribute value")]
    LessThanInAttribute,
    /// `]]>` in text, [XML §2.4](https://www.w3.org/TR/xml/#syntax).
    #[error("']]>' in text")]
    CdataEndInText,
    /// `&` that begins no reference, [XML §4.1](https://www.w3.org/TR/xml/#sec-references).
    #[error("'&' does not begin a reference")]
    BadReference,
    /// An end tag that closes no open element, [XML §3.1](https://www.w3.org/TR/xml/#GIMatch).
    #[error("an end tag does not match its start tag")]
    MismatchedEndTag,
    /// Two attributes with one expanded name, [Namespaces §6.3](https://www.w3.org/TR/xml-names/#uniqAttrs).
    #[error("an attribute is given twice")]
    DuplicateAttribute,
    /// Text that is not white space between the children of a stream or outside of a document.
    #[error("text outside of an element")]
    StrayText,
    /// Something after the end of the stream or document.
    #[error("content after the end")]
    AfterEnd,
    /// The input ended inside an element. Only where a whole document was asked for.
    #[error("the document ends inside an element")]
    Incomplete,
    /// A comment, [RFC 6120 §11.1](https://www.rfc-editor.org/rfc/rfc6120#section-11.1).
    #[error("comments are not allowed on a stream")]
    Comment,
    /// A processing instruction, [RFC 6120 §11.1](https://www.rfc-editor.org/rfc/rfc6120#section-11.1).
    #[error("processing instructions are not allowed on a stream")]
    ProcessingInstruction,
    /// A document type declaration, [RFC 6120 §11.1](https://www.rfc-editor.org/rfc/rfc6120#section-11.1).
    #[error("document type declarations are not allowed on a stream")]
    Doctype,
    /// A reference to an entity other than the five predefined ones, [RFC 6120 §11.1](https://www.rfc-editor.org/rfc/rfc6120#section-11.1).
    #[error("only the predefined entities are allowed on a stream")]
    UnknownEntity,
    /// A prefix without a declaration in scope, [Namespaces §5](https://www.w3.org/TR/xml-names/#nsc-NSDeclared).
    #[error("a namespace prefix is not declared")]
    UndeclaredPrefix,
    /// A name with more than one colon, or one at an end, [Namespaces §4](https://www.w3.org/TR/xml-names/#ns-qualnames).
    #[error("a name has a colon in the wrong place")]
    BadQualifiedName,
    /// A declaration that touches what `xml` and `xmlns` stand for, or an element with the prefix `xmlns`,
    /// [Namespaces §3](https://www.w3.org/TR/xml-names/#xmlReserved).
    #[error("a reserved namespace or prefix is misused")]
    ReservedNamespace,
    /// `xmlns:p=""`: a prefix can't be undeclared, [Namespaces §5](https://www.w3.org/TR/xml-names/#nsc-NoPrefixUndecl).
    #[error("a prefix is bound to the empty namespace")]
    EmptyPrefixBinding,
    /// One element is larger than [`Limits::element_bytes_max`](crate::Limits::element_bytes_max), or a stream
    /// header than [`Limits::header_bytes_max`](crate::Limits::header_bytes_max).
    #[error("an element exceeds {bytes_max} bytes")]
    TooLarge {
        /// The limit it met, in bytes.
        bytes_max: usize,
    },
    /// Elements nest deeper than [`Limits::depth_max`](crate::Limits::depth_max).
    #[error("elements nest deeper than {depth_max}")]
    TooDeep {
        /// The limit, in elements.
        depth_max: usize,
    },
    /// More attributes than [`Limits::attributes_max`](crate::Limits::attributes_max).
    #[error("an element has more than {attributes_max} attributes")]
    TooManyAttributes {
        /// The limit, in attributes of one element.
        attributes_max: usize,
    },
    /// More declarations in force than [`Limits::declarations_max`](crate::Limits::declarations_max).
    #[error("more than {declarations_max} namespace declarations are in force")]
    TooManyDeclarations {
        /// The limit, in declarations.
        declarations_max: usize,
    },
    /// A name is longer than [`Limits::name_bytes_max`](crate::Limits::name_bytes_max).
    #[error("a name exceeds {bytes_max} bytes")]
    NameTooLong {
        /// The limit, in bytes.
        bytes_max: usize,
    },
}

/// What kind of stream error a [`Fault`] is, [RFC 6120 §4.9.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FaultKind {
    /// `<not-well-formed/>`, §4.9.3.13.
    NotWellFormed,
    /// `<restricted-xml/>`, §4.9.3.18.
    RestrictedXml,
    /// `<bad-namespace-prefix/>`, §4.9.3.2.
    BadNamespacePrefix,
    /// `<bad-format/>`, §4.9.3.1: well-formed, but nothing that can be processed.
    BadFormat,
    /// `<unsupported-encoding/>`, §4.9.3.22; so is a violation of the rules of UTF-8.
    UnsupportedEncoding,
    /// `<policy-violation/>`, §4.9.3.14: one of our limits.
    PolicyViolation,
}

impl Fault {
    /// Which stream error answers this fault.
    pub fn kind(self) -> FaultKind {
        match self {
            Self::InvalidUtf8 | Self::UnsupportedEncoding => FaultKind::UnsupportedEncoding,
            Self::ForbiddenCharacter
            | Self::BadDeclaration
            | Self::BadName
            | Self::BadMarkup { .. }
            | Self::LessThanInAttribute
            | Self::CdataEndInText
            | Self::BadReference
            | Self::MismatchedEndTag
            | Self::DuplicateAttribute
            | Self::AfterEnd
            | Self::Incomplete
            | Self::BadQualifiedName
            | Self::ReservedNamespace
            | Self::EmptyPrefixBinding => FaultKind::NotWellFormed,
            Self::StrayText => FaultKind::BadFormat,
            Self::Comment | Self::ProcessingInstruction | Self::Doctype | Self::UnknownEntity => {
                FaultKind::RestrictedXml
            }
            Self::UndeclaredPrefix => FaultKind::BadNamespacePrefix,
            Self::TooLarge { .. }
            | Self::TooDeep { .. }
            | Self::TooManyAttributes { .. }
            | Self::TooManyDeclarations { .. }
            | Self::NameTooLong { .. } => FaultKind::PolicyViolation,
        }
    }

    /// Whether this is XML that RFC 6120 §11.1 forbids, though XML itself does not.
    pub fn is_restricted(self) -> bool {
        self.kind() == FaultKind::RestrictedXml
    }
}
