//! # Multicast
//!
//! A client sends a message or presence once, to its host, with the addresses of those who shall get it. Each of them
//! gets it as if the client had sent it there itself: screened, archived and answered like any other, and presence that
//! was given out so is taken back when the client goes.
//!
//! Spec: [XEP-0033](https://xmpp.org/extensions/xep-0033.html) 1.2.1, for accounts of this server and to addresses of this
//! server. A stanza that names another server is refused as a whole (`forbidden`, step 5 of §6), so that nobody can make
//! this server send more to others than was sent to it. Stanzas that go straight to a recipient keep their addresses as
//! they are.
//!
//! `addresses.rs` reads and writes addresses, `tests/` holds the transcripts.

mod addresses;

use addresses::{Address, Kind, NS};
use engine::{
    Action, HostFacts, Server, may,
    module::{ConfigError, FanOut, Module, NoConfig, Spec, Wiring},
    session::Session,
};
use jid::Jid;
use stanza::{Condition, MessageType, PresenceType, Stanza, StanzaError};

/// The feature.
pub struct Multicast;

impl Module for Multicast {
    const NAME: &'static str = "multicast";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0033", "1.2.1")
        .except("addresses of other servers and kinds of address other than JIDs")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring.disco_feature(NS).fan_out();
    }
}

/// Sends a stanza on to each of its addresses, [§6](https://xmpp.org/extensions/xep-0033.html#multicast).
impl FanOut for Multicast {
    fn fan_out(
        &self,
        stanza: &Stanza,
        session: &Session,
        server: &Server,
    ) -> Option<Result<Vec<(Jid, Stanza)>, StanzaError>> {
        let is_error = matches!(
            stanza.kind(),
            stanza::Kind::Message(MessageType::Error) | stanza::Kind::Presence(PresenceType::Error)
        );
        let is_meant = stanza.has("addresses", NS) && !is_error;
        is_meant.then(|| copies(stanza, session, server))
    }
}

fn copies(
    stanza: &Stanza,
    session: &Session,
    server: &Server,
) -> Result<Vec<(Jid, Stanza)>, StanzaError> {
    if !may(session.role(), Action::Multicast) {
        return Err(Condition::Forbidden.into());
    }
    if let stanza::Kind::Presence(kind) = stanza.kind()
        && !matches!(kind, PresenceType::Available | PresenceType::Unavailable)
    {
        return Err(forbidden("subscriptions are asked for one by one"));
    }
    let mut found = stanza.children().filter(|child| child.is("addresses", NS));
    let (Some(child), None) = (found.next(), found.next()) else {
        return Err(Condition::BadRequest.into());
    };
    let tree = child.tree();
    let most = server.limits().multicast_addresses_max;
    let addresses = addresses::read(&tree.root(), most)?;
    for address in &addresses {
        check(address, session, server)?;
    }
    let bare = stanza.clone().without(|child| child.is("addresses", NS));
    let copy = |address: &Address<'_>| {
        let to = address.jid()?.clone();
        let shown = addresses::shown_to(&addresses, address);
        Some((to, bare.clone().with_child(shown)))
    };
    Ok(addresses::recipients(&addresses)
        .into_iter()
        .filter_map(copy)
        .collect())
}

/// Whether the stanza can go to `address`, and the sender may name it.
fn check(address: &Address<'_>, session: &Session, server: &Server) -> Result<(), StanzaError> {
    let Some(jid) = address.jid() else {
        return Ok(());
    };
    // Who a message is from originally, only rooms know: §4.6.7.
    if address.kind() == Kind::OriginalFrom && jid.bare_str() != session.full_jid().bare_str() {
        return Err(forbidden("you are not who it is from"));
    }
    let is_host = jid.local().is_none() && server.host(jid.domain()).is_some();
    match address.is_recipient() && (is_host || !server.is_ours(jid.domain())) {
        true => Err(forbidden("only to accounts and services of this server")),
        false => Ok(()),
    }
}

fn forbidden(text: &str) -> StanzaError {
    StanzaError::new(Condition::Forbidden).with_text(text)
}
