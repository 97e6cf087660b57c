//! # Software Version
//!
//! Says which software and version the host runs. The operating system is told only where the
//! operator wants it to be.
//!
//! Spec: [XEP-0092](https://xmpp.org/extensions/xep-0092.html) 1.1, complete.

use engine::{
    HostFacts,
    module::{
        Answer, AnswerIq, ConfigError, IqContext, Key, Method, Module, Payload, Spec, To, Wiring,
    },
};
use stanza::StanzaError;
use xml::{Builder, Element};

/// The namespace.
const NS: &str = "jabber:iq:version";

/// The feature.
pub struct SoftwareVersion {
    tells_os: bool,
}

engine::config! {
    /// `version = { os = true }`.
    #[derive(Clone, Copy, Debug)]
    pub struct Config {
        /// Whether the answer names the operating system. Off by default: it helps attackers more than users.
        pub os: bool,
    }
}

impl Module for SoftwareVersion {
    const NAME: &'static str = "version";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0092", "1.1")];
    type Config = Config;

    fn keys() -> Vec<Key> {
        Config::keys()
    }

    fn new(config: Config, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self {
            tells_os: config.os,
        }))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.disco_feature(NS).iq::<Query>(To::Host);
    }
}

/// `<query/>`, [§2](https://xmpp.org/extensions/xep-0092.html#usecases).
struct Query;

impl Payload for Query {
    const ELEMENT: &'static str = "query";
    const NS: &'static str = NS;
    const METHOD: Method = Method::Get;

    fn parse(_: &Element<'_>) -> Result<Self, StanzaError> {
        Ok(Self)
    }
}

impl AnswerIq<Query> for SoftwareVersion {
    fn answer_iq(&self, _: Query, _: &mut IqContext<'_>) -> Answer {
        let answer = Builder::new("query", NS)
            .child_text("name", "Couplet")
            .child_text("version", env!("CARGO_PKG_VERSION"));
        let answer = match self.tells_os {
            true => answer.child_text("os", std::env::consts::OS),
            false => answer,
        };
        Ok(Some(answer.build()))
    }
}
