//! What an account lets strangers do, and whom its user has written to.

use std::collections::BTreeMap;

use engine::{
    account::{Account, Resident, only},
    pipeline::Context,
};
use jid::{BareJid, Jid};
use serde::{Deserialize, Serialize};
use store::{Collection, Map, Version};

/// So many people a user can have written to who are no contacts. Behind that, whoever was written to first is a
/// stranger again.
const ACQUAINTANCES_MAX: usize = 200;

/// Whether strangers get through.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Rule {
    /// They do.
    #[default]
    Allow,
    /// They don't.
    Block,
}

/// What the user has decided, if anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Own(Option<Rule>);

impl Resident for Own {
    type Key = ();
    type Value = Option<Rule>;
    const COLLECTION: Collection<Map<(), Option<Rule>>> =
        Collection::new("strangers.rule", Version(1));

    fn load(entries: Vec<((), Option<Rule>)>) -> Self {
        Self(only(entries))
    }
}

/// What holds for an account.
pub(super) fn in_force(account: &Account, usual: Rule) -> Rule {
    let own = account.resident::<Own>();
    own.and_then(|own| own.0).unwrap_or(usual)
}

/// The user decides.
pub(super) fn decide(account: &mut Account, cx: &Context<'_>, rule: Rule) {
    cx.batch()
        .put(Own::COLLECTION, account.owner(), &(), &Some(rule));
    let before = std::mem::replace(account.resident_mut::<Own>(), Own(Some(rule)));
    cx.undo_if_lost(Box::new(move |account| {
        *account.resident_mut::<Own>() = before;
    }));
}

/// Whom the user wrote to while strangers were kept out, with when that first was, in microseconds since 1970 UTC.
#[derive(Clone, Debug, Default)]
pub(super) struct Acquaintances(BTreeMap<Box<str>, i64>);

impl Resident for Acquaintances {
    type Key = BareJid;
    type Value = i64;
    const COLLECTION: Collection<Map<BareJid, i64>> =
        Collection::new("strangers.written-to", Version(1));

    fn load(entries: Vec<(BareJid, i64)>) -> Self {
        let entries = entries.into_iter();
        Self(entries.map(|(jid, at)| (jid.as_str().into(), at)).collect())
    }
}

/// The user writes to somebody, who may answer from now on. Nothing waits for that to be stored.
pub(super) fn wrote(account: &mut Account, cx: &Context<'_>, to: &BareJid) {
    let known = account.resident_mut::<Acquaintances>();
    if known.0.contains_key(to.as_str()) {
        return;
    }
    let at = cx.timestamp().as_micros();
    known.0.insert(to.as_str().into(), at);
    let oldest = (known.0.len() > ACQUAINTANCES_MAX)
        .then(|| known.0.iter().min_by_key(|(_, at)| **at))
        .flatten()
        .map(|(jid, _)| jid.clone());
    if let Some(oldest) = &oldest {
        known.0.remove(oldest);
    }
    let owner = account.owner();
    cx.aside().put(Acquaintances::COLLECTION, owner, to, &at);
    if let Some(oldest) = oldest.and_then(|oldest| BareJid::parse(&oldest).ok()) {
        cx.aside().delete(Acquaintances::COLLECTION, owner, &oldest);
    }
}

/// Whether the user has nothing to do with `peer`. The own account, the host and other domains as such are no
/// strangers: they speak for operators and services.
pub(super) fn is_stranger(account: &Account, peer: &Jid) -> bool {
    let is_domain = peer.bare_str() == peer.domain();
    let own = peer.bare_str() == account.jid().as_str();
    let met = |resource: &engine::account::Resource| {
        let mut directed = resource.directed();
        directed.any(|target| target.bare_str() == peer.bare_str())
    };
    let wrote = || {
        let known = account.resident::<Acquaintances>();
        known.is_some_and(|known| known.0.contains_key(peer.bare_str()))
    };
    !is_domain
        && !own
        && account.contacts().standing(&peer.bare()).is_blank()
        && account.contacts().item(&peer.bare()).is_none()
        && !wrote()
        && !account.resources().any(met)
}
