//! # Password Upgrade
//!
//! A host that comes to know a better hash has no keys of it for the passwords that were set before: passwords are not kept.
//! A client that signs in with its password and knows this feature makes them good, so that nobody has to set a password
//! again.
//!
//! Spec: [XEP-0480](https://xmpp.org/extensions/xep-0480.html) 0.2.0, complete, with the tasks of SCRAM. Which tasks an
//! account needs would tell that it exists, and how old its password is. So a stream offers all that its host has, and a
//! client that asks is given those that the account lacks: of an account that has everything, none.
//!
//! What keys are made of what a client sends is the business of `sasl`, where they are stored the engine's. `task.rs` is the
//! conversation, `tests/` holds the transcripts.

mod task;

use std::sync::Arc;

use engine::{
    Authentication, HostFacts,
    module::{
        AtSignIn, ConfigError, Module, NoConfig, SignIn, SignInOffer, SignInTask, Spec, Wiring,
    },
};
use sasl::{Hash, SaslFailure, ScramUpgrade};
use xml::{Builder, Fragment};

use task::Upgrade;

/// The namespace of the offer.
const NS: &str = "urn:xmpp:sasl:upgrade:0";

/// The feature.
pub struct PasswordUpgrade {
    /// The tasks, [§2.1](https://xmpp.org/extensions/xep-0480.html).
    offered: Vec<Fragment>,
}

impl Module for PasswordUpgrade {
    const NAME: &'static str = "upgrade";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0480", "0.2.0")];
    type Config = NoConfig;

    fn new(_: NoConfig, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        let has_passwords = host.authentication == Authentication::Accounts;
        let offered = host.scram_hashes.iter().map(|hash| {
            Builder::new("upgrade", NS)
                .text(ScramUpgrade::task_name(*hash))
                .build()
        });
        Ok(has_passwords.then(|| Self {
            offered: offered.collect(),
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.at_sign_in();
    }
}

impl AtSignIn for PasswordUpgrade {
    fn authentication(&self, _: SignInOffer<'_>) -> Vec<Fragment> {
        self.offered.clone()
    }

    /// [§2.2](https://xmpp.org/extensions/xep-0480.html): only who has just shown the password, so that a token is not
    /// enough to set another one.
    async fn tasks(&self, sign_in: Arc<SignIn>) -> Result<Vec<Box<dyn SignInTask>>, SaslFailure> {
        let wanted = requested(&sign_in.request.inline);
        if wanted.is_empty() || !sign_in.mechanism.is_password() {
            return Ok(Vec::new());
        }
        let lacking = sign_in.server.hashes_lacking(&sign_in.host, &sign_in.jid);
        let lacking = lacking.await.map_err(|error| {
            tracing::error!(%error, "keys can't be read; the sign-in is refused for now");
            SaslFailure::TemporaryAuthFailure
        })?;
        let tasks = wanted.into_iter().filter(|hash| lacking.contains(hash));
        Ok(tasks.map(|hash| Upgrade::task(&sign_in, hash)).collect())
    }
}

/// The hashes of the tasks that a client names, each once.
fn requested(inline: &[Fragment]) -> Vec<Hash> {
    let mut hashes = Vec::new();
    for upgrade in inline.iter().filter(|element| element.is("upgrade", NS)) {
        let hash = ScramUpgrade::from_task_name(&upgrade.tree().root().text());
        hashes.extend(hash.filter(|hash| !hashes.contains(hash)));
    }
    hashes
}
