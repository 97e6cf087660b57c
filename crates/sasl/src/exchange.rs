//! One sign-in, from the choice of a mechanism to success or failure.

use crate::hashed_token::Hashed;
use crate::limits::{AUTHZID_BYTES_MAX, MESSAGE_BYTES_MAX, TRACE_BYTES_MAX};
use crate::scram::{Asked, Challenged, permit};
use crate::{
    Ask, Credentials, Mechanism, Nonce, Offer, SaslFailure, Step, Success, Tokens, Verdict, plain,
};

/// One sign-in, from the choice of a mechanism to success or failure.
///
/// The client's bytes go into [`Exchange::start`] and [`Exchange::receive`], answers to a [`Step::Ask`] into the method
/// that the question names; each returns the next [`Step`]. After [`Step::Success`] or [`Step::Failure`] it is over,
/// and everything gives `Failure`.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
}

/// What an exchange waits for.
#[derive(Debug)]
enum State {
    /// The client's first message, be it the initial response or what answers an empty challenge.
    First { offer: Offer, nonce: Nonce },
    /// Keys.
    Keys(Asked),
    /// The client's proof.
    Proof(Challenged),
    /// Whether a PLAIN password is this user's.
    Verdict { username: String },
    /// The tokens of the user's client.
    Tokens(Hashed),
    /// A user name.
    Identity,
    /// Nothing any more.
    Over,
}

impl Exchange {
    /// Begins an exchange by a mechanism that [`Offer::choose`] gave. `nonce` must be new and unguessable.
    pub fn new(mechanism: Mechanism, offer: &Offer, nonce: Nonce) -> Self {
        let state = State::First {
            offer: offer.clone(),
            nonce,
        };
        Self { mechanism, state }
    }

    /// The mechanism in use.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes the initial response, if the client sent one; without it, an empty challenge asks for it.
    ///
    /// COMPAT: Strophe sends none for ANONYMOUS and fails at a challenge. There is nothing to ask for: the message
    /// may be empty ([RFC 4505 §2](https://www.rfc-editor.org/rfc/rfc4505#section-2)).
    pub fn start(&mut self, initial: Option<&[u8]>) -> Step {
        match (initial, self.mechanism) {
            (Some(message), _) => self.receive(message),
            (None, Mechanism::Anonymous) => self.receive(&[]),
            (None, _) => Step::Challenge(Vec::new()),
        }
    }

    /// Takes the client's answer to a challenge. A message nobody waits for is `malformed-request`.
    pub fn receive(&mut self, message: &[u8]) -> Step {
        let state = std::mem::replace(&mut self.state, State::Over);
        if message.len() > MESSAGE_BYTES_MAX {
            return Step::Failure(SaslFailure::MalformedRequest);
        }
        let step = match state {
            State::First { offer, nonce } => self.first(message, &offer, &nonce),
            State::Proof(challenged) => challenged.decide(message).map(Step::Success),
            State::Keys(_)
            | State::Verdict { .. }
            | State::Tokens(_)
            | State::Identity
            | State::Over => Err(SaslFailure::MalformedRequest),
        };
        step.unwrap_or_else(Step::Failure)
    }

    fn first(&mut self, message: &[u8], offer: &Offer, nonce: &Nonce) -> Result<Step, SaslFailure> {
        if let Some(hash) = self.mechanism.hash() {
            let (asked, ask) = Asked::read(message, self.mechanism, hash, offer, nonce)?;
            self.state = State::Keys(asked);
            return Ok(Step::Ask(ask));
        }
        if let Some((hash, binding)) = self.mechanism.token() {
            let (hashed, ask) = Hashed::read(message, self.mechanism, hash, binding, offer)?;
            self.state = State::Tokens(hashed);
            return Ok(Step::Ask(ask));
        }
        let ask = match self.mechanism {
            Mechanism::Plain => plain::read(message)?,
            Mechanism::External => Ask::External {
                authzid: read_authzid(message)?,
            },
            _ => read_trace(message)?,
        };
        self.state = match &ask {
            Ask::VerifyPlain { username, .. } => State::Verdict {
                username: username.clone(),
            },
            _ => State::Identity,
        };
        Ok(Step::Ask(ask))
    }

    /// Answers [`Ask::Credentials`]. Keys of another hash than asked for are `temporary-auth-failure`.
    pub fn credentials(&mut self, credentials: Credentials) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Keys(asked) => match asked.challenge(credentials) {
                Ok((challenged, challenge)) => {
                    self.state = State::Proof(challenged);
                    Step::Challenge(challenge)
                }
                Err(failure) => Step::Failure(failure),
            },
            _ => Step::Failure(SaslFailure::TemporaryAuthFailure),
        }
    }

    /// Answers [`Ask::VerifyPlain`].
    pub fn verdict(&mut self, verdict: Verdict) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Verdict { username } => {
                match permit(verdict.password_matches, verdict.standing) {
                    Ok(()) => succeed(username),
                    Err(failure) => Step::Failure(failure),
                }
            }
            _ => Step::Failure(SaslFailure::TemporaryAuthFailure),
        }
    }

    /// Answers [`Ask::Tokens`].
    pub fn tokens(&mut self, tokens: &Tokens) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Tokens(hashed) => match hashed.decide(tokens) {
                Ok(success) => Step::Success(success),
                Err(failure) => Step::Failure(failure),
            },
            _ => Step::Failure(SaslFailure::TemporaryAuthFailure),
        }
    }

    /// Answers [`Ask::External`] and [`Ask::Anonymous`] with the user name that the client is to have.
    pub fn identified(&mut self, username: String) -> Step {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Identity => succeed(username),
            _ => Step::Failure(SaslFailure::TemporaryAuthFailure),
        }
    }

    /// Ends the exchange from our side, whatever it waits for: a question that cannot be answered
    /// ([`SaslFailure::TemporaryAuthFailure`]), a certificate that names somebody else
    /// ([`SaslFailure::NotAuthorized`], [`SaslFailure::InvalidAuthzid`]), or a client that aborts ([`SaslFailure::Aborted`]).
    pub fn fail(&mut self, failure: SaslFailure) -> Step {
        self.state = State::Over;
        Step::Failure(failure)
    }
}

fn succeed(username: String) -> Step {
    Step::Success(Success {
        username,
        data: None,
        token: None,
    })
}

/// The one message of EXTERNAL: whom the client wants to act as, nothing for whom its certificate names.
fn read_authzid(message: &[u8]) -> Result<Option<String>, SaslFailure> {
    let authzid = std::str::from_utf8(message).map_err(|_| SaslFailure::MalformedRequest)?;
    if authzid.contains('\0') || authzid.len() > AUTHZID_BYTES_MAX {
        return Err(SaslFailure::MalformedRequest);
    }
    Ok((!authzid.is_empty()).then(|| authzid.to_owned()))
}

/// The one message of ANONYMOUS: a trace of no meaning, which must still be short text.
fn read_trace(message: &[u8]) -> Result<Ask, SaslFailure> {
    match std::str::from_utf8(message) {
        Ok(trace) if trace.len() <= TRACE_BYTES_MAX => Ok(Ask::Anonymous),
        _ => Err(SaslFailure::MalformedRequest),
    }
}
