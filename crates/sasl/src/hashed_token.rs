//! HT: one message that proves to know a token, and one that proves the same of the server,
//! [draft-schmaus-kitten-sasl-ht-09](https://datatracker.ietf.org/doc/draft-schmaus-kitten-sasl-ht/09/).

use crate::scram::prepare_username;
use crate::secret::Secret;
use crate::token::Candidate;
use crate::{Ask, Hash, Mechanism, Offer, SaslFailure, Success, Tokens};

/// The client's message was read; the tokens are awaited.
#[derive(Debug)]
pub(crate) struct Hashed {
    hash: Hash,
    username: String,
    binding: Secret,
    proof: Secret,
}

impl Hashed {
    /// Reads `authcid NUL initiator-hashed-token`. The proof is bytes, any of which may be NUL.
    pub(crate) fn read(
        message: &[u8],
        mechanism: Mechanism,
        hash: Hash,
        binding: Option<&str>,
        offer: &Offer,
    ) -> Result<(Self, Ask), SaslFailure> {
        let malformed = SaslFailure::MalformedRequest;
        let nul = message.iter().position(|byte| *byte == 0);
        let (username, rest) = message.split_at(nul.ok_or(malformed)?);
        let proof = rest.get(1..).unwrap_or_default();
        if proof.len() != hash.output_bytes() {
            return Err(malformed);
        }
        let username = std::str::from_utf8(username).map_err(|_| malformed)?;
        let username = prepare_username(username)?;
        let binding = match binding {
            None => &[],
            Some(name) => offer.binding(name).ok_or(malformed)?.data(),
        };
        let ask = Ask::Tokens {
            username: username.clone(),
            mechanism,
        };
        let hashed = Self {
            hash,
            username,
            binding: Secret::from(binding),
            proof: Secret::from(proof),
        };
        Ok((hashed, ask))
    }

    /// Holds the proof against the tokens. The same work whether there are none, one or two.
    pub(crate) fn decide(self, tokens: &Tokens) -> Result<Success, SaslFailure> {
        let mut found: Option<&Candidate> = None;
        for candidate in tokens.candidates() {
            let expected = initiator(self.hash, candidate.token.bytes(), self.binding.bytes());
            if expected.is(self.proof.bytes()) {
                // Of two alike the first counts: the newer one.
                found = found.or(Some(candidate));
            }
        }
        let Candidate {
            token,
            slot,
            is_expired,
        } = found.ok_or(SaslFailure::NotAuthorized)?;
        let slot = slot.ok_or(SaslFailure::NotAuthorized)?;
        if *is_expired {
            return Err(SaslFailure::CredentialsExpired);
        }
        let data = responder(self.hash, token.bytes(), self.binding.bytes());
        Ok(Success {
            username: self.username,
            data: Some(data.bytes().to_vec()),
            token: Some(slot),
        })
    }
}

/// `HMAC(token, "Initiator" || cb-data)`
pub(crate) fn initiator(hash: Hash, token: &[u8], binding: &[u8]) -> Secret {
    hash.hmac(token, &[b"Initiator", binding].concat())
}

/// `HMAC(token, "Responder" || cb-data)`
pub(crate) fn responder(hash: Hash, token: &[u8], binding: &[u8]) -> Secret {
    hash.hmac(token, &[b"Responder", binding].concat())
}
