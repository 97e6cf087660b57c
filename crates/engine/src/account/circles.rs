//! Contacts that features provide: circles of accounts who are each other's contacts, whatever their own lists say.
//!
//! A circle is one object that all its members share. Nothing of it is stored with a member, and none of it is the
//! member's to change: what a user gives such a contact (a name, groups of the user's own) stands beside it in the
//! user's own list. Who is in which circle is for the feature to say ([`Circles`](crate::module::Circles)); it is asked
//! when an account comes into memory, and again when the feature says that something has changed.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jid::{BareJid, Jid};

use super::{
    Account, AccountCell, Contact, ContactRef, Contacts, presence,
    subscription::{Standing, State},
};
use crate::{
    environment::let_others_work,
    host::Host,
    pipeline::{Context, Gates, events::ContactChanged},
    server::Server,
};

/// Accounts that are each other's contacts, shown in a group of that name.
#[derive(Debug)]
pub struct Circle {
    members: BTreeMap<BareJid, Contact>,
    hash: u64,
}

impl Circle {
    /// These accounts, in a group of this name.
    #[must_use]
    pub fn new(group: &str, members: impl IntoIterator<Item = BareJid>) -> Self {
        let contact = Contact {
            standing: Standing::default().provided(),
            groups: vec![group.to_owned()],
            ..Contact::default()
        };
        let members: BTreeMap<BareJid, Contact> = members
            .into_iter()
            .map(|member| (member, contact.clone()))
            .collect();
        let names = members.keys().map(|member| member.as_str());
        let hash = hash(std::iter::once(group).chain(names));
        Self { members, hash }
    }

    /// Whether this account is in it.
    #[must_use]
    pub fn contains(&self, account: &BareJid) -> bool {
        self.members.contains_key(account)
    }

    /// All of them, by address.
    pub fn members(&self) -> impl Iterator<Item = &BareJid> {
        self.members.keys()
    }
}

/// FNV-1a over texts that are told apart: the same in every life of the server.
fn hash<'t>(texts: impl Iterator<Item = &'t str>) -> u64 {
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Standing {
    /// As it is towards somebody in the same circle.
    pub(super) fn provided(self) -> Self {
        Self {
            state: State::Both,
            listed: true,
            ..self
        }
    }
}

/// The circles of one account.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    /// Whose they are: nobody is in his own list.
    own: BareJid,
    circles: Vec<Arc<Circle>>,
    /// What the version of the roster says of them.
    pub(super) mark: u64,
}

impl Joined {
    /// 0 stands for none at all.
    fn mark_of(circles: &[Arc<Circle>]) -> u64 {
        let mark = circles.iter().fold(0_u64, |mark, circle| {
            mark.rotate_left(7).wrapping_add(circle.hash)
        });
        match circles.is_empty() {
            true => 0,
            false => mark.max(1),
        }
    }

    /// The contact as each circle has it.
    fn find<'a>(&'a self, jid: &BareJid) -> impl Iterator<Item = &'a Contact> {
        let circles = match *jid == self.own {
            true => &[],
            false => &*self.circles,
        };
        circles.iter().filter_map(|circle| circle.members.get(jid))
    }

    /// Everybody in them, once.
    fn everybody(&self) -> impl Iterator<Item = (&BareJid, &Contact)> {
        self.circles
            .iter()
            .enumerate()
            .flat_map(|(at, circle)| circle.members.iter().map(move |member| (at, member)))
            .filter(|(at, (jid, _))| {
                let earlier = self.circles.iter().take(*at);
                **jid != self.own && !earlier.into_iter().any(|circle| circle.contains(jid))
            })
            .map(|(_, member)| member)
    }
}

impl Contacts {
    /// Whether a feature provides this contact.
    #[must_use]
    pub fn is_provided(&self, jid: &BareJid) -> bool {
        self.joined
            .as_ref()
            .is_some_and(|joined| joined.find(jid).next().is_some())
    }

    /// The groups in which features show this contact.
    pub(super) fn provided_groups(&self, jid: &BareJid) -> Vec<String> {
        let joined = self.joined.iter().flat_map(|joined| joined.find(jid));
        joined.flat_map(|contact| contact.groups.clone()).collect()
    }

    /// Those that only features provide.
    pub(super) fn only_provided(&self) -> impl Iterator<Item = (&BareJid, &Contact)> {
        self.joined
            .iter()
            .flat_map(|joined| joined.everybody())
            .filter(|(jid, _)| self.get(jid).is_none())
    }

