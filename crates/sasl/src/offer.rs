//! What a stream offers: mechanisms and channel bindings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{ChannelBinding, Hash, Mechanism, SaslFailure};

/// What a stream offers in its features, and so what an exchange is held against.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    mechanisms: Vec<Mechanism>,
    tokens: Vec<Mechanism>,
    bindings: Vec<ChannelBinding>,
    after_tls: Vec<Mechanism>,
    is_hashed: bool,
    tls_version: Option<u16>,
}

impl Offer {
    /// An offer, strongest mechanism first whatever the order given. Mechanisms with channel binding
    /// are left out where there is nothing to bind to, and those that take a token stand apart, in [`Offer::tokens`].
    pub fn new(mut mechanisms: Vec<Mechanism>, bindings: Vec<ChannelBinding>) -> Self {
        mechanisms.sort_unstable();
        mechanisms.dedup();
        let has = |name: &str| bindings.iter().any(|binding| binding.name() == name);
        let mut tokens = mechanisms.clone();
        tokens.retain(|mechanism| {
            let wanted = mechanism.token().map(|(_, binding)| binding);
            wanted.is_some_and(|binding| binding.is_none_or(has))
        });
        mechanisms.retain(|mechanism| {
            !mechanism.is_token() && (!mechanism.is_plus() || !bindings.is_empty())
        });
        Self {
            mechanisms,
            tokens,
            bindings,
            after_tls: Vec::new(),
            is_hashed: false,
            tls_version: None,
        }
    }

    /// Has SCRAM tell the client what was offered, under the protection of its password, so that it notices if somebody
    /// in between took something away: [XEP-0474].
    ///
    /// [XEP-0474]: https://xmpp.org/extensions/xep-0474.html
    #[must_use]
    pub fn hashed(mut self) -> Self {
        self.is_hashed = true;
        self
    }

    /// Has SCRAM tell the client which version of TLS it is offered over, by the number that TLS itself has for it, so that
    /// it notices if somebody in between speaks another one: [XEP-0515].
    ///
    /// [XEP-0515]: https://xmpp.org/extensions/xep-0515.html
    #[must_use]
    pub fn over_tls(mut self, version: Option<u16>) -> Self {
        self.tls_version = version;
        self
    }

    /// Names mechanisms that would be offered on an encrypted stream, so that choosing one of them here
    /// is `encryption-required` and not `invalid-mechanism`.
    #[must_use]
    pub fn after_tls(mut self, mechanisms: Vec<Mechanism>) -> Self {
        self.after_tls = mechanisms;
        self
    }

    /// The mechanisms to announce, the strongest first.
    pub fn mechanisms(&self) -> &[Mechanism] {
        &self.mechanisms
    }

    /// The mechanisms that take a token, the strongest first: to be announced only where tokens are given out.
    pub fn tokens(&self) -> &[Mechanism] {
        &self.tokens
    }

    /// The names of the channel bindings to announce, [XEP-0440]; none where no mechanism uses them.
    ///
    /// [XEP-0440]: https://xmpp.org/extensions/xep-0440.html
    pub fn binding_names(&self) -> impl Iterator<Item = &'static str> {
        let announced = self.is_plus_offered();
        self.bindings
            .iter()
            .map(ChannelBinding::name)
            .filter(move |_| announced)
    }

    /// Whether any mechanism with channel binding is offered: a client that says it thinks otherwise (`y`)
    /// was told so by somebody in between.
    pub fn is_plus_offered(&self) -> bool {
        self.mechanisms.iter().any(|mechanism| mechanism.is_plus())
    }

    /// The mechanism that a client chose by name.
    ///
    /// # Errors
    ///
    /// [`SaslFailure::EncryptionRequired`] for one that needs TLS first, [`SaslFailure::InvalidMechanism`]
    /// for any other that was not offered.
    pub fn choose(&self, name: &str) -> Result<Mechanism, SaslFailure> {
        let mechanism = Mechanism::from_name(name).ok_or(SaslFailure::InvalidMechanism)?;
        if self.mechanisms.contains(&mechanism) {
            Ok(mechanism)
        } else if self.after_tls.contains(&mechanism) {
            Err(SaslFailure::EncryptionRequired)
        } else {
            Err(SaslFailure::InvalidMechanism)
        }
    }

    /// The mechanism that a client chose by name for its token.
    ///
    /// # Errors
    ///
    /// [`SaslFailure::InvalidMechanism`] for one that was not offered, or that takes no token.
    pub fn choose_for_token(&self, name: &str) -> Result<Mechanism, SaslFailure> {
        let mut tokens = self.tokens.iter().copied();
        tokens
            .find(|mechanism| mechanism.name() == name)
            .ok_or(SaslFailure::InvalidMechanism)
    }

    /// What SCRAM with `hash` says of this offer, base64; nothing, unless it is to.
    pub(crate) fn hash_text(&self, hash: Hash) -> Option<String> {
        let names = self.mechanisms.iter().map(|mechanism| mechanism.name());
        let bindings: Vec<_> = self.binding_names().collect();
        self.is_hashed
            .then(|| protection_hash(hash, names.collect(), bindings))
    }

    /// What SCRAM says of the version of TLS.
    pub(crate) fn tls_version_text(&self) -> Option<String> {
        self.tls_version.map(tls_version_text)
    }

    pub(crate) fn binding(&self, name: &str) -> Option<&ChannelBinding> {
        self.bindings.iter().find(|binding| binding.name() == name)
    }
}

/// The hash of what was announced, [XEP-0474]: the names of each list sorted by their bytes, separated by characters
/// that XML cannot have. `bindings` is empty where none was announced.
///
/// [XEP-0474]: https://xmpp.org/extensions/xep-0474.html
pub(crate) fn protection_hash(
    hash: Hash,
    mut mechanisms: Vec<&str>,
    mut bindings: Vec<&str>,
) -> String {
    mechanisms.sort_unstable();
    bindings.sort_unstable();
    let mut text = mechanisms.join("\u{1e}");
    if !bindings.is_empty() {
        text.push('\u{1f}');
        text.push_str(&bindings.join("\u{1e}"));
    }
    STANDARD.encode(hash.digest(text.as_bytes()).bytes())
}

/// A version of TLS as [XEP-0515] writes it: four hexadecimal digits.
///
/// [XEP-0515]: https://xmpp.org/extensions/xep-0515.html
pub(crate) fn tls_version_text(version: u16) -> String {
    format!("{version:04x}")
}
