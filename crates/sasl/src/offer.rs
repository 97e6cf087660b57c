//! What a stream offers: mechanisms and channel bindings.

use crate::{ChannelBinding, Mechanism, SaslFailure};

/// What a stream offers in its features, and so what an exchange is held against.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    mechanisms: Vec<Mechanism>,
    bindings: Vec<ChannelBinding>,
    after_tls: Vec<Mechanism>,
}

impl Offer {
    /// An offer, strongest mechanism first whatever the order given. Mechanisms with channel binding
    /// are left out where there is nothing to bind to.
    pub fn new(mut mechanisms: Vec<Mechanism>, bindings: Vec<ChannelBinding>) -> Self {
        mechanisms.retain(|mechanism| !mechanism.is_plus() || !bindings.is_empty());
        mechanisms.sort_unstable();
        mechanisms.dedup();
        Self {
            mechanisms,
            bindings,
            after_tls: Vec::new(),
        }
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

    pub(crate) fn binding(&self, name: &str) -> Option<&ChannelBinding> {
        self.bindings.iter().find(|binding| binding.name() == name)
    }
}
