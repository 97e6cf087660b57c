//! Why a stream ends with an error: every cause, its condition of
//! [RFC 6120 §4.9.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3), the sentence for the operator, and
//! the little that the peer is told.
//!
//! `Display` is for the operator and may name hosts and limits. [`StreamFault::text`] is for the peer, who may be
//! hostile: it reveals nothing that the condition does not say, except a reason an operator gave on purpose.

use jid::Domain;
use thiserror::Error;

/// Why we end a stream: something the peer did, a limit it met, or a decision about its account or host.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum StreamFault {
    /// The peer sent XML that is well-formed but that nothing can be made of, such as text between stanzas.
    #[error("the peer sent text outside of any element, or another form that XMPP does not have")]
    BadFormat,
    /// A namespace prefix was used that no declaration in scope binds, or was bound against the rules.
    #[error("the peer used a namespace prefix that it had not declared")]
    BadNamespacePrefix,
    /// The same resource signed in again and replaced this session.
    #[error("a new connection took the resource of this session")]
    Replaced,
    /// The peer did not authenticate in time.
    #[error("the peer did not sign in within {seconds} s")]
    Unauthenticated {
        /// The limit that ran out, in seconds.
        seconds: u64,
    },
    /// The peer did not answer in time.
    #[error("the peer was silent for {seconds} s")]
    Silent {
        /// How long nothing was heard, in seconds.
        seconds: u64,
    },
    /// The host was taken out of service while the stream was open.
    #[error("the host {0} is no longer served; see the configuration")]
    HostGone(Domain),
    /// The stream header named a domain that is not hosted here.
    #[error("the domain {0} is not hosted here; add [host.\"{0}\"] if it should be")]
    HostUnknown(Domain),
    /// The stream header had no `to`.
    #[error("the stream header has no 'to'")]
    ToMissing,
    /// The `to` of the stream header is not a domain.
    #[error("the 'to' of the stream header is not a domain")]
    ToMalformed,
    /// The `from` of the stream header is not an address.
    #[error("the 'from' of the stream header is not an address")]
    FromMalformed,
    /// Our own fault: a caught panic or an unexpected state.
    #[error("an internal error ended the stream; the log has it just above")]
    Internal,
    /// A `from` that this stream may not use.
    #[error("the peer used a 'from' that is not its own")]
    InvalidFrom,
    /// The stream header, or an element of the stream, is in a namespace that no XMPP stream has there.
    #[error("the peer used a wrong stream or content namespace")]
    InvalidNamespace,
    /// XML that is well-formed but invalid against its schema.
    #[error("the peer sent XML that is not valid")]
    InvalidXml,
    /// A stanza came before authentication and resource binding were complete.
    #[error("the peer sent a stanza before it had signed in and bound a resource")]
    TooEarly,
    /// The host of the stream changed with a restart.
    #[error("the peer changed the host of its stream")]
    HostChanged,
    /// The account was deleted or disabled while the stream was open.
    #[error("the account was deleted or disabled")]
    AccountGone,
    /// The bytes are no well-formed XML or no UTF-8.
    #[error("the peer sent XML that is not well-formed")]
    NotWellFormed,
    /// One element grew past the limit before it ended.
    #[error(
        "an element exceeded {bytes_max} bytes; c2s.stanza_bytes_max allows more to who has signed in"
    )]
    ElementTooLarge {
        /// The limit it met, in bytes.
        bytes_max: usize,
    },
    /// One element was too deep, or had too many attributes, declarations or too long names.
    #[error("an element exceeded the limit of {0}")]
    ElementTooComplex(&'static str),
    /// Too many failed attempts to authenticate on one stream.
    #[error("the peer failed to sign in {failures} times on one stream")]
    TooManyFailures {
        /// How many attempts failed.
        failures: u8,
    },
    /// A limit of the operator was exceeded; the words name it.
    #[error("the peer exceeded a limit: {0}")]
    Policy(&'static str),
    /// The peer reads too slowly: what waits for it no longer fits its bound.
    #[error("more than {bytes_max} bytes wait for the peer, which does not read them")]
    OutboxFull {
        /// The bound, in bytes.
        bytes_max: usize,
    },
    /// A remote entity that is needed to go on is out of reach.
    #[error("a service needed for this stream is out of reach")]
    RemoteConnectionFailed,
    /// Credentials or role changed: the peer has to sign in again.
    #[error("the password or the role of the account changed")]
    Reset,
    /// The server has not enough resources to serve the stream.
    #[error("the server is short of {0}")]
    ResourceConstraint(&'static str),
    /// XML that [RFC 6120 §11.1](https://www.rfc-editor.org/rfc/rfc6120#section-11.1) forbids: comments, processing instructions, DTDs, entities.
    #[error("the peer sent a comment, a processing instruction, a DTD or an entity")]
    RestrictedXml,
    /// The peer shall connect to another host.
    #[error("the peer was sent to {0}")]
    SeeOtherHost(String),
    /// The operator ended this stream, with a reason for the user.
    #[error("ended by the operator: {reason}")]
    Kicked {
        /// Shown to the user.
        reason: String,
    },
    /// The server stops.
    #[error("the server stops")]
    SystemShutdown {
        /// Shown to the user, when the operator gave one.
        reason: Option<String>,
    },
    /// Nothing can be offered to the peer: neither TLS nor any mechanism.
    #[error("there is no feature to offer; a certificate or c2s.require_tls = false is missing")]
    NothingToOffer,
    /// The peer confirmed more stanzas than were sent, [XEP-0198 §5](https://xmpp.org/extensions/xep-0198.html#acking).
    #[error("the peer confirmed stanza {h}, but only {sent} were sent")]
    HandledCountTooHigh {
        /// What the peer claimed to have handled.
        h: u32,
        /// How many stanzas we had sent.
        sent: u32,
    },
    /// An encoding other than UTF-8.
    #[error("the peer uses an encoding that is not UTF-8")]
    UnsupportedEncoding,
    /// The peer lacks a feature that is mandatory here.
    #[error("the peer does not support a mandatory feature")]
    UnsupportedFeature,
    /// A first-level element that is neither a stanza nor known to any feature.
    #[error("the peer sent a first-level element that nothing here understands")]
    UnsupportedStanzaType,
    /// A stream version before 1.0.
    #[error("the peer speaks a version before XMPP 1.0")]
    UnsupportedVersion,
}

impl StreamFault {
    /// The defined condition inside `<stream:error/>`,
    /// [RFC 6120 §4.9.3](https://www.rfc-editor.org/rfc/rfc6120#section-4.9.3).
    pub fn condition(&self) -> &'static str {
        match self {
            Self::BadFormat => "bad-format",
            Self::BadNamespacePrefix => "bad-namespace-prefix",
            Self::Replaced => "conflict",
            Self::Unauthenticated { .. } | Self::Silent { .. } => "connection-timeout",
            Self::HostGone(_) => "host-gone",
            Self::HostUnknown(_) => "host-unknown",
            Self::ToMissing | Self::ToMalformed | Self::FromMalformed => "improper-addressing",
            Self::Internal => "internal-server-error",
            Self::InvalidFrom => "invalid-from",
            Self::InvalidNamespace => "invalid-namespace",
            Self::InvalidXml => "invalid-xml",
            Self::TooEarly | Self::HostChanged | Self::AccountGone => "not-authorized",
            Self::NotWellFormed => "not-well-formed",
            Self::ElementTooLarge { .. }
            | Self::ElementTooComplex(_)
            | Self::TooManyFailures { .. }
            | Self::Policy(_)
            | Self::OutboxFull { .. } => "policy-violation",
            Self::RemoteConnectionFailed => "remote-connection-failed",
            Self::Reset => "reset",
            Self::ResourceConstraint(_) => "resource-constraint",
            Self::RestrictedXml => "restricted-xml",
            Self::SeeOtherHost(_) => "see-other-host",
            Self::SystemShutdown { .. } => "system-shutdown",
            Self::Kicked { .. } | Self::NothingToOffer | Self::HandledCountTooHigh { .. } => {
                "undefined-condition"
            }
            Self::UnsupportedEncoding => "unsupported-encoding",
            Self::UnsupportedFeature => "unsupported-feature",
            Self::UnsupportedStanzaType => "unsupported-stanza-type",
            Self::UnsupportedVersion => "unsupported-version",
        }
    }

    /// The words for the peer, if any. They say nothing about the server that the condition does not say.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Replaced => Some("Replaced by new connection"),
            Self::ToMissing => Some("No 'to' attribute on stream header"),
            Self::ElementTooLarge { .. } => Some("XML element is too big"),
            Self::TooManyFailures { .. } => Some("Too many authentication failures"),
            Self::NothingToOffer => Some("No stream features to proceed with"),
            Self::Kicked { reason } => Some(reason),
            Self::SystemShutdown { reason } => reason.as_deref(),
            Self::BadFormat
            | Self::BadNamespacePrefix
            | Self::Unauthenticated { .. }
            | Self::Silent { .. }
            | Self::HostGone(_)
            | Self::HostUnknown(_)
            | Self::ToMalformed
            | Self::FromMalformed
            | Self::Internal
            | Self::InvalidFrom
            | Self::InvalidNamespace
            | Self::InvalidXml
            | Self::TooEarly
            | Self::HostChanged
            | Self::AccountGone
            | Self::NotWellFormed
            | Self::ElementTooComplex(_)
            | Self::Policy(_)
            | Self::OutboxFull { .. }
            | Self::RemoteConnectionFailed
            | Self::Reset
            | Self::ResourceConstraint(_)
            | Self::RestrictedXml
            | Self::SeeOtherHost(_)
            | Self::HandledCountTooHigh { .. }
            | Self::UnsupportedEncoding
            | Self::UnsupportedFeature
            | Self::UnsupportedStanzaType
            | Self::UnsupportedVersion => None,
        }
    }
}

/// What the scanner refuses, as a fault of the stream.
impl From<xml::Fault> for StreamFault {
    fn from(fault: xml::Fault) -> Self {
        use xml::{Fault, FaultKind};
        match fault {
            Fault::TooLarge { bytes_max } => return Self::ElementTooLarge { bytes_max },
            Fault::TooDeep { .. } => return Self::ElementTooComplex("nesting depth"),
            Fault::TooManyAttributes { .. } => return Self::ElementTooComplex("attributes"),
            Fault::TooManyDeclarations { .. } => {
                return Self::ElementTooComplex("namespace declarations");
            }
            Fault::NameTooLong { .. } => return Self::ElementTooComplex("name length"),
            _ => {}
        }
        match fault.kind() {
            FaultKind::NotWellFormed => Self::NotWellFormed,
            FaultKind::RestrictedXml => Self::RestrictedXml,
            FaultKind::BadNamespacePrefix => Self::BadNamespacePrefix,
            FaultKind::BadFormat => Self::BadFormat,
            FaultKind::UnsupportedEncoding => Self::UnsupportedEncoding,
            FaultKind::PolicyViolation => Self::ElementTooComplex("size"),
        }
    }
}