    /// A contact that features provide as the roster shows it, with what the account's own list has of it.
    pub(super) fn provided<'c>(
        &'c self,
        jid: &BareJid,
        own: Option<&ContactRef<'c>>,
    ) -> Option<Cow<'c, Contact>> {
        let mut provided = self.joined.iter().flat_map(|joined| joined.find(jid));
        let (first, second) = (provided.next()?, provided.next());
        if own.is_none() && second.is_none() {
            return Some(Cow::Borrowed(first));
        }
        let mut merged = own.map(ContactRef::to_contact).unwrap_or_default();
        merged.standing = merged.standing.provided();
        for contact in std::iter::once(first).chain(second).chain(provided) {
            merged.groups.extend(contact.groups.iter().cloned());
        }
        merged.groups.sort_unstable();
        merged.groups.dedup();
        Some(Cow::Owned(merged))
    }

    /// Takes the circles of account `own`; nobody is told. Once there were some, it is known that there are none.
    fn join(&mut self, own: &BareJid, circles: Vec<Arc<Circle>>) {
        if self.joined.is_none() && circles.is_empty() {
            return;
        }
        self.joined = Some(Box::new(Joined {
            own: own.clone(),
            mark: Joined::mark_of(&circles),
            circles,
        }));
    }

    /// Everybody in the circles.
    fn in_circles(&self) -> BTreeSet<BareJid> {
        let joined = self.joined.iter().flat_map(|joined| joined.everybody());
        joined.map(|(jid, _)| jid.clone()).collect()
    }

    fn are_joined(&self, circles: &[Arc<Circle>]) -> bool {
        let joined = self.joined.as_ref();
        let joined = joined.map_or(&[][..], |joined| &joined.circles);
        joined.len() == circles.len()
            && joined
                .iter()
                .zip(circles)
                .all(|(one, other)| one.hash == other.hash)
    }

    /// What the roster's version says of the circles.
    fn set_mark(&mut self, mark: u64) {
        if let Some(joined) = &mut self.joined {
            joined.mark = mark;
        }
    }

    /// The same; 0 where there are none.
    pub(super) fn mark(&self) -> u64 {
        self.joined.as_ref().map_or(0, |joined| joined.mark)
    }
}

/// The account came into memory: it has the contacts that features provide.
pub(crate) fn enter(account: &mut Account, cx: &Context<'_>) {
    if account.is_anonymous() || !cx.host().has_circles() {
        return;
    }
    let circles = cx.host().circles_of(account.jid());
    let own = account.jid().clone();
    account.contacts.join(&own, circles);
}

/// Its circles may be others now: who is new in them sees the account and the other way round, who is no longer does
/// not, and resources that asked for the roster are told what changed in it.
fn renew(account: &mut Account, cx: &Context<'_>) {
    let circles = cx.host().circles_of(account.jid());
    if account.is_anonymous() || account.contacts.are_joined(&circles) {
        return;
    }
    let own = account.jid().clone();
    let mut concerned = account.contacts.in_circles();
    let members = circles.iter().flat_map(|circle| circle.members());
    concerned.extend(members.filter(|member| **member != own).cloned());
    let before: Vec<_> = concerned
        .into_iter()
        .map(|jid| (look(account, &jid), jid))
        .collect();
    let mark_before = account.contacts.mark();
    account.contacts.join(&own, circles);
    let mut changed = Vec::new();
    for ((was_seen, item_before), jid) in before {
        let (is_seen, item) = look(account, &jid);
        let peer = Jid::from(jid.clone());
        match (was_seen, is_seen) {
            (false, true) if cx.may_address(account, &peer) => {
                presence::send_presence(account, cx, &peer, None, false);
            }
            (true, false) => presence::send_unavailable(account, cx, &jid),
            _ => {}
        }
        let is_same = match (&item_before, &item) {
            (Some(before), Some(now)) => before.same(now),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            changed.push((jid, item));
        }
    }
    tell(account, cx, mark_before, changed);
}

/// Whether a contact sees the account, and how the roster shows it.
fn look(account: &Account, jid: &BareJid) -> (bool, Option<Contact>) {
    let contacts = account.contacts();
    let is_seen = contacts.standing(jid).state.is_seen_by_contact();
    (is_seen, contacts.item(jid))
}

/// Whoever is cut off between two changes must not believe that it has them all: only with the last the roster has its
/// new version.
fn tell(
    account: &mut Account,
    cx: &Context<'_>,
    mark_before: u64,
    changed: Vec<(BareJid, Option<Contact>)>,
) {
    let mark = account.contacts.mark();
    let last = changed.len().saturating_sub(1);
    for (at, (contact, now)) in changed.into_iter().enumerate() {
        let shown = if at < last { mark_before } else { mark };
        account.contacts.set_mark(shown);
        cx.tell(ContactChanged { contact, now }, account);
    }
}

/// How many accounts are looked at before others have the worker.
const CHUNK: usize = 64;

impl Server {
    /// A feature provides other contacts than before, to all accounts of the host or to those that are `concerned`.
    /// Those in memory learn of it now, the others when they are read.
    pub async fn circles_changed(self: &Arc<Self>, host: &Host, concerned: Option<&[BareJid]>) {
        let cells = match concerned {
            Some(accounts) => accounts
                .iter()
                .filter_map(|account| self.known_account(account))
                .collect(),
            None => self.registry.all(),
        };
        let own = |cell: &&Arc<AccountCell>| cell.jid().domain() == host.domain().as_str();
        for (at, cell) in cells.iter().filter(own).enumerate() {
            self.visit(cell, Gates::OPEN, renew);
            if at % CHUNK == CHUNK - 1 {
                let_others_work().await;
            }
        }
    }
}
