//! # Fast Sign-In
//!
//! A client that signed in gets a token, and signs in with that from then on: in one step, without its password, which it
//! need not even keep. A token is good for one client, one mechanism and a few weeks; it is replaced while it is in use, and
//! the old one stays good until the new one is used, so that a connection that breaks at the wrong moment locks nobody out.
//! Another password, and whoever takes the client's access, makes it void.
//!
//! Spec: [XEP-0484](https://xmpp.org/extensions/xep-0484.html) 0.2.0, complete. Where the operator lets clients send data
//! before their TLS handshake is over, a sign-in that comes so needs a count, and nobody gets in twice by the same one.
//!
//! What is stored of tokens, and how they are held against a proof, is the engine's. `protocol.rs` is the wire forms,
//! `tests/` holds the transcripts.

mod protocol;

use std::{sync::Arc, time::Duration};

use engine::{
    Authentication, Host, HostFacts, Server,
    account::{ClientName, Grant},
    module::{AtSignIn, ConfigError, Job, Key, Module, SignIn, SignInOffer, Spec, Wiring},
    period::Period,
};
use sasl::{Mechanism, Offer, SaslFailure};
use serde::Deserialize;
use store::Batch;
use xml::Fragment;

use protocol::{FAST, NS, REQUEST_TOKEN};

/// How often tokens that are long over are removed.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The feature.
pub struct FastSignIn {
    config: Config,
}

/// `fast = { lifetime = "21 days", renewal = "1 day" }`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a token is good: a client that stays away for longer has to sign in with its password.
    pub lifetime: Period,
    /// How old a token gets before a client that signs in with it is given another one.
    pub renewal: Period,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lifetime: Period(Duration::from_secs(21 * 24 * 60 * 60)),
            renewal: Period(Duration::from_secs(24 * 60 * 60)),
        }
    }
}

impl Module for FastSignIn {
    const NAME: &'static str = "fast";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0484", "0.2.0")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        let lifetime = "How long a token is good: a client that stays away for longer has to sign in with its password.";
        let renewal =
            "How old a token gets before a client that signs in with it is given another one.";
        vec![
            Key::new("lifetime", &"21 days", &[lifetime]),
            Key::new("renewal", &"1 day", &[renewal]),
        ]
    }

    fn new(config: Config, host: &HostFacts) -> Result<Option<Self>, ConfigError> {
        if config.renewal >= config.lifetime {
            return Err(ConfigError {
                key: "fast.renewal".to_owned(),
                problem: "a token would be over before it is renewed; write a shorter period than `lifetime`"
                    .to_owned(),
            });
        }
        // The account of an anonymous user ends with its session.
        let has_accounts = host.authentication == Authentication::Accounts;
        Ok(has_accounts.then_some(Self { config }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.at_sign_in().job(EVERY);
    }
}

impl AtSignIn for FastSignIn {
    fn mechanisms(&self, _: SignInOffer<'_>) -> Vec<Mechanism> {
        Mechanism::TOKENS.to_vec()
    }

    /// [§3.1](https://xmpp.org/extensions/xep-0484.html).
    fn inline(&self, offer: SignInOffer<'_>) -> Option<Fragment> {
        let offered = Offer::new(Mechanism::TOKENS.to_vec(), offer.bindings.to_vec());
        Some(protocol::feature(offered.tokens(), offer.takes_early_data))
    }

    async fn signed_in(&self, sign_in: Arc<SignIn>) -> Result<Vec<Fragment>, SaslFailure> {
        let Some(installation) = sign_in.request.user_agent.id else {
            return Ok(Vec::new());
        };
        if sign_in.is_anonymous || !sign_in.server.makes_tokens() {
            return Ok(Vec::new());
        }
        let client = ClientName::of_installation(installation);
        let renewed = self.used(&sign_in, &client).await?;
        // A client that asks gets what it asks for.
        let asked = sign_in.request.inline(REQUEST_TOKEN, NS);
        let wanted = match asked.and_then(protocol::requested) {
            Some(mechanism) => Some((mechanism, Duration::ZERO)),
            None => renewed.map(|mechanism| (mechanism, self.config.renewal.0)),
        };
        let Some((mechanism, fresh)) = wanted else {
            return Ok(Vec::new());
        };
        let grant = Grant {
            mechanism,
            credentials: sign_in.credentials,
            lifetime: self.config.lifetime.0,
            fresh,
        };
        let issued = sign_in.server.issue_token(&sign_in.jid, &client, grant);
        Ok(vec![protocol::token(&issued.await?)])
    }
}

impl FastSignIn {
    /// The client signed in with a token: that is noted before it is told. Gives the mechanism to renew the token for, if it
    /// is due, [§3.5](https://xmpp.org/extensions/xep-0484.html).
    async fn used(
        &self,
        sign_in: &SignIn,
        client: &ClientName,
    ) -> Result<Option<Mechanism>, SaslFailure> {
        let Some(token) = &sign_in.token else {
            return Ok(None);
        };
        let fast = sign_in.request.inline(FAST, NS);
        let how = protocol::used(fast.ok_or(SaslFailure::MalformedRequest)?, sign_in.is_early)?;
        let server = &sign_in.server;
        server.use_token(&sign_in.jid, client, token, how).await?;
        let age = server.environment().timestamp().since(token.issued());
        let is_due = age >= self.config.renewal.0 && !how.invalidates;
        Ok(token.mechanism().filter(|_| is_due))
    }
}

/// Removes what is long over.
impl Job for FastSignIn {
    async fn run(&self, _: &Arc<Host>, server: &Arc<Server>) {
        let mut batch = Batch::new();
        batch.expire(server.environment().timestamp().as_micros());
        server.store().submit(batch);
    }
}
