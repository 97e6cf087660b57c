//! # Roster
//!
//! A user's contact list: asked for, changed, and pushed to every resource that asked for it. What a
//! user and a contact are to each other is decided by presence stanzas, in the engine; the roster
//! shows it and ends it when a contact is removed.
//!
//! Spec: [RFC 6121 §2](https://www.rfc-editor.org/rfc/rfc6121#section-2), with versioning
//! ([§2.6](https://www.rfc-editor.org/rfc/rfc6121#section-2.6)): a client that comes back gets what
//! changed, where that is less than everything.
//!
//! `protocol.rs` holds the wire forms and what may be written into them, `tests/` the transcripts.

mod protocol;

use std::sync::Arc;

use engine::{
    Environment, HostFacts,
    account::{Account, NotRemoved, RosterVersion},
    module::{
        Answer, AnswerIq, AtStream, ConfigError, IqContext, Module, NoConfig, On, Spec, To, Wiring,
    },
    pipeline::{Context, Stage, events::ContactChanged},
};
use jid::BareJid;
use protocol::{Change, Get, Set};
use stanza::{Condition, IqType, Stanza, StanzaError};
use xml::Builder;

/// The feature.
pub struct Roster;

impl Module for Roster {
    const NAME: &'static str = "roster";
    const SPECS: &'static [Spec] = &[Spec::new("RFC 6121 §2", "")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .disco_account_feature(protocol::NS)
            .stream_feature(AtStream::AfterSignIn, |_, _| {
                Some(Builder::new("ver", protocol::NS_VERSIONING).build())
            })
            .stream_feature(AtStream::AfterSignIn, |_, _| {
                Some(Builder::new("sub", protocol::NS_PRE_APPROVAL).build())
            })
            .iq::<Get>(To::OwnAccount)
            .iq::<Get>(To::OtherAccount)
            .iq::<Set>(To::OwnAccount)
            .iq::<Set>(To::OtherAccount)
            .on::<ContactChanged>(Stage::Listen);
    }
}

/// The roster, [§2.1.3](https://www.rfc-editor.org/rfc/rfc6121#section-2.1.3), or what changed in it since
/// the version the client has. From now on the resource gets pushes.
impl AnswerIq<Get> for Roster {
    fn answer_iq(&self, get: Get, cx: &mut IqContext<'_>) -> Answer {
        let resource = cx.resource().ok_or_else(forbidden)?;
        resource.set_interested();
        let Some((account, run)) = cx.account() else {
            return Err(forbidden());
        };
        let contacts = account.contacts();
        let changes = get
            .version
            .and_then(|version| contacts.changes_since(version))
            .filter(|changes| changes.is_empty() || changes.len() < contacts.listed().count());
        let Some(changes) = changes else {
            return Ok(Some(protocol::roster(contacts)));
        };
        let environment = run.server().environment();
        let pushes: Vec<Stanza> = changes
            .into_iter()
            .map(|change| {
                let item = protocol::item_or_removed(&change.jid, change.now.as_ref());
                push(environment, item, change.version)
            })
            .collect();
        for push in pushes {
            cx.push_afterwards(push);
        }
        Ok(None)
    }
}

/// A contact is added, changed or removed, [§2.3](https://www.rfc-editor.org/rfc/rfc6121#section-2.3) to
/// [§2.5](https://www.rfc-editor.org/rfc/rfc6121#section-2.5).
impl AnswerIq<Set> for Roster {
    fn answer_iq(&self, set: Set, cx: &mut IqContext<'_>) -> Answer {
        if cx.asked() != To::OwnAccount {
            return Err(forbidden());
        }
        let Some((account, run)) = cx.account() else {
            return Err(forbidden());
        };
        let (contact, change) = set.into_change(account.jid())?;
        match change {
            Change::Remove => match account.remove_contact(run, &contact) {
                Ok(()) => Ok(None),
                Err(NotRemoved::Missing) => Err(StanzaError::new(Condition::ItemNotFound)),
                Err(NotRemoved::Provided) => Err(StanzaError::new(Condition::NotAllowed)
                    .with_text("the contact is there by a shared group")),
            },
            Change::Put { name, groups } => {
                match account.put_contact(run, &contact, name, groups) {
                    Ok(()) => Ok(None),
                    Err(_) => Err(StanzaError::new(Condition::ResourceConstraint)
                        .with_text("the contact list is full")),
                }
            }
        }
    }
}

/// Every interested resource learns of each change, [§2.1.6](https://www.rfc-editor.org/rfc/rfc6121#section-2.1.6).
impl On<ContactChanged> for Roster {
    fn on(&self, event: &mut ContactChanged, account: &mut Account, cx: &Context<'_>) {
        let item = protocol::item_or_removed(&event.contact, event.now.as_ref());
        let version = account.contacts().version();
        let push = Arc::new(push(cx.server().environment(), item, version));
        for resource in account
            .resources()
            .filter(|resource| resource.is_interested())
        {
            cx.push(resource.session(), &push);
        }
    }
}

/// One item, pushed. Nobody waits for the client's answer, and its id is used once.
fn push(environment: &dyn Environment, item: Builder, version: RosterVersion) -> Stanza {
    let mut id = [0; 8];
    environment.fill_random(&mut id);
    let id = format!("roster-{:016x}", u64::from_be_bytes(id));
    let query = Builder::new("query", protocol::NS)
        .attr("ver", version.to_string())
        .child(item);
    Stanza::iq(IqType::Set, &id).with_child(query.build())
}

/// A roster is its owner's, §2.3.3. The same is said of one that is not there.
fn forbidden() -> StanzaError {
    StanzaError::new(Condition::Forbidden)
}

/// Of whom a request speaks must be somebody else.
fn not_oneself(contact: &BareJid, own: &BareJid) -> Result<(), StanzaError> {
    match contact == own {
        true => Err(StanzaError::new(Condition::NotAllowed)),
        false => Ok(()),
    }
}
