//! The answer to a question for credentials.

use crate::{Password, ScramKeys};

/// The answer to [`Ask::Credentials`](crate::Ask::Credentials), and what a PLAIN password is verified against.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub(crate) keys: ScramKeys,
    pub(crate) standing: Standing,
}

/// What becomes of a client that proved to know the password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    Active,
    ForeignAuthzid,
    Refused,
}

/// Whether a PLAIN password was right, and what it was right for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict {
    pub(crate) password_matches: bool,
    pub(crate) standing: Standing,
}

impl Credentials {
    /// An account that exists and may sign in, asked for as itself.
    pub fn active(keys: ScramKeys) -> Self {
        Self {
            keys,
            standing: Standing::Active,
        }
    }

    /// An account that exists and may sign in, but the client wants to act as somebody else. The right
    /// password is answered with `invalid-authzid`, a wrong one as ever with `not-authorized`.
    pub fn foreign_authzid(keys: ScramKeys) -> Self {
        Self {
            keys,
            standing: Standing::ForeignAuthzid,
        }
    }

    /// An account that is disabled, with its keys, or that does not exist, with
    /// [fake ones](crate::FakeCredentials): no password is right.
    pub fn refused(keys: ScramKeys) -> Self {
        Self {
            keys,
            standing: Standing::Refused,
        }
    }

    /// Checks a PLAIN password: the same work for all three kinds. Takes as long as the keys have
    /// iterations, milliseconds as a rule.
    pub fn verify(&self, password: &Password) -> Verdict {
        Verdict {
            password_matches: self.keys.are_of(password),
            standing: self.standing,
        }
    }
}
