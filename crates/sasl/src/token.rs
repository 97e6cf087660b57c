//! Tokens: what a server gives out to a client that signed in, to sign in with the next time.
//!
//! Nothing is stored from which a token could be used: it is made anew of what is stored and of a key that is kept
//! elsewhere, whenever somebody claims to have it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::limits::TOKEN_NONCE_BYTES;
use crate::secret::Secret;
use crate::{Hash, Mechanism};

/// The text of a token. Refuses to print.
#[derive(Clone)]
pub struct Token(Secret);

/// The key that tokens are made with. It must not lie where the rest is stored. Refuses to print.
#[derive(Clone)]
pub struct TokenKey(Secret);

/// What a token is made of, besides the key. A token is good for exactly this.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Whose it is.
    pub account: &'a str,
    /// Which of the account's clients it was given to.
    pub client: &'a str,
    /// Which mechanism it works with, and no other.
    pub mechanism: Mechanism,
    /// Until when, microseconds UTC.
    pub expiry: i64,
    /// Drawn for this token alone.
    pub nonce: [u8; TOKEN_NONCE_BYTES],
}

/// Where a client's token stands, [XEP-0484]: it may have two, until it uses the newer one.
///
/// [XEP-0484]: https://xmpp.org/extensions/xep-0484.html
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenSlot {
    /// Given out and not used yet.
    New,
    /// The one that was used last.
    Current,
}

/// The answer to [`Ask::Tokens`](crate::Ask::Tokens): what a client may have, or nothing.
#[derive(Clone, Debug)]
pub struct Tokens([Candidate; 2]);

/// A token to hold a proof against; without a slot it is nobody's.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) token: Token,
    pub(crate) slot: Option<TokenSlot>,
    pub(crate) is_expired: bool,
}

impl Token {
    /// The text that goes to the client, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(self.0.bytes()).unwrap_or_default()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl TokenKey {
    /// Takes the key: random once, then kept.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Secret::from(key.as_slice()))
    }

    /// Makes a token: 256 bits that nobody without the key can foretell.
    #[must_use]
    pub fn token(&self, facts: &TokenFacts<'_>) -> Token {
        // Neither addresses nor our names of clients and mechanisms contain NUL, and the rest is of fixed length.
        let mut input = [
            "token",
            facts.account,
            facts.client,
            facts.mechanism.name(),
            "",
        ]
        .join("\0")
        .into_bytes();
        input.extend_from_slice(&facts.expiry.to_be_bytes());
        input.extend_from_slice(&facts.nonce);
        let made = Hash::Sha256.hmac(self.0.bytes(), &input);
        let text = URL_SAFE_NO_PAD.encode(made.bytes());
        Token(Secret::from(text.as_bytes()))
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::none()
    }
}

impl Tokens {
    /// For a client that has none, or an account that may not sign in or does not exist.
    #[must_use]
    pub fn none() -> Self {
        Self([Candidate::nobodys(), Candidate::nobodys()])
    }

    /// Adds the one that stands in `slot`. An expired one is right for nothing, but who has it is told why.
    #[must_use]
    pub fn with(mut self, slot: TokenSlot, token: Token, is_expired: bool) -> Self {
        let [new, current] = &mut self.0;
        let place = match slot {
            TokenSlot::New => new,
            TokenSlot::Current => current,
        };
        *place = Candidate {
            token,
            slot: Some(slot),
            is_expired,
        };
        self
    }

    pub(crate) fn candidates(&self) -> &[Candidate; 2] {
        &self.0
    }
}

impl Candidate {
    /// As long as a real one, so that holding a proof against it is the same work.
    fn nobodys() -> Self {
        Self {
            token: Token(Secret::from([0; 43].as_slice())),
            slot: None,
            is_expired: false,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}
