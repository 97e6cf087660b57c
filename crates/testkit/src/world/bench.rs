//! How a server in a world is made, and the least that is said to get somebody online there.

use std::{num::NonZeroU32, sync::Arc};

use engine::{
    ClientSettings, ConflictPolicy, HostFacts, HostSettings, Settings, SmSettings, TlsFacts,
    module::Entry,
};
use jid::{Domain, JidError};
use serde_json::Value;

use super::{
    link::LinkId,
    server::{Restless, World},
};

/// The password of everybody who signs in by [`World::online`].
pub const PASSWORD: &str = "secret";

/// How a server in a world is made.
pub struct Bench {
    /// The features.
    pub entries: &'static [Entry],
    /// Hosts and limits.
    pub settings: Settings,
    /// What clients get.
    pub clients: Arc<ClientSettings>,
}

impl Bench {
    /// One host, on which passwords cost nothing to derive; for its features these settings, and everything else as it is
    /// by itself.
    ///
    /// # Errors
    ///
    /// When `domain` is none.
    pub fn of_host(
        domain: &str,
        entries: &'static [Entry],
        modules: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, JidError> {
        let mut facts = HostFacts::new(Domain::parse(domain)?);
        facts.scram_iterations = NonZeroU32::MIN;
        let host = HostSettings {
            facts,
            modules: modules.into_iter().collect(),
        };
        Ok(Self {
            entries,
            settings: Settings {
                hosts: vec![host],
                ..Settings::default()
            },
            clients: Arc::new(ClientSettings {
                stream: Arc::default(),
                requires_tls: true,
                can_start_tls: true,
                conflict: ConflictPolicy::KickOld,
                sm: SmSettings::default(),
            }),
        })
    }
}

impl World {
    /// A client of an account of `domain` connects with TLS, signs in by [`PASSWORD`], binds and becomes available, with
    /// nobody reading along.
    ///
    /// # Errors
    ///
    /// [`Restless`].
    pub fn online(&mut self, name: &str, domain: &str) -> Result<LinkId, Restless> {
        let link = self.connect(Some(TlsFacts::default()));
        let header = format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='{domain}' version='1.0'>"
        );
        let plain = sasl::wire::encode(&sasl::client::plain(name, PASSWORD));
        let auth = format!(
            "{header}<auth xmlns='{}' mechanism='PLAIN'>{plain}</auth>",
            xml::ns::SASL
        );
        let bind = format!(
            "{header}<iq type='set' id='bind'><bind xmlns='{}'/></iq><presence/>",
            xml::ns::BIND
        );
        for text in [auth, bind] {
            self.send(link, text.as_bytes());
            self.settle()?;
        }
        Ok(link)
    }
}
