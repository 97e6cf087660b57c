//! The server's side of SCRAM, [RFC 5802 §5]: a chain of states, each of which knows what it must.
//!
//! [RFC 5802 §5]: https://www.rfc-editor.org/rfc/rfc5802#section-5

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::Standing;
use crate::limits::USERNAME_BYTES_MAX;
use crate::message::{ClientFinal, ClientFirst, Flag};
use crate::{
    Ask, Credentials, Hash, Mechanism, Nonce, Offer, PrepareError, SaslFailure, Success, saslprep,
};

/// The client's first message was read; its keys are awaited.
#[derive(Debug)]
pub(crate) struct Asked {
    hash: Hash,
    username: String,
    /// What the final message must have in `c=`.
    binding: Vec<u8>,
    client_first_bare: String,
    /// Both halves.
    nonce: String,
    /// What the client is told of the offer.
    offer_hash: Option<String>,
    /// And over which version of TLS, if it is told.
    tls_version: Option<String>,
}

/// The challenge went out; the client's proof is awaited.
#[derive(Debug)]
pub(crate) struct Challenged {
    asked: Asked,
    credentials: Credentials,
    server_first: String,
}

impl Asked {
    /// Reads the client's first message.
    pub(crate) fn read(
        message: &[u8],
        mechanism: Mechanism,
        hash: Hash,
        offer: &Offer,
        nonce: &Nonce,
    ) -> Result<(Self, Ask), SaslFailure> {
        let first = ClientFirst::parse(message)?;
        let mut binding = first.gs2_header.as_bytes().to_vec();
        binding.extend_from_slice(binding_data(first.flag, mechanism, offer)?);
        let username = prepare_username(&first.username)?;
        let ask = Ask::Credentials {
            username: username.clone(),
            authzid: first.authzid,
            hash,
        };
        let asked = Self {
            hash,
            username,
            binding,
            client_first_bare: first.bare.to_owned(),
            nonce: format!("{}{}", first.nonce, nonce.as_str()),
            offer_hash: offer.hash_text(hash),
            tls_version: offer.tls_version_text(),
        };
        Ok((asked, ask))
    }

    /// Takes the keys and gives the server's first message. Keys of another hash are a fault of ours.
    pub(crate) fn challenge(
        self,
        credentials: Credentials,
    ) -> Result<(Challenged, Vec<u8>), SaslFailure> {
        if credentials.keys.hash != self.hash {
            return Err(SaslFailure::TemporaryAuthFailure);
        }
        let mut server_first = format!(
            "r={},s={},i={}",
            self.nonce,
            STANDARD.encode(&credentials.keys.salt),
            credentials.keys.iterations,
        );
        if let Some(offer_hash) = &self.offer_hash {
            server_first.push_str(",h=");
            server_first.push_str(offer_hash);
        }
        if let Some(version) = &self.tls_version {
            server_first.push_str(",t=");
            server_first.push_str(version);
        }
        let challenge = server_first.clone().into_bytes();
        let challenged = Challenged {
            asked: self,
            credentials,
            server_first,
        };
        Ok((challenged, challenge))
    }
}

impl Challenged {
    /// Reads the client's final message and decides.
    pub(crate) fn decide(self, message: &[u8]) -> Result<Success, SaslFailure> {
        let last = ClientFinal::parse(message)?;
        let keys = &self.credentials.keys;
        if last.nonce != self.asked.nonce || last.proof.len() != self.asked.hash.output_bytes() {
            return Err(SaslFailure::MalformedRequest);
        }
        if last.binding != self.asked.binding {
            return Err(SaslFailure::NotAuthorized);
        }
        let auth_message = format!(
            "{},{},{}",
            self.asked.client_first_bare, self.server_first, last.without_proof
        );
        let hash = self.asked.hash;
        let client_signature = hash.hmac(keys.stored_key.bytes(), auth_message.as_bytes());
        let client_key = client_signature.xor(&last.proof);
        let is_proven = keys.stored_key.is(hash.digest(client_key.bytes()).bytes());
        permit(is_proven, self.credentials.standing)?;

        let signature = hash.hmac(keys.server_key.bytes(), auth_message.as_bytes());
        Ok(Success {
            username: self.asked.username,
            data: Some(format!("v={}", STANDARD.encode(signature.bytes())).into_bytes()),
            token: None,
        })
    }
}

/// Holds what the client says about channel binding against what was offered, [RFC 5802 §6], and gives
/// the data to bind to.
///
/// [RFC 5802 §6]: https://www.rfc-editor.org/rfc/rfc5802#section-6
fn binding_data<'a>(
    flag: Flag<'_>,
    mechanism: Mechanism,
    offer: &'a Offer,
) -> Result<&'a [u8], SaslFailure> {
    match (flag, mechanism.is_plus()) {
        (Flag::Used(name), true) => offer
            .binding(name)
            .map(|binding| binding.data())
            .ok_or(SaslFailure::MalformedRequest),
        (Flag::Unsupported, false) => Ok(&[]),
        // Somebody removed our -PLUS mechanisms from what the client saw.
        (Flag::NotOffered, false) if offer.is_plus_offered() => Err(SaslFailure::MalformedRequest),
        (Flag::NotOffered, false) => Ok(&[]),
        (Flag::Used(_), false) | (Flag::Unsupported | Flag::NotOffered, true) => {
            Err(SaslFailure::MalformedRequest)
        }
    }
}

/// Prepares the user name of any mechanism. One that no account can have is no secret: it may fail at once.
pub(crate) fn prepare_username(username: &str) -> Result<String, SaslFailure> {
    match saslprep::prepare_bounded(username, USERNAME_BYTES_MAX) {
        Ok(username) => Ok(username.into_owned()),
        Err(PrepareError::Empty | PrepareError::TooLong) => Err(SaslFailure::MalformedRequest),
        Err(PrepareError::Prohibited | PrepareError::Bidi) => Err(SaslFailure::NotAuthorized),
    }
}

/// The one place where a checked password becomes a permission. Only who knows the password of an active
/// account learns anything beyond `not-authorized`.
pub(crate) fn permit(is_proven: bool, standing: Standing) -> Result<(), SaslFailure> {
    match (is_proven, standing) {
        (true, Standing::Active) => Ok(()),
        (true, Standing::ForeignAuthzid) => Err(SaslFailure::InvalidAuthzid),
        (true, Standing::Refused) | (false, _) => Err(SaslFailure::NotAuthorized),
    }
}
