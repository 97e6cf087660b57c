//! What an operator may set about client streams, with the defaults of Prosody. One value per listener, shared by
//! all its streams.

use std::time::Duration;

use xml::{Framing, Limits};

/// One element before authentication may have this many bytes: enough for every SASL message and a registration
/// form, little enough that strangers cannot fill the memory.
pub const UNAUTHENTICATED_BYTES_MAX: usize = 65_536;

/// The settings of a client listener's streams.
#[derive(Clone, Debug)]
pub struct C2sSettings {
    /// How the transport frames: one continuous document (TCP), or one document per message
    /// ([RFC 7395](https://www.rfc-editor.org/rfc/rfc7395)).
    pub framing: Framing,
    /// The limits of one element after authentication. Its bytes are announced by
    /// [XEP-0478](https://xmpp.org/extensions/xep-0478.html).
    pub limits: Limits,
    /// The limits of one element before authentication, announced likewise.
    pub limits_unauthenticated: Limits,
    /// A stream that has not authenticated after this time ends with `connection-timeout`.
    pub unauthenticated_timeout: Duration,
    /// After this time without a byte from the peer we send a keepalive,
    /// [RFC 6120 §4.6](https://www.rfc-editor.org/rfc/rfc6120#section-4.6).
    pub idle_timeout: Duration,
    /// After our closing tag we wait this long for the peer's, still processing what it sends,
    /// [RFC 6120 §4.4](https://www.rfc-editor.org/rfc/rfc6120#section-4.4).
    pub close_grace: Duration,
    /// The stream ends with `policy-violation` when this many attempts to authenticate have failed; between 2 and 5 is
    /// what [RFC 6120 §6.4.5](https://www.rfc-editor.org/rfc/rfc6120#section-6.4.5) recommends.
    pub failures_max: u8,
}

impl C2sSettings {
    /// With this many bytes for one element: before authentication fewer, where it is more than
    /// [`UNAUTHENTICATED_BYTES_MAX`].
    #[must_use]
    pub fn with_stanza_bytes_max(mut self, bytes_max: usize) -> Self {
        self.limits.element_bytes_max = bytes_max;
        self.limits_unauthenticated.element_bytes_max = bytes_max.min(UNAUTHENTICATED_BYTES_MAX);
        self
    }
}

impl Default for C2sSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            framing: Framing::Stream,
            limits,
            limits_unauthenticated: Limits {
                element_bytes_max: UNAUTHENTICATED_BYTES_MAX,
                ..limits
            },
            unauthenticated_timeout: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(840),
            close_grace: Duration::from_secs(5),
            failures_max: 5,
        }
    }
}
