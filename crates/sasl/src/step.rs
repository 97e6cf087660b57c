//! What an exchange wants to happen next.

use crate::{Hash, Mechanism, Password, SaslFailure, TokenSlot};

/// What an exchange wants to happen next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send these bytes as a challenge and give the answer to [`Exchange::receive`](crate::Exchange::receive).
    Challenge(Vec<u8>),
    /// Look something up, and answer.
    Ask(Ask),
    /// The client is who it says.
    Success(Success),
    /// The exchange is over without success.
    Failure(SaslFailure),
}

/// A question to the caller. User names are prepared with SASLprep here; the caller prepares them as
/// a local part, and takes one that cannot be prepared for an unknown account.
#[derive(Debug)]
pub enum Ask {
    /// SCRAM: the keys of this user for this hash. Answer with
    /// [`Exchange::credentials`](crate::Exchange::credentials), in the same way whether or not there is such an account.
    Credentials {
        /// The user name.
        username: String,
        /// Whom the client wants to act as: in XMPP a bare JID, unprepared. To be compared with the own account.
        authzid: Option<String>,
        /// Of which hash the keys must be.
        hash: Hash,
    },
    /// PLAIN: whether this password is this user's. Answer with [`Exchange::verdict`](crate::Exchange::verdict), with what
    /// [`Credentials::verify`](crate::Credentials::verify) says, which takes milliseconds and may run on another thread.
    VerifyPlain {
        /// The user name.
        username: String,
        /// Whom the client wants to act as: in XMPP a bare JID, unprepared.
        authzid: Option<String>,
        /// The password, prepared.
        password: Password,
    },
    /// HT: the tokens that this user's client may sign in with by this mechanism. Answer with
    /// [`Exchange::tokens`](crate::Exchange::tokens), in the same way whether or not there are any.
    Tokens {
        /// The user name.
        username: String,
        /// Which mechanism the tokens must have been given out for.
        mechanism: Mechanism,
    },
    /// EXTERNAL: which account the client's certificate speaks for, [XEP-0178]. Answer with
    /// [`Exchange::identified`](crate::Exchange::identified).
    ///
    /// [XEP-0178]: https://xmpp.org/extensions/xep-0178.html
    External {
        /// Whom the client wants to act as: in XMPP a bare JID, unprepared. Without one, the certificate must name one account only.
        authzid: Option<String>,
    },
    /// ANONYMOUS: a user name for the client, new and unguessable. Answer with
    /// [`Exchange::identified`](crate::Exchange::identified). Trace information that the client sends is checked and forgotten.
    Anonymous,
}

/// A successful end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Success {
    /// Who the client is: the user name of the question ([`Ask`]), or what it was answered with.
    pub username: String,
    /// What to send along with the success; SCRAM's proof that the server knows the keys, HT's that it knows the token.
    pub data: Option<Vec<u8>>,
    /// Which token it was, if it was one.
    pub token: Option<TokenSlot>,
}
