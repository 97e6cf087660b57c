//! # Private XML Storage
//!
//! A place where clients keep what only their user is to see, such as settings and bookmarks: one element
//! per name and namespace.
//!
//! Spec: [XEP-0049](https://xmpp.org/extensions/xep-0049.html) 1.2, complete. Namespaces that servers of old
//! reserved are as good as any. Another's storage is answered as by a server that has none.
//!
//! `protocol.rs` holds the wire forms, `tests/` the transcripts.

mod protocol;

use engine::{
    Action, HostFacts, may,
    module::{Answer, ConfigError, HandleIq, IqJob, Module, NoConfig, Spec, To, Wiring},
};
use protocol::{Get, Name, Set};
use stanza::{Condition, StanzaError};
use store::{Collection, Key, Map, Owner, StoreError, Version};
use xml::Fragment;

/// One element per name, as it is written.
const ELEMENTS: Collection<Map<Name, String>> = Collection::new("private.elements", Version(1));

/// The feature.
pub struct PrivateStorage;

impl Module for PrivateStorage {
    const NAME: &'static str = "private";
    const SPECS: &'static [Spec] = &[Spec::new("XEP-0049", "1.2")];
    type Config = NoConfig;

    fn new(_: NoConfig, _: &HostFacts) -> Result<Option<Self>, ConfigError> {
        Ok(Some(Self))
    }

    fn wire(wiring: &mut Wiring<'_, Self>) {
        wiring
            .disco_feature(protocol::NS)
            .iq_waiting::<Get>(To::OwnAccount)
            .iq_waiting::<Set>(To::OwnAccount);
    }
}

/// What is kept under a name, or an empty element of that name.
impl HandleIq<Get> for PrivateStorage {
    async fn handle_iq(&self, Get { name, empty }: Get, job: IqJob) -> Answer {
        let owner = Owner::Account(job.from().bare());
        let kept = job.server().store().get(ELEMENTS, &owner, &name).await;
        let kept = kept.map_err(|error| unavailable(&error))?;
        let kept = kept.and_then(|text| Fragment::parse(&text).ok());
        Ok(Some(protocol::query(kept.unwrap_or(empty))))
    }
}

/// Keeps elements in the place of those that have their names; an empty one is forgotten.
impl HandleIq<Set> for PrivateStorage {
    async fn handle_iq(&self, Set(elements): Set, job: IqJob) -> Answer {
        if !may(job.role(), Action::StoreData) {
            return Err(StanzaError::new(Condition::Forbidden));
        }
        let owner = Owner::Account(job.from().bare());
        let store = job.server().store();
        let kept = store.write(ELEMENTS, &owner).await;
        let mut kept = kept.map_err(|error| unavailable(&error))?;
        for (name, element) in elements {
            match element {
                Some(element) => kept.put(name, element.as_str().to_owned()),
                None => drop(kept.delete(&name)),
            }
        }
        let bytes: usize = kept
            .iter()
            .map(|(name, text)| name.to_key().len() + text.len())
            .sum();
        if bytes > job.server().limits().private_storage_bytes_max {
            return Err(StanzaError::new(Condition::ResourceConstraint)
                .with_text("the private storage is full"));
        }
        let changes = std::mem::take(kept.batch());
        job.store_for_account(changes).await.map_err(|error| {
            tracing::error!(%error, "a user's private storage can't be written; the request is refused");
            StanzaError::new(Condition::InternalServerError)
        })?;
        Ok(None)
    }
}

fn unavailable(error: &StoreError) -> StanzaError {
    tracing::error!(%error, "a user's private storage can't be read; the request is refused");
    StanzaError::new(Condition::InternalServerError)
}
