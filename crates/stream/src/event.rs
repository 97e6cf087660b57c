//! What a client stream tells its caller. Some events are questions: until they are answered the stream reads
//! nothing more, so that what follows takes effect after the answer.

use std::sync::Arc;

use jid::{BareJid, Domain};
use sasl::{Ask, ChannelBinding, Mechanism, TokenSlot};
use stanza::{Rejected, Stanza};
use xml::{Element, Fragment};

use crate::{OfferVersions, SignInRequest, StreamFault};

/// What happened on a client stream, in the order of the bytes.
#[derive(Debug)]
pub enum Event<'a> {
    /// Something that concerned only the stream; there may be output, and the stream may be
    /// [over](crate::C2s::is_over), as after a STARTTLS that was not offered. Call again.
    Handled,
    /// A stream header, before authentication: the first, or the one after STARTTLS.
    /// Question: [`C2s::open`](crate::C2s::open), or [`C2s::fault`](crate::C2s::fault) with
    /// [`StreamFault::HostUnknown`].
    Opening(Opening),
    /// `<proceed/>` is written: flush, do the handshake, then [`C2s::tls_established`](crate::C2s::tls_established).
    /// Whatever comes until then is thrown away.
    StartTls,
    /// The client chose a mechanism. Question: [`C2s::begin`](crate::C2s::begin) with a new nonce, or
    /// [`C2s::refuse`](crate::C2s::refuse) to say that this is no time for it.
    SigningIn {
        /// Which one.
        mechanism: Mechanism,
        /// Whether the sign-in has the form of SASL2, and so ends with [`C2s::succeed`](crate::C2s::succeed) or one of
        /// its like, and not with [`C2s::accept`](crate::C2s::accept).
        is_sasl2: bool,
        /// What came with it; nothing in the form of RFC 6120.
        request: Box<SignInRequest>,
    },
    /// The mechanism asks. Question: [`C2s::credentials`](crate::C2s::credentials),
    /// [`C2s::verdict`](crate::C2s::verdict), [`C2s::identified`](crate::C2s::identified) as [`Ask`] says, or
    /// [`C2s::refuse`](crate::C2s::refuse).
    Ask(Ask),
    /// The client proved who it is. Question: [`C2s::accept`](crate::C2s::accept) with its address, or in the form of
    /// SASL2 [`C2s::succeed`](crate::C2s::succeed), one of its like, or [`C2s::require`](crate::C2s::require); or
    /// [`C2s::refuse`](crate::C2s::refuse). The client knows nothing of its success yet.
    Proved {
        /// The user name that was proved.
        username: String,
        /// By which mechanism.
        mechanism: Mechanism,
        /// By which of its tokens, if by one.
        token: Option<TokenSlot>,
    },
    /// The client does a task that [`C2s::require`](crate::C2s::require) named. Question:
    /// [`C2s::task_data`](crate::C2s::task_data); [`C2s::require`](crate::C2s::require) for the next task, or
    /// [`C2s::succeed`](crate::C2s::succeed) and its like, when it is done; or [`C2s::refuse`](crate::C2s::refuse).
    Task {
        /// The task that the client begins; nothing when it goes on with the one that it began.
        name: Option<String>,
        /// What it says in it.
        data: Vec<Fragment>,
    },
    /// The header after authentication came, or SASL2 did without. Question: [`C2s::features`](crate::C2s::features).
    Reopened,
    /// An IQ get or set before authentication, with one child, and that child neither bind nor session: only
    /// registration may want it ([XEP-0077](https://xmpp.org/extensions/xep-0077.html)). Not a question, but what
    /// nobody wants ends the stream: [`C2s::fault`](crate::C2s::fault) with [`StreamFault::TooEarly`].
    EarlyIq(Stanza),
    /// The client wants a resource; nothing, when the server shall choose.
    /// Question: [`C2s::bind`](crate::C2s::bind) or [`C2s::refuse_bind`](crate::C2s::refuse_bind).
    Binding(Option<String>),
    /// A stanza of a bound stream. Its `from` is what the client wrote, if anything.
    Stanza(Stanza),
    /// A stanza of a bound stream that breaks a rule of RFC 6120 §8: answer it with what it holds.
    Rejected(Rejected),
    /// A stanza of a bound stream that the stream itself knows the answer to: send this reply in turn. The
    /// received stanza counts like any other.
    Reply(Stanza),
    /// A first-level element that is no stanza, in any state, such as those of stream management. Nobody's:
    /// [`C2s::fault`](crate::C2s::fault) with [`StreamFault::UnsupportedStanzaType`].
    Nonza(Element<'a>),
    /// The peer ended its side: send what is left, then [`C2s::close`](crate::C2s::close).
    PeerClosed,
    /// The peer ended the stream with an error, of which this is the condition. As [`Event::PeerClosed`].
    PeerFaulted {
        /// The name of the condition element; at most 64 bytes of it.
        condition: String,
    },
    /// The stream ended with this error, which is written. Flush and close the connection.
    Faulted(StreamFault),
    /// Nothing was heard for the idle time. On a continuous stream a space is written; where documents are
    /// framed, send a ping of the transport. With stream management this is the time to ask for an acknowledgement.
    Idle,
}

/// What secures a stream.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    /// What SASL may bind to; none where the channel is secured by somebody else.
    pub bindings: Vec<ChannelBinding>,
    /// Which version of TLS it is, by the number that TLS has for it: 0x0304 for 1.3. Nothing where the channel is secured by
    /// somebody else.
    pub tls_version: Option<u16>,
}

impl From<Vec<ChannelBinding>> for Channel {
    fn from(bindings: Vec<ChannelBinding>) -> Self {
        Self {
            bindings,
            tls_version: None,
        }
    }
}

/// What the header of a stream asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// The domain that the client wants to sign in to.
    pub host: Domain,
    /// Who the client says it is. Nothing is proved yet.
    pub from: Option<BareJid>,
    /// Whether TLS protects the stream.
    pub is_secure: bool,
}

/// What a host offers on a stream before authentication: the answer to [`Event::Opening`].
#[derive(Clone, Debug, Default)]
pub struct HostPolicy {
    /// Which mechanisms the host has for this client, in any order. Those with channel binding are left out where
    /// there is nothing to bind to, all of them where TLS comes first.
    pub mechanisms: Vec<sasl::Mechanism>,
    /// Whether a certificate is there to offer STARTTLS with.
    pub can_start_tls: bool,
    /// Whether nobody may sign in without TLS.
    pub requires_tls: bool,
    /// Further features, such as registration.
    pub features: Vec<Fragment>,
    /// What can be done along with a sign-in by SASL2, which is offered where TLS is.
    pub inline: Vec<Fragment>,
    /// What else `<authentication/>` of SASL2 says.
    pub authentication: Vec<Fragment>,
    /// The versions of what the host offers.
    pub versions: Arc<OfferVersions>,
}
