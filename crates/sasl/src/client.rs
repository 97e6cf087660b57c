//! The client's side, as small as it may be: for the transcript player, the load tool and tests. The server
//! never uses it.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::limits::ITERATIONS_MAX;
use crate::message::escape;
use crate::nonce::Nonce;
use crate::offer::{protection_hash, tls_version_text};
use crate::secret::Secret;
use crate::{ChannelBinding, Hash, Mechanism, Password, PrepareError, hashed_token, saslprep};

/// Why a client gives up.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum ClientError {
    /// The mechanism is none of the SCRAM family, or its channel binding is missing or superfluous.
    #[error("the mechanism and the channel binding do not go together")]
    Mechanism,
    /// The user name or the password cannot be prepared.
    #[error("the user name or the password cannot be prepared: {0}")]
    Prepare(#[from] PrepareError),
    /// The server's message cannot be understood.
    #[error("the server's message is malformed")]
    Malformed,
    /// The server does not know the keys, or the token.
    #[error("the server could not prove that it knows the keys")]
    NotTheServer,
    /// The server says that it offered something else than the client saw, [XEP-0474].
    ///
    /// [XEP-0474]: https://xmpp.org/extensions/xep-0474.html
    #[error("what the server offered was changed on the way")]
    OfferChanged,
}

/// The one message of PLAIN.
pub fn plain(username: &str, password: &str) -> Vec<u8> {
    format!("\0{username}\0{password}").into_bytes()
}

/// A SCRAM exchange as its client sees it: [`Scram::first`], then [`Scram::answer`] to the challenge, then
/// [`Scram::check`] of what comes with the success.
#[derive(Debug)]
pub struct Scram {
    hash: Hash,
    gs2_header: String,
    binding: Vec<u8>,
    password: Password,
    first_bare: String,
    nonce: String,
    /// The hash of what the client saw offered.
    offer_hash: Option<String>,
    /// Which version of TLS it speaks.
    tls_version: Option<String>,
    server_signature: Option<Secret>,
}

impl Scram {
    /// Begins an exchange. `nonce` must be new and unguessable; `binding` is given with -PLUS and only then.
    ///
    /// # Errors
    ///
    /// [`ClientError::Mechanism`] and [`ClientError::Prepare`].
    pub fn new(
        mechanism: Mechanism,
        username: &str,
        password: &str,
        nonce: &Nonce,
        binding: Option<&ChannelBinding>,
    ) -> Result<Self, ClientError> {
        let hash = mechanism.hash().ok_or(ClientError::Mechanism)?;
        if mechanism.is_plus() != binding.is_some() {
            return Err(ClientError::Mechanism);
        }
        let flag = binding.map_or("n".to_owned(), |binding| format!("p={}", binding.name()));
        let username = saslprep(username)?;
        Ok(Self {
            hash,
            gs2_header: format!("{flag},,"),
            binding: binding.map_or(Vec::new(), |binding| binding.data().to_vec()),
            password: Password::prepare(password)?,
            first_bare: format!("n={},r={}", escape(&username), nonce.as_str()),
            nonce: nonce.as_str().to_owned(),
            offer_hash: None,
            tls_version: None,
            server_signature: None,
        })
    }

    /// Asks to act as somebody else.
    #[must_use]
    pub fn authzid(mut self, authzid: &str) -> Self {
        self.gs2_header.pop();
        self.gs2_header.push_str(&format!("a={},", escape(authzid)));
        self
    }

    /// Says what the client saw offered, to be compared with what the server says it offered, if it does.
    #[must_use]
    pub fn saw(mut self, mechanisms: &[&str], bindings: &[&str]) -> Self {
        let hash = protection_hash(self.hash, mechanisms.to_vec(), bindings.to_vec());
        self.offer_hash = Some(hash);
        self
    }

    /// Says over which version of TLS the client speaks, to be compared as what it [saw](Self::saw).
    #[must_use]
    pub fn over_tls(mut self, version: u16) -> Self {
        self.tls_version = Some(tls_version_text(version));
        self
    }

    /// The first message.
    pub fn first(&self) -> Vec<u8> {
        [self.gs2_header.as_str(), &self.first_bare]
            .concat()
            .into_bytes()
    }

