//! What commands have made: one value per member, so that one can go without the others being read.

use std::{collections::BTreeMap, sync::Arc};

use engine::{Host, Server};
use jid::{BareJid, Domain};
use store::{Batch, Collection, Map, Owner, StoreError, Version};

use super::config::ALL;

/// By group and member; the member is an address, or `@all`.
const MEMBERS: Collection<Map<(String, String), ()>> =
    Collection::new("groups.members", Version(1));

/// The members of the groups that commands have made, by group.
pub(super) type Stored = BTreeMap<String, Vec<Member>>;

/// Who is meant.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Member {
    /// Every account.
    Everybody,
    /// This one.
    Account(BareJid),
}

impl Member {
    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Everybody => ALL,
            Self::Account(jid) => jid.as_str(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            ALL => Some(Self::Everybody),
            text => BareJid::parse(text).ok().map(Self::Account),
        }
    }
}

/// All groups of a host.
pub(super) async fn all(server: &Arc<Server>, host: &Host) -> Result<Stored, StoreError> {
    let owner = Owner::Host(host.domain().clone());
    let mut groups = Stored::new();
    for ((group, member), ()) in server.store().read(MEMBERS.all(&owner)).await? {
        if let Some(member) = Member::parse(&member) {
            groups.entry(group).or_default().push(member);
        }
    }
    Ok(groups)
}

/// Puts somebody into a group.
pub(super) async fn add(
    server: &Arc<Server>,
    host: &Domain,
    group: &str,
    member: &Member,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    let key = (group.to_owned(), member.as_str().to_owned());
    batch.put(MEMBERS, &Owner::Host(host.clone()), &key, &());
    server.store().settled(server.store().submit(batch)).await
}

/// Takes somebody out of a group.
pub(super) async fn take(
    server: &Arc<Server>,
    host: &Domain,
    group: &str,
    member: &Member,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    let key = (group.to_owned(), member.as_str().to_owned());
    batch.delete(MEMBERS, &Owner::Host(host.clone()), &key);
    server.store().settled(server.store().submit(batch)).await
}

/// The account goes.
pub(super) fn remove(batch: &mut Batch, account: &BareJid, group: &str) {
    let key = (group.to_owned(), account.as_str().to_owned());
    batch.delete(MEMBERS, &Owner::Host(account.to_domain()), &key);
}
