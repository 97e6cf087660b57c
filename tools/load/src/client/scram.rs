//! SCRAM, [RFC 5802](https://www.rfc-editor.org/rfc/rfc5802), by a client that keeps its keys.
//!
//! Real clients derive the keys from the password once and keep them (RFC 5802 section 3), and a tool that derived
//! them at every sign-in would be slower than the server it measures.

use std::{cell::RefCell, collections::HashMap, num::NonZeroU32};

use anyhow::{Context as _, Result, ensure};
use ring::{digest, hmac, pbkdf2};
use sasl::{Mechanism, wire};

/// The most iterations a server may ask for.
const ITERATIONS_MAX: u32 = 1_000_000;

/// What a server's challenge says, with the user name and the hash, to the keys it leads to.
type Known = HashMap<(String, String), Keys>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// The primitives of one hash.
#[derive(Clone, Copy)]
struct Hash {
    hmac: hmac::Algorithm,
    digest: &'static digest::Algorithm,
    pbkdf2: pbkdf2::Algorithm,
}

/// What is derived from a password.
#[derive(Clone)]
struct Keys {
    client: Vec<u8>,
    stored: Vec<u8>,
    server: Vec<u8>,
}

/// One exchange: [`Scram::first`], then [`Scram::answer`] to the challenge, then [`Scram::check`] of the success.
pub(super) struct Scram {
    hash: Hash,
    username: String,
    nonce: String,
    server_signature: Option<hmac::Tag>,
}

impl Scram {
    /// Begins an exchange; `None` when the mechanism is none of these. The username needs no preparation.
    pub(super) fn new(mechanism: Mechanism, username: &str, nonce: &[u8]) -> Option<Self> {
        Some(Self {
            hash: Hash::of(mechanism)?,
            username: username.to_owned(),
            nonce: wire::encode(nonce),
            server_signature: None,
        })
    }

    /// The first message.
    pub(super) fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first_bare()).into_bytes()
    }

    fn first_bare(&self) -> String {
        format!("n={},r={}", self.username, self.nonce)
    }

    /// Answers the challenge.
    ///
    /// # Errors
    ///
    /// When it is malformed.
    pub(super) fn answer(&mut self, challenge: &[u8], password: &str) -> Result<Vec<u8>> {
        let challenge = std::str::from_utf8(challenge)?;
        let (nonce, rest) = challenge
            .strip_prefix("r=")
            .and_then(|text| text.split_once(','))
            .context("the challenge has no nonce")?;
        ensure!(
            nonce.starts_with(&self.nonce),
            "the challenge is for somebody else"
        );
        let keys = self.keys(rest, password)?;
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{},{challenge},{without_proof}", self.first_bare());
        let signature = self.hash.sign(&keys.stored, message.as_bytes());
        let proof: Vec<u8> = keys
            .client
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        self.server_signature = Some(self.hash.sign(&keys.server, message.as_bytes()));
        Ok(format!("{without_proof},p={}", wire::encode(&proof)).into_bytes())
    }

    /// Checks that the server knows the keys too.
    pub(super) fn check(&self, success: &[u8]) -> Result<()> {
        let expected = self.server_signature.context("nothing was answered")?;
        let expected = format!("v={}", wire::encode(expected.as_ref()));
        ensure!(
            success == expected.as_bytes(),
            "the server could not prove that it knows the keys"
        );
        Ok(())
    }

    /// The keys for a challenge of this salt and number of iterations: derived once.
    fn keys(&self, parameters: &str, password: &str) -> Result<Keys> {
        let mechanism = format!("{:?}", self.hash.digest);
        let place = (
            format!("{mechanism} {}", self.username),
            parameters.to_owned(),
        );
        if let Some(keys) = KNOWN.with_borrow(|known| known.get(&place).cloned()) {
            return Ok(keys);
        }
        let (salt, iterations) = parameters
            .strip_prefix("s=")
            .and_then(|text| text.split_once(",i="))
            .context("the challenge has no salt and iterations")?;
        let salt = wire::decode(salt).map_err(|_| anyhow::anyhow!("the salt is no base64"))?;
        let iterations = iterations.split(',').next().unwrap_or_default();
        let iterations: NonZeroU32 = iterations.parse().context("iterations are no number")?;
        ensure!(
            iterations.get() <= ITERATIONS_MAX,
            "the server asks for {iterations} iterations"
        );
        let keys = self.hash.derive(password, &salt, iterations);
        KNOWN.with_borrow_mut(|known| known.insert(place, keys.clone()));
        Ok(keys)
    }
}

impl Hash {
    fn of(mechanism: Mechanism) -> Option<Self> {
        let (hmac, digest, pbkdf2) = match mechanism {
            Mechanism::ScramSha1 => (
                hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                &digest::SHA1_FOR_LEGACY_USE_ONLY,
                pbkdf2::PBKDF2_HMAC_SHA1,
            ),
            Mechanism::ScramSha256 => (
                hmac::HMAC_SHA256,
                &digest::SHA256,
                pbkdf2::PBKDF2_HMAC_SHA256,
            ),
            Mechanism::ScramSha512 => (
                hmac::HMAC_SHA512,
                &digest::SHA512,
                pbkdf2::PBKDF2_HMAC_SHA512,
            ),
            _ => return None,
        };
        Some(Self {
            hmac,
            digest,
            pbkdf2,
        })
    }

    fn sign(&self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hmac, key), message)
    }

    fn derive(&self, password: &str, salt: &[u8], iterations: NonZeroU32) -> Keys {
        let mut salted = vec![0; self.digest.output_len()];
        pbkdf2::derive(
            self.pbkdf2,
            iterations,
            salt,
            password.as_bytes(),
            &mut salted,
        );
        let client = self.sign(&salted, b"Client Key").as_ref().to_vec();
        Keys {
            stored: digest::digest(self.digest, &client).as_ref().to_vec(),
            server: self.sign(&salted, b"Server Key").as_ref().to_vec(),
            client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3.
    #[test]
    fn the_example_of_the_specification() {
        let mut scram = Scram::new(Mechanism::ScramSha256, "user", b"").unwrap();
        scram.nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        for _ in 0..2 {
            let answer = scram.answer(challenge.as_bytes(), "pencil").unwrap();
            assert_eq!(
                String::from_utf8(answer).unwrap(),
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            );
        }
        let success = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        scram.check(success).unwrap();
        assert!(scram.check(b"v=AAAA").is_err());
    }

    #[test]
    fn a_bad_challenge_is_refused() {
        let mut scram = Scram::new(Mechanism::ScramSha1, "user", b"abc").unwrap();
        for challenge in [
            "",
            "r=other,s=AA==,i=1",
            "r=YWJjd,s=AA==",
            "r=YWJjd,s=AA==,i=0",
        ] {
            assert!(
                scram.answer(challenge.as_bytes(), "x").is_err(),
                "{challenge}"
            );
        }
        assert!(Scram::new(Mechanism::Plain, "user", b"abc").is_none());
    }
}