    /// Answers the server's challenge. Takes as long as the keys have iterations, milliseconds as a rule.
    ///
    /// # Errors
    ///
    /// [`ClientError::Malformed`] and [`ClientError::OfferChanged`].
    pub fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| ClientError::Malformed)?;
        let (nonce, salt, iterations) = self
            .read_challenge(challenge)
            .ok_or(ClientError::Malformed)?;
        for (name, saw) in [("h=", &self.offer_hash), ("t=", &self.tls_version)] {
            let said = challenge.split(',').find_map(|one| one.strip_prefix(name));
            if let (Some(said), Some(saw)) = (said, saw)
                && said != saw
            {
                return Err(ClientError::OfferChanged);
            }
        }

        let binding = [self.gs2_header.as_bytes(), &self.binding].concat();
        let without_proof = format!("c={},r={nonce}", STANDARD.encode(binding));
        let auth_message = format!("{},{challenge},{without_proof}", self.first_bare);

        let salted = self.hash.salted(self.password.bytes(), &salt, iterations);
        let client_key = self.hash.hmac(salted.bytes(), b"Client Key");
        let stored_key = self.hash.digest(client_key.bytes());
        let signature = self.hash.hmac(stored_key.bytes(), auth_message.as_bytes());
        let proof = client_key.xor(signature.bytes());

        let server_key = self.hash.hmac(salted.bytes(), b"Server Key");
        self.server_signature = Some(self.hash.hmac(server_key.bytes(), auth_message.as_bytes()));
        Ok(format!("{without_proof},p={}", STANDARD.encode(proof.bytes())).into_bytes())
    }

    fn read_challenge<'a>(&self, challenge: &'a str) -> Option<(&'a str, Vec<u8>, NonZeroU32)> {
        let mut attributes = challenge.split(',');
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let salt = attributes.next()?.strip_prefix("s=")?;
        let iterations: NonZeroU32 = attributes.next()?.strip_prefix("i=")?.parse().ok()?;
        let is_extended = nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len();
        let salt = STANDARD.decode(salt).ok()?;
        (is_extended && iterations.get() <= ITERATIONS_MAX).then_some((nonce, salt, iterations))
    }

    /// Checks what came with the success: whether the server knows the keys too.
    ///
    /// # Errors
    ///
    /// [`ClientError::Malformed`] and [`ClientError::NotTheServer`].
    pub fn check(&self, data: &[u8]) -> Result<(), ClientError> {
        let signature = std::str::from_utf8(data)
            .ok()
            .and_then(|text| text.strip_prefix("v="))
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or(ClientError::Malformed)?;
        match &self.server_signature {
            Some(expected) if expected.is(&signature) => Ok(()),
            _ => Err(ClientError::NotTheServer),
        }
    }
}

/// The one message of HT, from the text of a token that the server gave out.
///
/// # Errors
///
/// [`ClientError::Mechanism`] when `mechanism` takes no token, or another channel binding.
pub fn token(
    mechanism: Mechanism,
    username: &str,
    token: &str,
    binding: Option<&ChannelBinding>,
) -> Result<Vec<u8>, ClientError> {
    let (hash, binding) = token_binding(mechanism, binding)?;
    let proof = hashed_token::initiator(hash, token.as_bytes(), binding);
    Ok([username.as_bytes(), b"\0", proof.bytes()].concat())
}

/// Checks what comes with the success of HT: whether the server knows the token too.
///
/// # Errors
///
/// [`ClientError::Mechanism`] as [`token`], [`ClientError::NotTheServer`].
pub fn check_token(
    mechanism: Mechanism,
    token: &str,
    binding: Option<&ChannelBinding>,
    data: &[u8],
) -> Result<(), ClientError> {
    match token_answer(mechanism, token, binding)? == data {
        true => Ok(()),
        false => Err(ClientError::NotTheServer),
    }
}

/// What comes with the success of HT.
///
/// # Errors
///
/// [`ClientError::Mechanism`] as [`token`].
pub fn token_answer(
    mechanism: Mechanism,
    token: &str,
    binding: Option<&ChannelBinding>,
) -> Result<Vec<u8>, ClientError> {
    let (hash, binding) = token_binding(mechanism, binding)?;
    let answer = hashed_token::responder(hash, token.as_bytes(), binding);
    Ok(answer.bytes().to_vec())
}

fn token_binding(
    mechanism: Mechanism,
    binding: Option<&ChannelBinding>,
) -> Result<(Hash, &[u8]), ClientError> {
    match (mechanism.token(), binding) {
        (Some((hash, None)), None) => Ok((hash, &[])),
        (Some((hash, Some(name))), Some(binding)) if binding.name() == name => {
            Ok((hash, binding.data()))
        }
        _ => Err(ClientError::Mechanism),
    }
}

/// What a client answers an upgrade task with: its password, salted as the server asks, [XEP-0480 §3].
///
/// [XEP-0480 §3]: https://xmpp.org/extensions/xep-0480.html
pub fn salted(hash: Hash, password: &Password, salt: &[u8], iterations: NonZeroU32) -> String {
    STANDARD.encode(hash.salted(password.bytes(), salt, iterations).bytes())
}
